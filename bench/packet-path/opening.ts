/** Packets that open connections. */
import type { BpfProgram } from '../../src/os/bpf/index.ts';
import { Ours, Textbook } from './contenders.ts';
import { type Driver, SYN } from './driver.ts';
import { emptySamples, requireConnections, type Samples, type Settings } from './samples.ts';

/** Entries that the tables have room for, for each connection that a run opens. */
const TABLE_SHARE = 4;
const TABLE_MIN = 1024;
/** Larger than any last-level cache of a machine of this class. */
const SCRUB_BYTES = 128 * 1024 * 1024;
/** Where the least loaded of many servers is searched, and how many connections a run opens there. */
const MANY_SERVERS = 256;
const SCAN_PACKETS = 65_536;

/**
 * Every packet opens a connection that was never there before, in tables that have been in use for long. For an LRU map that means: it is
 * full, since nothing else ever takes an entry out, and each new entry costs an old one. For ours it means: the connections of before have
 * timed out, and the director has been through the table since, as it is every few seconds.
 *
 * The second row has the peer as it is only after its start, with a map that still has room. No target is set for it.
 */
export function measureNew(driver: Driver, settings: Settings): Samples[] {
  const full = emptySamples('new connections');
  const started: Samples = { ...full, name: 'new connections, LRU not full', peer: [] };
  const size = Math.max(TABLE_MIN, settings.packets * TABLE_SHARE);
  const [ours, textbook] = [new Ours({ connections: size }), new Textbook(size)];
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

/** What the search for the least loaded of many servers costs: beside ourselves where the next one is taken. */
export function measureScan(driver: Driver, settings: Settings): Samples {
  const samples = emptySamples(`new connections, wlc of ${MANY_SERVERS} servers`, `ours, rr of ${MANY_SERVERS} servers`);
  const packets = Math.min(settings.packets, SCAN_PACKETS);
  const farms = (['wlc', 'rr'] as const).map(
    (scheduler) => new Ours({ connections: packets * TABLE_SHARE, scheduler, servers: MANY_SERVERS }),
  );
  const [ours, peer] = farms as [Ours, Ours];
  const open = (program: BpfProgram, round: number): number =>
    driver.run(program, { flows: packets, firstFlow: round * packets, packets, tcpFlags: SYN, order: 'scattered' });
  try {
    for (const farm of farms) open(farm.program, 0);
    for (let round = 1; round <= settings.rounds; round++) {
      settings.progress(`${samples.name}: round ${round}/${settings.rounds}`);
      for (const farm of farms) farm.outlast();
      samples.floor.push(open(driver.floor, round));
      samples.ours.push(open(ours.program, round));
      samples.peer.push(open(peer.program, round));
      for (const farm of farms) requireConnections(farm, (round + 1) * packets, samples.name);
    }
  } finally {
    for (const farm of farms) farm.close();
  }
  return samples;
}
