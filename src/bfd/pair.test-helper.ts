/** Two engines that talk to each other over a virtual path, for scenario tests. Time moves only as told. */
import { type Instant, IpAddress, type Micros, millis, seconds } from '../base/index.ts';
import type { BfdSession } from '../model/index.ts';
import { type BfdPacket, type BfdState, decodeBfd } from '../wire/index.ts';
import { BfdEngine, type BfdEvent, type BfdSessionSnapshot } from './index.ts';

export const ip = (text: string): IpAddress => {
  const address = IpAddress.parse(text);
  if (!address) throw new Error(`bad address in a test: ${text}`);
  return address;
};

/** A session as keepalived's defaults make it, with the differences that a test is about. */
export function session(changes: Partial<BfdSession> = {}): BfdSession {
  return {
    name: 'BFD_1',
    neighbor: ip('10.0.0.2'),
    requiredMinRx: millis(10),
    desiredMinTx: millis(10),
    idleTx: seconds(1),
    multiplier: 5,
    passive: false,
    ttl: 255,
    maxHops: 0,
    multihop: false,
    weight: { weight: 0, reverse: false },
    forVrrp: true,
    forChecks: true,
    ...changes,
  };
}

export interface Sent {
  readonly at: Instant;
  readonly from: 'a' | 'b';
  readonly packet: BfdPacket;
  readonly payload: Uint8Array;
}

type End = 'a' | 'b';
const ADDRESSES = { a: ip('10.0.0.1'), b: ip('10.0.0.2') };
const DELAY: Micros = 100;

export class Pair {
  now: Instant = 0;
  readonly sent: Sent[] = [];
  /** `time end state`, one line per change. */
  readonly story: string[] = [];
  /** Decides which packets are lost. */
  loses: (sent: Sent) => boolean = () => false;
  private readonly engines: Record<End, BfdEngine>;
  private readonly underway: Sent[] = [];

  constructor(a: Partial<BfdSession> = {}, b: Partial<BfdSession> = {}, seed = 1) {
    this.engines = {
      a: new BfdEngine([session({ neighbor: ADDRESSES.b, ...a })], seed),
      b: new BfdEngine([session({ neighbor: ADDRESSES.a, ...b })], seed + 1000),
    };
  }

  start(end: End): void {
    this.handle(end, { kind: 'start' });
  }

  startBoth(): void {
    this.start('a');
    this.start('b');
  }

  /** The process of one end is gone and another one begins, with new discriminators. */
  restart(end: End, seed: number, changes: Partial<BfdSession> = {}): void {
    this.engines[end] = new BfdEngine([session({ neighbor: ADDRESSES[end === 'a' ? 'b' : 'a'], ...changes })], seed);
    this.start(end);
  }

  reconfigure(end: End, changes: Partial<BfdSession>): void {
    this.handle(end, { kind: 'reconfigure', sessions: [session({ neighbor: ADDRESSES[end === 'a' ? 'b' : 'a'], ...changes })] });
  }

  handle(end: End, event: BfdEvent): void {
    const engine = this.engines[end];
    engine.handle(event, this.now);
    for (const effect of engine.drain()) {
      if (effect.kind === 'state-changed') this.story.push(`${this.now / 1000} ${end} ${effect.to}`);
      if (effect.kind !== 'transmit') continue;
      const decoded = decodeBfd(effect.bytes);
      if (!decoded.ok) throw new Error(`an engine sent what nobody can read: ${decoded.reason}`);
      const sent = { at: this.now, from: end, packet: decoded.packet, payload: effect.bytes };
      this.sent.push(sent);
      if (!this.loses(sent)) this.underway.push(sent);
    }
  }

  receive(
    end: End,
    payload: Uint8Array,
    changes: { readonly ttl?: number; readonly source?: IpAddress; readonly multihop?: boolean } = {},
  ): void {
    const source = ADDRESSES[end === 'a' ? 'b' : 'a'];
    this.handle(end, { kind: 'packet', source, destination: ADDRESSES[end], ttl: 255, multihop: false, payload, ...changes });
  }

  run(duration: Micros): void {
    const end = this.now + duration;
    for (;;) {
      const arrival = this.underway[0] ? this.underway[0].at + DELAY : Infinity;
      const due = { a: this.engines.a.nextDeadline() ?? Infinity, b: this.engines.b.nextDeadline() ?? Infinity };
      const next = Math.min(arrival, due.a, due.b);
      if (next > end) break;
      this.now = Math.max(this.now, next);
      if (arrival <= next) {
        const { from, payload } = this.underway.shift() as Sent;
        this.receive(from === 'a' ? 'b' : 'a', payload);
      } else this.handle(due.a <= due.b ? 'a' : 'b', { kind: 'tick' });
    }
    this.now = end;
  }

  look(end: End): BfdSessionSnapshot {
    return this.engines[end].snapshot().sessions[0] as BfdSessionSnapshot;
  }

  rejected(end: End): object {
    return this.engines[end].snapshot().rejected;
  }

  states(): [BfdState, BfdState] {
    return [this.look('a').state, this.look('b').state];
  }
}
