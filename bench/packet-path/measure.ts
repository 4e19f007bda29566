/** The measurements: contenders take turns within every round, so that whatever else the machine does hits all of them alike. */
import { type Contender, type Counts, Ours, Textbook } from './contenders.ts';
import { ACK, Driver, SYN, type Traffic } from './driver.ts';

export interface Settings {
  readonly rounds: number;
  /** Packets of one timed run; a power of two. */
  readonly packets: number;
  /** Told what is being measured. */
  readonly progress: (text: string) => void;
}

/** ns per packet, one figure for each round. */
export interface Samples {
  readonly name: string;
  readonly ours: number[];
  readonly peer: number[];
  readonly floor: number[];
}

const FLOWS = [1, 16_384, 1_048_576];
const TABLE_SHARE = 2;
/** The least that both tables hold. */
const TABLE_MIN = 262_144;
/** So large that even a million new connections leave most of it empty: neither has to throw anything out. */
const NEW_TABLE_SHARE = 4;
/** Larger than any last-level cache of a machine of this class. */
const SCRUB_BYTES = 128 * 1024 * 1024;

export function measureAll(settings: Settings): Samples[] {
  const driver = new Driver();
  try {
    return [...FLOWS.map((flows) => measureEstablished(driver, flows, settings)), measureNew(driver, settings)];
  } finally {
    driver.close();
  }
}

function measureEstablished(driver: Driver, flows: number, settings: Settings): Samples {
  const samples: Samples = { name: `established, ${flows} flow${flows === 1 ? '' : 's'}`, ours: [], peer: [], floor: [] };
  const size = Math.max(TABLE_MIN, flows * TABLE_SHARE);
  const [ours, textbook] = [new Ours(size), new Textbook(size)];
  try {
    for (const contender of [ours, textbook]) {
      // Opening segment, then the client's acknowledgement: the connection is established.
      for (const tcpFlags of [SYN, ACK]) driver.run(contender.program, { flows, firstFlow: 0, packets: flows, tcpFlags, order: 'rising' });
      require(contender, { packets: 2 * flows, connections: flows }, samples.name);
    }
    const active = ours.activeConnections();
    if (active !== flows) throw new Error(`${samples.name}: ${active} active connections`);
    const traffic: Traffic = { flows, firstFlow: 0, packets: Math.max(flows, settings.packets), tcpFlags: ACK, order: 'scattered' };
    for (let round = 1; round <= settings.rounds; round++) {
      settings.progress(`${samples.name}: round ${round}/${settings.rounds}`);
      samples.floor.push(driver.run(driver.floor, traffic));
      samples.ours.push(driver.run(ours.program, traffic));
      samples.peer.push(driver.run(textbook.program, traffic));
    }
    const expected = { packets: 2 * flows + settings.rounds * traffic.packets, connections: flows };
    for (const contender of [ours, textbook]) require(contender, expected, samples.name);
  } finally {
    ours.close();
    textbook.close();
  }
  return samples;
}

/** Every packet opens a connection that was never there before, in a table of its own for each round. */
function measureNew(driver: Driver, settings: Settings): Samples {
  const samples: Samples = { name: 'new connections', ours: [], peer: [], floor: [] };
  const traffic: Traffic = { flows: settings.packets, firstFlow: 0, packets: settings.packets, tcpFlags: SYN, order: 'scattered' };
  const size = Math.max(TABLE_MIN, settings.packets * NEW_TABLE_SHARE);
  const scrub = new Uint8Array(SCRUB_BYTES);
  const turn = (make: () => Contender): number => {
    const contender = make();
    try {
      // A table that was just cleared is partly in the caches still; one that serves is not.
      scrub.fill((scrub[0] as number) + 1);
      const duration = driver.run(contender.program, traffic);
      require(contender, { packets: settings.packets, connections: settings.packets }, samples.name);
      return duration;
    } finally {
      contender.close();
    }
  };
  for (let round = 1; round <= settings.rounds; round++) {
    settings.progress(`${samples.name}: round ${round}/${settings.rounds}`);
    samples.floor.push(driver.run(driver.floor, traffic));
    samples.ours.push(turn(() => new Ours(size)));
    samples.peer.push(turn(() => new Textbook(size)));
  }
  return samples;
}

/** A benchmark of misses, or of packets that went nowhere, would be a lie. */
function require(contender: Contender, expected: Omit<Counts, 'trouble'>, name: string): void {
  const { packets, connections, trouble } = contender.counts();
  if (packets === expected.packets && connections === expected.connections && trouble === '') return;
  const seen = `${packets} packets sent to servers and ${connections} connections${trouble === '' ? '' : `, and ${trouble}`}`;
  throw new Error(`${name}: ${contender.program.name} counted ${seen}, not ${expected.packets} and ${expected.connections}`);
}
