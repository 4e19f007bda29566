/** What status commands and metrics show: plain values, copied, safe to keep. */
import type { Instant, IpAddress, Micros } from '../base/index.ts';
import type { BfdRejectReason, BfdState } from '../wire/index.ts';

export interface BfdCounters {
  readonly packetsReceived: number;
  readonly packetsSent: number;
  readonly becameUp: number;
  readonly leftUp: number;
  /** How often the neighbour was silent for the detection time while the session was init or up. */
  readonly detectionsExpired: number;
}

export interface BfdSessionSnapshot {
  readonly name: string;
  readonly neighbor: IpAddress;
  readonly state: BfdState;
  /** RFC 5880 §4.1; the neighbour's is the last one that it sent. */
  readonly diagnostic: number;
  readonly remoteState: BfdState;
  readonly remoteDiagnostic: number;
  readonly discriminator: number;
  /** 0 while the neighbour is not heard. */
  readonly remoteDiscriminator: number;
  readonly polling: boolean;
  /** As negotiated now, before jitter. */
  readonly transmitInterval: Micros;
  /** Silence after which the neighbour counts as gone; undefined while it is not heard. */
  readonly detectionTime: Micros | undefined;
  /** When the state last changed; undefined before the first change. */
  readonly lastTransition: Instant | undefined;
  readonly counters: BfdCounters;
}

export interface BfdSnapshot {
  readonly sessions: readonly BfdSessionSnapshot[];
  /** Rejected packets by numbered reason; reasons that never occurred are absent. */
  readonly rejected: Readonly<Partial<Record<BfdRejectReason, number>>>;
}
