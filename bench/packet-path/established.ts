/** Packets of established connections, by direct routing: the hot path. */
import { Ours, Textbook } from './contenders.ts';
import { ACK, type Driver, type Traffic } from './driver.ts';
import { emptySamples, establish, flowsOf, requireCounts, type Samples, type Settings, SLICES } from './samples.ts';

/** Entries that the tables have room for, for each connection in them. */
const TABLE_SHARE = 2;
/** The least that they hold. */
const TABLE_MIN = 1024;
/** How often the balancers are loaded anew within a case, where flows are few: which pages of memory a table got is luck. */
const LOADS = 4;

/** Over IPv4 beside the textbook, and over IPv6 beside ourselves over IPv4, whose cost is given as if its floor were that of IPv6. */
export interface Established {
  readonly v4: Samples;
  readonly v6: Samples;
}

export function measureEstablished(driver: Driver, flows: number, settings: Settings): Established {
  const v4 = emptySamples(`established, ${flowsOf(flows)}`);
  const v6 = emptySamples(`IPv6 established, ${flowsOf(flows)}`, 'ours, IPv4');
  const loads = flows * LOADS <= settings.packets ? LOADS : 1;
  for (let load = 1; load <= loads; load++) {
    settings.progress(`${v4.name}, both families: part ${load}/${loads}`);
    const slices = loads > 1 ? SLICES : 1;
    const packets = Math.max(flows, settings.packets / loads / slices);
    measureLoaded(driver, { flows, firstFlow: 0, packets, tcpFlags: ACK, order: 'scattered' }, settings.rounds * slices, { v4, v6 });
  }
  return { v4, v6 };
}

/** Loads both balancers, establishes the flows, and takes samples of packets that belong to them. */
function measureLoaded(driver: Driver, traffic: Traffic, rounds: number, { v4, v6 }: Established): void {
  const { flows, packets } = traffic;
  const traffic6: Traffic = { ...traffic, kind: 'REQUESTS6' };
  const size = Math.max(TABLE_MIN, flows * TABLE_SHARE);
  const [ours, textbook] = [new Ours({ connections: size, connections6: size }), new Textbook(size)];
  try {
    for (const contender of [ours, textbook]) establish(driver, contender, flows);
    establish(driver, ours, flows, 'REQUESTS6');
    const active = ours.activeConnections();
    if (active !== 2 * flows) throw new Error(`${v4.name}: ${active} active connections`);
    for (let round = 1; round <= rounds; round++) {
      const [floor, cost] = [driver.run(driver.floor, traffic), driver.run(ours.program, traffic)];
      v4.floor.push(floor);
      v4.ours.push(cost);
      v4.peer.push(driver.run(textbook.program, traffic));
      const floor6 = driver.run(driver.floor, traffic6);
      v6.floor.push(floor6);
      v6.ours.push(driver.run(ours.program, traffic6));
      v6.peer.push(cost - floor + floor6);
    }
    const expected = { packets: 2 * flows + rounds * packets, connections: flows };
    for (const contender of [ours, textbook]) requireCounts(contender, expected, v4.name);
    requireCounts(ours, expected, v6.name, 6);
  } finally {
    ours.close();
    textbook.close();
  }
}
