/** What is measured: samples of a case, and that everything went the way that is said to be measured. */
import type { IpFamily } from '../../src/base/index.ts';
import type { Contender, Counts } from './contenders.ts';
import { ACK, type Driver, SYN, type Traffic } from './driver.ts';

export interface Settings {
  readonly rounds: number;
  /** Packets of one timed run; a power of two. */
  readonly packets: number;
  /** Told what is being measured. */
  readonly progress: (text: string) => void;
}

/**
 * One figure for each timed run. Contenders take turns within every round, so that whatever else the machine does hits all of them alike.
 * `peerName` says what stands beside ours: the textbook balancer, or ourselves doing something simpler.
 */
export interface Samples {
  readonly name: string;
  readonly peerName: string;
  readonly unit: 'ns/packet' | 'MB';
  readonly ours: number[];
  readonly peer: number[];
  readonly floor: number[];
}

/** A round's runs are cut into so many, where flows are few: what is compared then lies closer together in time. */
export const SLICES = 4;

export const TEXTBOOK = 'textbook LRU';

export function emptySamples(name: string, peerName = TEXTBOOK): Samples {
  return { name, peerName, unit: 'ns/packet', ours: [], peer: [], floor: [] };
}

export function flowsOf(count: number): string {
  return `${count} flow${count === 1 ? '' : 's'}`;
}

/** Opening segment, then the client's acknowledgement: the connections are established. */
export function establish(driver: Driver, contender: Contender, flows: number, kind: Traffic['kind'] = 'REQUESTS'): void {
  for (const tcpFlags of [SYN, ACK]) {
    driver.run(contender.program, { kind, unwrap: true, flows, firstFlow: 0, packets: flows, tcpFlags, order: 'rising' });
  }
  requireCounts(contender, { packets: 2 * flows, connections: flows }, `establishing ${flowsOf(flows)}`, kind === 'REQUESTS6' ? 6 : 4);
}

/** As many packets as connections: each opened one. */
export function requireConnections(contender: Contender, connections: number, name: string): void {
  requireCounts(contender, { packets: connections, connections }, name);
}

/** A benchmark of misses, or of packets that went nowhere, would be a lie. */
export function requireCounts(contender: Contender, expected: Omit<Counts, 'trouble'>, name: string, family: IpFamily = 4): void {
  const { packets, connections, trouble } = contender.counts(family);
  if (packets === expected.packets && connections === expected.connections && trouble === '') return;
  const seen = `${packets} packets sent on and ${connections} connections${trouble === '' ? '' : `, and ${trouble}`}`;
  throw new Error(`${name}: ${contender.program.name} counted ${seen}, not ${expected.packets} and ${expected.connections}`);
}
