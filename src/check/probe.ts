/** What the engine knows: probes, each with what it has found so far, and the servers that they speak for. */
import { type Check, type RealServerKey, realServerText, type ServerVerdict, type ServiceKey, serviceKeyText } from '../model/index.ts';
import type { Dialogue } from './dialogue.ts';
import { HttpDialogue } from './http.ts';
import { TcpDialogue } from './tcp.ts';

/**
 * `undecided` until the first round ended. Then one failure means down, so that a dead server gets no traffic at start;
 * later a live server is declared down only after `retry` more failures, and a dead one up after one success.
 */
type ProbeVerdict = 'undecided' | 'up' | 'down';

/** `waiting` for its time; `ready` but held back by the limit on open connections; `connecting`; `talking`. */
type ProbePhase = 'waiting' | 'ready' | 'connecting' | 'talking';

/** A check of one target with one set of parameters. */
export class Probe {
  readonly check: Check;
  /** The servers, of any services, that this probe speaks for. */
  readonly servers = new Set<CheckedServer>();
  phase: ProbePhase = 'waiting';
  verdict: ProbeVerdict = 'undecided';
  /** Why the verdict is what it is, for a person. */
  reason = 'not checked yet';
  /** Failures since the last success, short of a verdict. */
  retries = 0;
  dialogue: Dialogue | undefined;
  connection: number | undefined;
  /** When the current connection must have given its answer, however lively it is. */
  exchangeLimit = 0;
  /** This machine could not open a connection (no descriptors left), and that was logged. */
  starved = false;

  constructor(check: Check) {
    this.check = check;
  }

  /** keepalived's name for the kind of check. */
  get title(): string {
    return this.check.kind === 'tcp' ? 'TCP_CHECK' : 'HTTP_CHECK';
  }

  newDialogue(): Dialogue {
    return this.check.kind === 'tcp' ? new TcpDialogue() : new HttpDialogue(this.check);
  }
}

/** A real server of one service: the probes that speak for it, and what was said last. */
export class CheckedServer {
  readonly service: ServiceKey;
  readonly server: RealServerKey;
  /** keepalived's name of the real server, `[10.0.0.1]:tcp:80`, and of its service. */
  readonly name: string;
  readonly serviceName: string;
  probes: readonly Probe[] = [];
  private announced: 'up' | 'down' | undefined;

  constructor(service: ServiceKey, server: RealServerKey) {
    this.service = service;
    this.server = server;
    this.name = realServerText(service, server);
    this.serviceName = serviceKeyText(service);
  }

  /**
   * The verdict to announce, if it is another one than last time: down as soon as one probe is down, up when all are up.
   * While probes are undecided and none is down, what was said last stands.
   */
  news(): ServerVerdict | undefined {
    const last = this.probes.at(-1);
    if (!last) {
      this.announced = undefined;
      return undefined;
    }
    const down = this.probes.find((probe) => probe.verdict === 'down');
    const state = down ? 'down' : this.probes.every((probe) => probe.verdict === 'up') ? 'up' : undefined;
    if (!state || state === this.announced) return undefined;
    this.announced = state;
    const decider = down ?? last;
    return { service: this.service, server: this.server, state, check: decider.check.kind, reason: decider.reason };
  }
}

/** Equal for checks that would do exactly the same: these share one probe, whichever services they stand in. */
export function checkIdentity(check: Check): string {
  const { target } = check;
  const common = [
    check.kind,
    `${target.address}`,
    target.port,
    target.bindAddress ? `${target.bindAddress}` : '',
    check.delayLoop,
    check.connectTimeout,
    check.retry,
    check.delayBeforeRetry,
  ];
  if (check.kind === 'tcp') return JSON.stringify(common);
  const urls = check.urls.map((url) => [
    url.path,
    url.statusCodes.map((range) => [range.from, range.to]),
    url.digest ?? null,
    url.virtualHost ?? null,
  ]);
  return JSON.stringify([...common, check.httpVersion, urls]);
}
