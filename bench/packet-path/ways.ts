/** The other ways to a real server beside direct routing, and the way back from one: what they cost more. */
import { Ours } from './contenders.ts';
import { ACK, type Driver, type Traffic } from './driver.ts';
import { emptySamples, establish, flowsOf, requireCounts, type Samples, type Settings, SLICES } from './samples.ts';

const FLOWS = 1;
/** As many connections as a busy service has open that fit into the nearest caches. */
const TABLE = 1024;
const LOADS = 4;
const PEER = 'ours, DR';

export function measureWays(driver: Driver, settings: Settings): Samples[] {
  const tunnel = emptySamples(`tunnel (IPIP), ${flowsOf(FLOWS)}`, PEER);
  const request = emptySamples(`NAT, requests, ${flowsOf(FLOWS)}`, PEER);
  const reply = emptySamples(`NAT, replies, ${flowsOf(FLOWS)}`, PEER);
  for (let load = 1; load <= LOADS; load++) {
    settings.progress(`tunnel and NAT: part ${load}/${LOADS}`);
    measureLoaded(driver, settings.packets / LOADS / SLICES, settings.rounds * SLICES, { tunnel, request, reply });
  }
  return [tunnel, request, reply];
}

interface Ways {
  readonly tunnel: Samples;
  readonly request: Samples;
  readonly reply: Samples;
}

function measureLoaded(driver: Driver, packets: number, rounds: number, { tunnel, request, reply }: Ways): void {
  const traffic: Traffic = { flows: FLOWS, firstFlow: 0, packets, tcpFlags: ACK, order: 'scattered' };
  const wrapped: Traffic = { ...traffic, unwrap: true };
  const back: Traffic = { ...traffic, kind: 'REPLIES' };
  const [direct, tunnelled, translated] = (['dr', 'tun', 'nat'] as const).map((method) => new Ours({ connections: TABLE, method })) as [
    Ours,
    Ours,
    Ours,
  ];
  try {
    for (const contender of [direct, tunnelled, translated]) establish(driver, contender, FLOWS);
    for (let round = 1; round <= rounds; round++) {
      const [floor, wrappedFloor, backFloor] = [traffic, wrapped, back].map((each) => driver.run(driver.floor, each)) as [
        number,
        number,
        number,
      ];
      const cost = driver.run(direct.program, traffic);
      tunnel.floor.push(wrappedFloor);
      tunnel.ours.push(driver.run(tunnelled.program, wrapped));
      tunnel.peer.push(driver.run(direct.program, wrapped));
      request.floor.push(floor);
      request.ours.push(driver.run(translated.program, traffic));
      request.peer.push(cost);
      reply.floor.push(backFloor);
      reply.ours.push(driver.run(translated.program, back));
      reply.peer.push(cost - floor + backFloor);
    }
    const [once, twice] = [2 + rounds * packets, 2 + 2 * rounds * packets];
    requireCounts(direct, { packets: twice, connections: FLOWS }, PEER);
    requireCounts(tunnelled, { packets: once, connections: FLOWS }, tunnel.name);
    requireCounts(translated, { packets: twice, connections: FLOWS }, reply.name);
  } finally {
    for (const contender of [direct, tunnelled, translated]) contender.close();
  }
}
