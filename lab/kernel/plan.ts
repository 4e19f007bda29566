/** What the recorder asks of the program inside the virtual machine, and what it gets back. Both travel as JSON files. */

/** One thing to do. Its answer tells when it was done and what it found. */
export type Step =
  /** Lines for `ipvsadm --restore`, which must all succeed. */
  | { readonly kind: 'change'; readonly lines: readonly string[] }
  /** Ethernet frames that arrive at the director, with a firewall mark (0: none), and the connections to look up afterwards. */
  | { readonly kind: 'send'; readonly frames: readonly string[]; readonly mark: number; readonly lookUp: readonly string[] }
  | { readonly kind: 'wait'; readonly seconds: number }
  /** A command that must succeed. */
  | { readonly kind: 'run'; readonly argv: readonly string[] };

export interface Answer {
  /** Monotonic milliseconds at the end of the step. */
  readonly atMs: number;
  /** For each connection looked up: `DESTINATION STATE SECONDS` as /proc/net/ip_vs_conn has them, or empty. */
  readonly found?: readonly string[];
}

export const PLAN_FILE = 'plan.json';
export const ANSWERS_FILE = 'answers.json';

/** The interface that packets arrive at, the one they are put in, and the one that those to servers and clients leave by. */
export const INGRESS = 'in0';
export const INJECTION = 'inject0';
const EGRESS = 'out0';
export const INGRESS_MAC = '020000000001';

/** The director's network: everything is routed away into a dummy, but the virtual addresses, which are the director's own. */
export function networkSteps(): Step[] {
  const mac = INGRESS_MAC.replace(/..(?!$)/g, '$&:');
  const ip = (line: string): Step => ({ kind: 'run', argv: ['ip', ...line.split(' ')] });
  const sysctl = (setting: string): Step => ({ kind: 'run', argv: ['sysctl', '-q', '-w', setting] });
  return [
    ip(`link add ${INGRESS} address ${mac} type veth peer name ${INJECTION}`),
    ip(`link add ${EGRESS} type dummy`),
    ...[INGRESS, INJECTION, EGRESS].map((name) => ip(`link set ${name} up`)),
    ip(`address add 192.0.2.1/24 dev ${INGRESS}`),
    ip('route add local 10.128.0.0/9 dev lo'),
    ip(`route add 10.0.0.0/9 dev ${EGRESS}`),
    ip('-6 route add local fd00:128::/32 dev lo'),
    ip(`-6 route add fd00::/16 dev ${EGRESS}`),
    sysctl('net.ipv4.ip_forward=1'),
    sysctl('net.ipv6.conf.all.forwarding=1'),
    sysctl('net.ipv4.conf.all.rp_filter=0'),
    sysctl(`net.ipv4.conf.${INGRESS}.rp_filter=0`),
  ];
}
