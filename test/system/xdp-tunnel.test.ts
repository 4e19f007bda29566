/** Tunnels to real servers, where a table of frames does not show it: numbers that differ, and segments that were put together. */
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { Tunnel } from '../../src/model/index.ts';
import { real, tcp } from '../compliance/harness.ts';
import { buildFrame } from './xdp-frames.ts';
import { HOP_MTU, Rig } from './xdp-support.ts';

const ETHERNET_HEADER = 14;
const GUE_PORT = 6080;
const PLAIN = { scheduler: 'rr', schedulerFlags: [], onePacket: false } as const;

let shared: Rig | undefined;
afterEach(() => shared?.reset());
afterAll(() => shared?.close());

/** TCP port 80 with the one server 10.2.0.1 behind a tunnel. */
function ready(type: Tunnel['type']): Rig {
  shared ??= new Rig();
  shared.plane.addService({ key: tcp(80), ...PLAIN });
  shared.plane.addServer(tcp(80), real(1, 1, { method: 'tun', tunnel: { type, port: type === 'gue' ? GUE_PORT : 0, checksum: 'none' } }));
  return shared;
}

function word(frame: Uint8Array, at: number): number {
  return new DataView(frame.buffer, frame.byteOffset).getUint16(ETHERNET_HEADER + at);
}

describe.each(['ipip', 'gue', 'gre'] as const)('%s', (type) => {
  it('forwards what the stack has put together, which is longer than the wire that it came by', () => {
    const on = ready(type);
    const { settings } = on.plane.path;
    on.run(buildFrame());
    settings.setBytes(0, 'port_mtus', new Uint8Array(Uint32Array.of(HOP_MTU).buffer));
    const segments = buildFrame({ flags: 'A', dontFragment: true, payload: new Uint8Array(HOP_MTU) });
    expect(on.run(segments).frame.length).toBeGreaterThan(segments.length);
    settings.setBytes(0, 'port_mtus', new Uint8Array(4));
  });

  it('numbers what may be cut, each packet differently', () => {
    const on = ready(type);
    const numbers = [1, 2, 3, 4].map(() => word(on.run(buildFrame()).frame, 4));
    expect(new Set(numbers).size).toBeGreaterThan(1);
  });
});

describe('gue', () => {
  it('comes from a port that flows share only by chance', () => {
    const on = ready('gue');
    const ports = Array.from({ length: 20 }, (_, client) => word(on.run(buildFrame({ source: `10.0.0.${client + 1}` })).frame, 20));
    expect(new Set(ports).size).toBeGreaterThan(15);
    expect(Math.min(...ports)).toBeGreaterThanOrEqual(0xc000);
  });
});
