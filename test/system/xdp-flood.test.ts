/** A flood of SYNs from random sources, through the loaded program as fast as it goes, while clients go on. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/base/index.ts';
import { internetChecksum } from '../../src/wire/index.ts';
import { real, tcp } from '../compliance/harness.ts';
import { buildFrame, type FrameFields, pseudoChecksum } from './xdp-frames.ts';
import { Rig } from './xdp-support.ts';
import { seeSegment } from './xdp-tcp.ts';

/** The whole million: FLOOD=1000000. */
const SYNS = Number(process.env.FLOOD ?? 60_000);
const CLIENTS = 50;
/** Between two segments of one client. */
const SYNS_BETWEEN = 20;
const SERVERS_FIRST = 77;

let rig: Rig;
beforeAll(() => {
  rig = new Rig({ connections: 1024 });
});
afterAll(() => rig.close());

/** The same frame over and over, from other sources. */
class Flood {
  private readonly frame = buildFrame({ sequence: 1 });
  private readonly view = new DataView(this.frame.buffer);
  private readonly random = new Random(20_261_121);

  next(): Uint8Array {
    const { frame, view, random } = this;
    view.setUint32(26, 0x0b00_0000 + random.below(0x0100_0000));
    view.setUint16(34, 1024 + random.below(60_000));
    view.setUint16(24, 0);
    view.setUint16(24, internetChecksum(frame.subarray(14, 34)));
    view.setUint16(50, 0);
    view.setUint16(50, pseudoChecksum(frame.subarray(26, 34), 6, frame.subarray(34)));
    return frame;
  }
}

function sent(fields: FrameFields): ReturnType<typeof seeSegment> {
  const { verdict, frame } = rig.run(buildFrame(fields));
  expect(verdict).toBe('TX');
  return seeSegment(frame);
}

/** By cookie, or after a challenge; the client's next acknowledgement. */
function connect(client: number, way: 'nat' | 'dr'): FrameFields {
  const from = { source: `10.0.1.${client}`, sourcePort: 5000 + client };
  const answer = sent({ ...from, sequence: 9 });
  if (way === 'dr') {
    rig.run(buildFrame({ ...from, flags: 'R', sequence: answer.acknowledged }));
    sent({ ...from, sequence: 9 });
    return { ...from, flags: 'A', sequence: 10 };
  }
  const acknowledgement = (answer.sequence + 1) >>> 0;
  const { to } = sent({ ...from, flags: 'A', sequence: 10, acknowledgement });
  const [source = '', port] = to.split(' ');
  const back = { source, sourcePort: Number(port), destination: from.source, destinationPort: from.sourcePort };
  sent({ ...back, flags: 'SA', sequence: SERVERS_FIRST, acknowledgement: 10 });
  return { ...from, flags: 'A', sequence: 10, acknowledgement };
}

describe.each(['nat', 'dr'] as const)('a flood of SYNs, lvs_method %s', (way) => {
  it(`of ${SYNS} takes no place in the table and no segment from ${CLIENTS} clients`, { timeout: 600_000 }, () => {
    const { plane } = rig;
    plane.addService({ key: tcp(80), scheduler: 'rr', schedulerFlags: [], onePacket: false, defence: { synProxy: true } });
    for (const octet of [1, 2]) plane.addServer(tcp(80), real(octet, 1, { method: way }));
    const clients = Array.from({ length: CLIENTS }, (_, client) => buildFrame(connect(client + 1, way)));
    const flood = new Flood();
    const counter = way === 'nat' ? 'ANSWER_COOKIE' : 'ANSWER_CHALLENGE';
    const before = plane.reasons();
    let lost = 0;
    const started = performance.now();
    for (let syn = 0; syn < SYNS; syn++) {
      rig.plane.path.balance.testRun({ data: flood.next() });
      if (syn % SYNS_BETWEEN === 0 && rig.run(clients[(syn / SYNS_BETWEEN) % CLIENTS] as Uint8Array).verdict !== 'TX') lost++;
    }
    const after = plane.reasons();
    process.stdout.write(`${SYNS} SYNs in ${Math.round(performance.now() - started)} ms; ${counter} ${after[counter]}, lost ${lost}\n`);
    expect(lost).toBe(0);
    expect((after[counter] as number) - (before[counter] as number)).toBe(SYNS);
    expect(after.DROP_TABLE_FULL).toBe(before.DROP_TABLE_FULL);
    expect([...plane.connections()]).toHaveLength(CLIENTS);
    rig.reset();
  });
});
