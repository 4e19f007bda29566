/** The question where a packet would go, and the answer of the packet path. */
import type { IpAddress } from '../base/index.ts';
import type { ForwardingMethod, Protocol, Tunnel } from '../model/index.ts';

/** What the segment of a TCP connection says. */
export type TraceFlag = 'syn' | 'ack' | 'fin' | 'rst';

/** A packet that could come. Ports are 0 for ICMP, which stands for an echo request. */
export interface TraceFlow {
  readonly protocol: Protocol | 'icmp';
  readonly source: IpAddress;
  readonly sourcePort: number;
  readonly destination: IpAddress;
  readonly destinationPort: number;
  /** A server's SYN is a SYN/ACK. Absent: an ACK where the connection is known, a SYN where that is awaited, or none is known. */
  readonly flag?: TraceFlag;
  /** Where it would come in; absent: where the way to its source leads, else the first port of the packet path. */
  readonly interface?: string;
  /** Bytes from the IP header on; absent: the headers alone. */
  readonly length?: number;
  /** TTL or hop limit; absent: 64. */
  readonly hops?: number;
}

/** What becomes of the packet. `answered`: with an ICMP error; `passed`: into the director's own stack. */
export type TraceFate = 'forwarded' | 'answered' | 'passed' | 'dropped';

export interface TraceReason {
  /** As in docs/packet-reasons.md. Absent for a packet that the packet path does not count. */
  readonly number?: number;
  readonly name?: string;
  /** "The packet …": a sentence without its beginning. */
  readonly meaning: string;
  readonly remedy: string;
}

export interface TraceConnection {
  readonly kind: 'existing' | 'new';
  /** Before the packet, of an existing one. */
  readonly state?: string;
  /** Seconds that it has left before the packet, of an existing one. */
  readonly secondsLeft?: number;
  /** After the packet; absent where it changes nothing. */
  readonly nextState?: string;
  readonly nextSecondsLeft?: number;
  /** Of full NAT: where the server sees it come from, `ADDRESS:PORT`. */
  readonly local?: string;
  /** Made by the SYN proxy, which waits for the server to answer, or translates sequence numbers since it did. */
  readonly synProxy?: 'awaits-server' | 'translates';
}

export interface TraceCandidate {
  readonly server: string;
  readonly weight: number;
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  readonly overloaded: boolean;
}

export interface TraceServer {
  readonly server: string;
  readonly method: ForwardingMethod;
  readonly tunnel?: Tunnel;
  /** What led to it. `reply`: the packet is the server's own. */
  readonly by: 'connection' | 'template' | 'scheduler' | 'reply';
}

export interface TraceReport {
  readonly interface: string;
  /** The packet's headers, a line each; outermost first. */
  readonly packet: readonly string[];
  readonly fate: TraceFate;
  readonly reason?: TraceReason;
  /** As the log and the tables name it. */
  readonly service?: string;
  readonly scheduler?: string;
  readonly connection?: TraceConnection;
  /** The persistence template that holds the client to its server, or would be made. */
  readonly template?: { readonly kind: 'existing' | 'new'; readonly client: string; readonly secondsLeft: number };
  readonly server?: TraceServer;
  /** Where the scheduler had the choice: the servers of the service, newest first, as it looks at them. */
  readonly candidates?: readonly TraceCandidate[];
  /** The frame that leaves; absent where none does. */
  readonly out?: { readonly interface: string; readonly packet: readonly string[] };
}
