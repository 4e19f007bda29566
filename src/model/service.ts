/** Virtual services and real servers: the tables of the data plane, in the words of ipvsadm. */
import type { IpAddress, IpFamily, Micros } from '../base/index.ts';

export type Protocol = 'tcp' | 'udp' | 'sctp';

/** What identifies a virtual service: address, protocol and port; or a firewall mark. Port 0 means every port. */
export type ServiceKey =
  | { readonly kind: 'address'; readonly protocol: Protocol; readonly address: IpAddress; readonly port: number }
  | { readonly kind: 'fwmark'; readonly mark: number; readonly family: IpFamily };

/** Every scheduler of IPVS (`ipvsadm -s`). */
export const SCHEDULER_NAMES = ['rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'dh', 'sh', 'sed', 'nq', 'mh', 'fo', 'ovf', 'twos'] as const;
export type SchedulerName = (typeof SCHEDULER_NAMES)[number];

/** How a packet reaches the real server. ipvsadm prints them as Route, Tunnel, Masq; `fullnat` is ours (DPVS's). */
export type ForwardingMethod = 'dr' | 'tun' | 'nat' | 'fullnat';

/** Clients of one network stay with one real server (`ipvsadm -p`). */
export interface Persistence {
  /** Seconds, 1 to 2678400; ipvsadm's default is 360. */
  readonly timeoutSeconds: number;
  /** The client network that counts as one client: 32 (IPv4) or 128 (IPv6) means every address for itself. */
  readonly prefixLength: number;
}

/** What one source (an IPv4 address, or the first 64 bits of an IPv6 one) may do to a service. */
export interface SourceLimit {
  /** New connections a second, 1 to 1000000. */
  readonly perSecond: number;
  /** New connections at once after a pause, 1 to 1000000. */
  readonly burst: number;
}

/** What protects a service, and the servers behind it, from clients that mean it ill. IPVS has none of it; DPVS has the SYN proxy. */
export interface ServiceDefence {
  /** Servers see a TCP connection only once its client has shown that packets to its address reach it. */
  readonly synProxy: boolean;
  readonly sourceLimit?: SourceLimit;
}

/** A virtual service without its real servers: what `ipvsadm -A` says. */
export interface VirtualService {
  readonly key: ServiceKey;
  readonly scheduler: SchedulerName;
  /** `sh-fallback`, `sh-port`, `mh-fallback`, `mh-port`, `flag-1` … as ipvsadm's -b spells them. */
  readonly schedulerFlags: readonly string[];
  readonly persistence?: Persistence;
  /** One-packet scheduling (`-o`), UDP only. */
  readonly onePacket: boolean;
  /**
   * Addresses of the director that servers by full NAT are sent to from, and answer to: keepalived's `laddr_group_name` in the dialect of
   * Alibaba's LVS and DPVS, `--add-laddr` of their ipvsadm. Of the service's family.
   */
  readonly localAddresses?: readonly IpAddress[];
  /** Persistence engine (`--pe-name`, `persistence_engine`): `sip`, or absent. */
  readonly persistenceEngine?: string;
  readonly defence?: ServiceDefence;
  /** What its connections have instead of the time-outs of `ipvsadm --set`. IPVS knows nothing of the kind. */
  readonly timeouts?: Partial<Timeouts>;
}

/** What identifies a real server within its service. */
export interface RealServerKey {
  readonly address: IpAddress;
  readonly port: number;
}

/** The wrapping of packets to a real server with method `tun` (`ipvsadm --tun-type`, `--tun-port`, `--tun-csum` …). */
export interface Tunnel {
  readonly type: 'ipip' | 'gue' | 'gre';
  /** GUE's UDP port; 0 for the others. */
  readonly port: number;
  /** Checksum of the outer header: none, full, or remote checksum offload (GUE only). IPIP has none. */
  readonly checksum: 'none' | 'csum' | 'remcsum';
}

/** A real server as `ipvsadm -a` says it. */
export interface RealServer extends RealServerKey {
  readonly method: ForwardingMethod;
  /** Only with method `tun`; absent means IPIP. */
  readonly tunnel?: Tunnel;
  /** 0 to 2147483647; 0 takes no new connections. */
  readonly weight: number;
  /** Connections at which it takes no more; 0 is unlimited. */
  readonly upperThreshold: number;
  /** Connections below which it takes them again; 0 is three quarters of the upper one. */
  readonly lowerThreshold: number;
}

/** A service with its real servers, **in the order in which they are added** (the data plane schedules newest first, as IPVS does). */
export interface ServiceTable extends VirtualService {
  readonly servers: readonly RealServer[];
}

/** Connection time-outs that `ipvsadm --set` changes. */
export interface Timeouts {
  readonly tcp: Micros;
  readonly tcpFin: Micros;
  readonly udp: Micros;
}

/** IPVS's defaults: 900, 120 and 300 seconds. */
export const DEFAULT_TIMEOUTS: Timeouts = { tcp: 900_000_000, tcpFin: 120_000_000, udp: 300_000_000 };

/** A string that is equal exactly for equal time-outs of services; empty where a service has none of its own. */
export function ownTimeoutsText(timeouts: Partial<Timeouts> | undefined): string {
  const { tcp, tcpFin, udp } = timeouts ?? {};
  return tcp === undefined && tcpFin === undefined && udp === undefined ? '' : `${tcp} ${tcpFin} ${udp}`;
}

/** A string that is equal exactly for equal service keys; for maps and messages. Like keepalived's `[10.0.0.1]:tcp:80`. */
export function serviceKeyText(key: ServiceKey): string {
  return key.kind === 'fwmark' ? `FWM ${key.mark}${key.family === 6 ? ' IPv6' : ''}` : `[${key.address}]:${key.protocol}:${key.port}`;
}

/** A string that is equal exactly for equal real-server keys: `10.0.0.1:80`, `[fd00::1]:80`. */
export function serverKeyText(key: RealServerKey): string {
  return key.address.family === 4 ? `${key.address}:${key.port}` : `[${key.address}]:${key.port}`;
}

/** A real server as keepalived names it in logs and mail, with the protocol of its service: `[10.0.0.1]:tcp:80`. */
export function realServerText(service: ServiceKey, server: RealServerKey): string {
  return `[${server.address}]:${service.kind === 'fwmark' ? 'none' : service.protocol}:${server.port}`;
}
