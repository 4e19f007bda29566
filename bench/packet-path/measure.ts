/** The measurements: contenders take turns within every round, so that whatever else the machine does hits all of them alike. */
import type { BpfProgram } from '../../src/os/bpf/index.ts';
import { type Contender, type Counts, Ours, Textbook } from './contenders.ts';
import { ACK, Driver, SYN, type Traffic } from './driver.ts';

export interface Settings {
  readonly rounds: number;
  /** Packets of one timed run; a power of two. */
  readonly packets: number;
  /** Told what is being measured. */
  readonly progress: (text: string) => void;
}

/** ns per packet, one figure for each timed run. */
export interface Samples {
  readonly name: string;
  readonly ours: number[];
  readonly peer: number[];
  readonly floor: number[];
}

const FLOWS = [1, 16_384, 1_048_576];
/** Entries that both tables have room for, for each connection in them; powers of two. */
const TABLE_SHARE = 2;
const NEW_TABLE_SHARE = 4;
/** How often the balancers are loaded anew within a case, where flows are few: which pages of memory a table got is luck. */
const LOADS = 4;
/** The least that both tables hold. */
const TABLE_MIN = 1024;
/** Larger than any last-level cache of a machine of this class. */
const SCRUB_BYTES = 128 * 1024 * 1024;

export function measureAll(settings: Settings): Samples[] {
  const driver = new Driver();
  try {
    return [...FLOWS.map((flows) => measureEstablished(driver, flows, settings)), ...measureNew(driver, settings)];
  } finally {
    driver.close();
  }
}

function measureEstablished(driver: Driver, flows: number, settings: Settings): Samples {
  const samples: Samples = { name: `established, ${flows} flow${flows === 1 ? '' : 's'}`, ours: [], peer: [], floor: [] };
  const loads = flows * LOADS <= settings.packets ? LOADS : 1;
  for (let load = 1; load <= loads; load++) {
    settings.progress(`${samples.name}: part ${load}/${loads}`);
    const traffic: Traffic = { flows, firstFlow: 0, packets: Math.max(flows, settings.packets / loads), tcpFlags: ACK, order: 'scattered' };
    measureLoaded(driver, traffic, settings.rounds, samples);
  }
  return samples;
}

/** Loads both balancers, establishes the flows, and takes samples of packets that belong to them. */
function measureLoaded(driver: Driver, traffic: Traffic, rounds: number, samples: Samples): void {
  const { flows, packets } = traffic;
  const size = Math.max(TABLE_MIN, flows * TABLE_SHARE);
  const [ours, textbook] = [new Ours(size), new Textbook(size)];
  try {
    for (const contender of [ours, textbook]) {
      // Opening segment, then the client's acknowledgement: the connection is established.
      for (const tcpFlags of [SYN, ACK]) driver.run(contender.program, { flows, firstFlow: 0, packets: flows, tcpFlags, order: 'rising' });
      requireCounts(contender, { packets: 2 * flows, connections: flows }, samples.name);
    }
    const active = ours.activeConnections();
    if (active !== flows) throw new Error(`${samples.name}: ${active} active connections`);
    for (let round = 1; round <= rounds; round++) {
      samples.floor.push(driver.run(driver.floor, traffic));
      samples.ours.push(driver.run(ours.program, traffic));
      samples.peer.push(driver.run(textbook.program, traffic));
    }
    for (const contender of [ours, textbook]) {
      requireCounts(contender, { packets: 2 * flows + rounds * packets, connections: flows }, samples.name);
    }
  } finally {
    ours.close();
    textbook.close();
  }
}

/**
 * Every packet opens a connection that was never there before, in tables that have been in use for long. For an LRU map that means: it is
 * full, since nothing else ever takes an entry out, and each new entry costs an old one. For ours it means: the connections of before have
 * timed out, and the director has been through the table since, as it is every few seconds.
 *
 * The second row has the peer as it is only after its start, with a map that still has room. No target is set for it.
 */
function measureNew(driver: Driver, settings: Settings): Samples[] {
  const full: Samples = { name: 'new connections', ours: [], peer: [], floor: [] };
  const started: Samples = { ...full, name: 'new connections, LRU not full', peer: [] };
  const size = Math.max(TABLE_MIN, settings.packets * NEW_TABLE_SHARE);
  const [ours, textbook] = [new Ours(size), new Textbook(size)];
  const scrub = new Uint8Array(SCRUB_BYTES);
  const open = (program: BpfProgram, round: number): number => {
    // What was just cleared or swept is partly in the caches still; in operation it would not be.
    scrub.fill(round + 1);
    const firstFlow = size + round * settings.packets;
    return driver.run(program, { flows: settings.packets, firstFlow, packets: settings.packets, tcpFlags: SYN, order: 'scattered' });
  };
  try {
    driver.run(textbook.program, { flows: size, firstFlow: 0, packets: size, tcpFlags: SYN, order: 'rising' });
    open(ours.program, 0);
    for (let round = 1; round <= settings.rounds; round++) {
      settings.progress(`${full.name}: round ${round}/${settings.rounds}`);
      ours.outlast();
      full.floor.push(open(driver.floor, round));
      full.ours.push(open(ours.program, round));
      full.peer.push(open(textbook.program, round));
      started.peer.push(withFreshTextbook(size, settings.packets, (program) => open(program, round)));
      requireConnections(ours, (round + 1) * settings.packets, full.name);
      requireConnections(textbook, size + round * settings.packets, full.name);
    }
  } finally {
    ours.close();
    textbook.close();
  }
  return [full, started];
}

function withFreshTextbook(size: number, connections: number, measure: (program: BpfProgram) => number): number {
  const textbook = new Textbook(size);
  try {
    const duration = measure(textbook.program);
    requireConnections(textbook, connections, 'an LRU map with room');
    return duration;
  } finally {
    textbook.close();
  }
}

/** As many packets as connections: each opened one. */
function requireConnections(contender: Contender, connections: number, name: string): void {
  requireCounts(contender, { packets: connections, connections }, name);
}

/** A benchmark of misses, or of packets that went nowhere, would be a lie. */
function requireCounts(contender: Contender, expected: Omit<Counts, 'trouble'>, name: string): void {
  const { packets, connections, trouble } = contender.counts();
  if (packets === expected.packets && connections === expected.connections && trouble === '') return;
  const seen = `${packets} packets sent to servers and ${connections} connections${trouble === '' ? '' : `, and ${trouble}`}`;
  throw new Error(`${name}: ${contender.program.name} counted ${seen}, not ${expected.packets} and ${expected.connections}`);
}
