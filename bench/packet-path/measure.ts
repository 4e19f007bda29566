/** The cases: established connections in tables of several sizes, and new ones. Rounds are interleaved, contender by contender. */
import { type Contender, Driver, openOurs, openTextbook, TABLE_SLOTS } from './contenders.ts';
import { frame, TCP_FLAGS } from './frame.ts';

export interface Settings {
  readonly rounds: number;
  /** Packets of one measurement of established connections. */
  readonly packets: number;
}

/** Nanoseconds per packet of each round. */
export interface Samples {
  readonly case: string;
  readonly floor: number[];
  readonly textbook: number[];
  readonly ours: number[];
}

const MI = 2 ** 20;
const ESTABLISHED = [
  { name: 'established, 1 flow', flows: 1 },
  { name: 'established, 16 Ki flows', flows: 2 ** 14 },
  { name: 'established, 1 Mi flows', flows: MI },
];
const NEW_PER_ROUND = 2 ** 18;
const SYN = frame(TCP_FLAGS.syn);
const ACK = frame(TCP_FLAGS.ack);

export function measureAll(settings: Settings, progress: (text: string) => void): Samples[] {
  const driver = new Driver();
  try {
    const established = ESTABLISHED.map(({ name, flows }) => {
      progress(name);
      return withContenders(driver, (floor, textbook, ours) => measureEstablished(driver, name, flows, { floor, textbook, ours }, settings));
    });
    progress('new connections');
    const fresh = withContenders(driver, (floor, textbook, ours) => measureNew(driver, { floor, textbook, ours }, settings));
    return [...established, fresh];
  } finally {
    driver.close();
  }
}

interface Three {
  readonly floor: Contender;
  readonly textbook: Contender;
  readonly ours: Contender;
}

/** Each case has fresh tables, so that none profits or suffers from the one before. */
function withContenders<T>(driver: Driver, action: (floor: Contender, textbook: Contender, ours: Contender) => T): T {
  const opened: Contender[] = [];
  const open = (contender: Contender): Contender => {
    opened.push(contender);
    return contender;
  };
  try {
    return action(open(driver.floor()), open(openTextbook()), open(openOurs()));
  } finally {
    for (const contender of opened) contender.close();
  }
}

function measureEstablished(driver: Driver, name: string, flows: number, three: Three, settings: Settings): Samples {
  const samples: Samples = { case: name, floor: [], textbook: [], ours: [] };
  for (const contender of [three.textbook, three.ours]) establish(driver, contender, flows);
  // The first round warms caches and branch predictors.
  for (let round = -1; round < settings.rounds; round++) {
    for (const key of ['floor', 'textbook', 'ours'] as const) {
      const contender = three[key];
      const before = { connections: contender.connections(), packets: contender.packets() };
      driver.aim(ACK, flows);
      const nanoseconds = driver.run(contender, ACK, settings.packets);
      expectChange(contender, before, 0, settings.packets);
      if (round >= 0) samples[key].push(nanoseconds);
    }
  }
  return samples;
}

/** A handshake for every flow. */
function establish(driver: Driver, contender: Contender, flows: number, firstFlow = 0): void {
  for (const packet of [SYN, ACK]) {
    driver.aim(packet, flows, firstFlow);
    driver.run(contender, packet, flows);
  }
}

/**
 * Both tables are as they are in service: the textbook's is full (nothing ever leaves an LRU map but for something new), ours holds a million
 * established connections, and what was new a minute ago has been released.
 */
function measureNew(driver: Driver, three: Three, settings: Settings): Samples {
  const samples: Samples = { case: 'new connections', floor: [], textbook: [], ours: [] };
  establish(driver, three.textbook, TABLE_SLOTS);
  establish(driver, three.ours, MI);
  let firstFlow = TABLE_SLOTS;
  for (let round = -1; round < settings.rounds; round++) {
    for (const key of ['floor', 'textbook', 'ours'] as const) {
      const contender = three[key];
      const before = { connections: contender.connections(), packets: contender.packets() };
      driver.aim(SYN, NEW_PER_ROUND, firstFlow);
      const nanoseconds = driver.run(contender, SYN, NEW_PER_ROUND);
      expectChange(contender, before, NEW_PER_ROUND, NEW_PER_ROUND);
      contender.minutePasses();
      if (round >= 0) samples[key].push(nanoseconds);
    }
    firstFlow += NEW_PER_ROUND;
  }
  return samples;
}

/** A figure counts only if the contender did the work: every packet counted, every new connection made, no other one. */
function expectChange(
  contender: Contender,
  before: { connections: number | undefined; packets: number | undefined },
  connections: number,
  packets: number,
): void {
  const made = change(before.connections, contender.connections());
  const counted = change(before.packets, contender.packets());
  // An LRU map may lose a few entries of a large working set to its per-CPU lists, and take them up again.
  const tolerance = contender.name === 'textbook' ? packets / 100 : 0;
  if (made !== undefined && Math.abs(made - connections) > tolerance) {
    throw new Error(`${contender.name} made ${made} connections, ${connections} were expected`);
  }
  if (counted !== undefined && counted !== packets) throw new Error(`${contender.name} counted ${counted} packets of ${packets}`);
}

function change(before: number | undefined, after: number | undefined): number | undefined {
  return before === undefined || after === undefined ? undefined : after - before;
}
