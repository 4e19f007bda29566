/** A scenario as data: machines, and steps of actions and expectations in the order in which they are played. */

export interface Scenario {
  readonly title: string;
  readonly machines: readonly MachineLine[];
  readonly steps: readonly Step[];
}

export interface MachineLine {
  readonly name: string;
  /** `192.168.18.207/24`, on eth0. */
  readonly address: string;
  /** The address of eth1, which is plugged into a segment of its own. */
  readonly second?: string;
  /** A file beside the scenario that becomes /etc/keepalived/keepalived.conf. */
  readonly config?: string;
  /** What its web server shows at `/`. */
  readonly page?: string;
}

export interface Step {
  readonly title: string;
  readonly line: number;
  readonly statements: readonly Statement[];
}

export const SERVICES = ['nginx', 'mail', 'vipwrightd', 'keepalived', 'probe', 'capture'] as const;
export type ServiceName = (typeof SERVICES)[number];

export const CARDS = ['eth0', 'eth1'] as const;
export type CardName = (typeof CARDS)[number];

/** What a line says is kept as `text`, so that a report can repeat it. `line` counts from 1. */
interface Said {
  readonly line: number;
  readonly text: string;
}

export type Statement = Action | Expectation;

export type Action = Said &
  (
    | { readonly kind: 'start'; readonly service: ServiceName; readonly machine: string; readonly target?: string }
    | { readonly kind: 'stop' | 'kill' | 'reload'; readonly service: ServiceName; readonly machine: string }
    /** `run` must succeed; `show` belongs into the report and must succeed as well. */
    | { readonly kind: 'run' | 'show'; readonly machine: string; readonly argv: readonly string[] }
    | { readonly kind: 'replace'; readonly machine: string; readonly file: string; readonly from: string; readonly to: string }
    | { readonly kind: 'plug' | 'unplug'; readonly machine: string; readonly card: CardName }
    | { readonly kind: 'wait'; readonly durationMs: number }
  );

/** Every expectation is tried again until it holds or `withinMs` is over (0: it has to hold at once). */
export type Expectation = Said & { readonly withinMs: number } & (
    | { readonly kind: 'table'; readonly machine: string; readonly rows: readonly string[] }
    | { readonly kind: 'vip'; readonly machine: string; readonly address: string; readonly present: boolean }
    | { readonly kind: 'mail'; readonly machine: string; readonly subject: string }
    | { readonly kind: 'log'; readonly service: ServiceName; readonly machine: string; readonly contains: string }
    /** The log's lines about states, scripts and priorities, from where the last story ended: these, in this order, and no others between. */
    | { readonly kind: 'story'; readonly service: ServiceName; readonly machine: string; readonly lines: readonly string[] }
    /** One answer: each of several requests gets it. More: the requests get them in turn. */
    | { readonly kind: 'curl'; readonly machine: string; readonly url: string; readonly answers: readonly string[] }
    /** The longest outage since the last such expectation; a probe has to run on the machine. */
    | { readonly kind: 'outage'; readonly machine: string; readonly limitMs: number }
    /** What the capture on that machine holds from that sending machine is free of malformed packets and wrong checksums, and is not nothing. */
    | { readonly kind: 'capture'; readonly machine: string; readonly sender: string }
  );

export function isExpectation(statement: Statement): statement is Expectation {
  return 'withinMs' in statement;
}
