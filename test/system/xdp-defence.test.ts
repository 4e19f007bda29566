/** New connections that are refused: of a source that makes too many. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { real, tcp, udp } from '../compliance/harness.ts';
import { buildFrame, type FrameFields, PROTOCOL } from './xdp-frames.ts';
import { real6, tcp6 } from './xdp-ipv6-fixtures.ts';
import { Rig } from './xdp-support.ts';

const PLAIN = { scheduler: 'rr', schedulerFlags: [], onePacket: false } as const;

let rig: Rig;
beforeAll(() => {
  rig = new Rig({ connections: 4096 });
});
afterEach(() => rig.reset());
afterAll(() => rig.close());

const UDP: FrameFields = { protocol: PROTOCOL.udp, destinationPort: 53 };
let port = 1024;

/** How many of so many new connections are let through. */
function admitted(count: number, fields: FrameFields = {}): number {
  let through = 0;
  for (let n = 0; n < count; n++) if (rig.run(buildFrame({ ...fields, sourcePort: port++ })).verdict === 'TX') through++;
  return through;
}

function counted(reason: string, work: () => void): number {
  const before = rig.plane.reasons()[reason] as number;
  work();
  return (rig.plane.reasons()[reason] as number) - before;
}

describe('new connections of one source', () => {
  const limit = { perSecond: 10, burst: 20 };
  const defence = { synProxy: false, sourceLimit: limit };

  it('are as many as the burst at once, and as many as the rate afterwards', () => {
    rig.plane.addService({ key: tcp(80), ...PLAIN, defence });
    rig.plane.addServer(tcp(80), real(1));
    expect(counted('DROP_SOURCE_LIMIT', () => expect(admitted(30)).toBe(20))).toBe(10);
    rig.advance(1);
    expect(admitted(30)).toBe(11);
    rig.advance(100);
    expect(admitted(30)).toBe(20);
  });

  it('are counted for each source and each service, UDP too; what is no new connection is not', () => {
    rig.plane.addService({ key: tcp(80), ...PLAIN, defence });
    rig.plane.addServer(tcp(80), real(1));
    rig.plane.addService({ key: tcp(81), ...PLAIN, defence });
    rig.plane.addServer(tcp(81), real(1, 1, { port: 81 }));
    rig.plane.addService({ key: udp(53), ...PLAIN, defence });
    rig.plane.addServer(udp(53), real(1, 1, { port: 53 }));
    const last = port + 19;
    expect([admitted(25), admitted(25, { destinationPort: 81 }), admitted(25, UDP)]).toEqual([20, 20, 20]);
    expect(admitted(25, { source: '10.0.0.2' })).toBe(20);
    for (let segment = 0; segment < 50; segment++) expect(rig.run(buildFrame({ sourcePort: last, flags: 'A' })).verdict).toBe('TX');
  });

  it('of an IPv6 network are counted together', () => {
    rig.plane.addService({ key: tcp6(80), ...PLAIN, defence });
    rig.plane.addServer(tcp6(80), real6(1));
    const from = (source: string): number => admitted(15, { source, destination: 'fd00:9::9' });
    expect([from('fd00:0:0:1::1'), from('fd00:0:0:1::2'), from('fd00:0:0:2::1')]).toEqual([15, 5, 15]);
  });

  it('may change while the service is there', () => {
    rig.plane.addService({ key: tcp(80), ...PLAIN, defence });
    rig.plane.addServer(tcp(80), real(1));
    expect(admitted(30)).toBe(20);
    rig.plane.editService({ key: tcp(80), ...PLAIN });
    expect(admitted(30)).toBe(30);
    rig.plane.editService({ key: tcp(80), ...PLAIN, defence: { synProxy: false, sourceLimit: { perSecond: 1, burst: 1 } } });
    expect(admitted(30)).toBeLessThanOrEqual(1);
  });
});
