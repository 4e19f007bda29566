/** What `trace` is asked about: tables with a service for every kind of outcome. */
import { expect } from 'vitest';
import type { RealServer, ServiceKey, VirtualService } from '../../src/model/index.ts';
import type { TraceFlow } from '../../src/ports/index.ts';
import { ip, real, tcp, udp, VIP } from '../compliance/harness.ts';
import type { FrameFields } from './xdp-frames.ts';
import type { Rig } from './xdp-support.ts';

export const VIP6 = ip('fd00:9::9');
export const CLIENT: TraceFlow = { protocol: 'tcp', source: ip('10.0.0.1'), sourcePort: 40_000, destination: VIP, destinationPort: 80 };
export const CLIENT6: TraceFlow = { ...CLIENT, source: ip('fd00::1'), destination: VIP6 };
export const FRAME6: FrameFields = { destination: String(VIP6) };
export const NAT_SERVER = ip('10.2.0.50');
/** The director itself, a server that nobody knows the way to, and one behind a narrow way. */
export const LOCAL = ip('10.2.0.77');
export const UNKNOWN = ip('10.2.0.66');
export const NARROW = ip('10.2.0.55');
export const PORTS = {
  rr: 80,
  wlc: 81,
  local: 82,
  unknown: 83,
  narrow: 84,
  nat: 85,
  tunnel: 86,
  persistent: 87,
  empty: 88,
  drained: 89,
  gue: 90,
  fullNat: 91,
  cookies: 92,
  cookiesFullNat: 93,
  challenge: 94,
  limited: 95,
};
export const LOCAL_ADDRESSES = { 4: ip('10.2.0.201'), 6: ip('fd00:2::201') } as const;
export const FULL_NAT_SERVER = '10.2.0.51';
export const FULL_NAT_SERVER6 = 'fd00:2::51';

export interface Case {
  readonly name: string;
  /** Frames that go before. */
  readonly after?: readonly FrameFields[];
  readonly given?: (rig: Rig) => void;
  readonly flow?: Partial<TraceFlow> | ((rig: Rig) => Partial<TraceFlow>);
  readonly base?: TraceFlow;
  readonly expected: Record<string, unknown>;
}

export const to = (destinationPort: number): Partial<TraceFlow> => ({ destinationPort });
export const reason = (name: string): object => ({ reason: expect.objectContaining({ name }) });

interface Defended {
  readonly key: ServiceKey;
  readonly service: Partial<VirtualService>;
  readonly server: Partial<RealServer>;
}

function defendedAndTranslated(): readonly Defended[] {
  const defence = { synProxy: true };
  const locals = (family: 4 | 6): Partial<VirtualService> => ({ localAddresses: [LOCAL_ADDRESSES[family]] });
  const fullNat = (address: string) => ({ address: ip(address), port: 8080, method: 'fullnat' }) as const;
  return [
    { key: tcp(PORTS.fullNat), service: locals(4), server: fullNat(FULL_NAT_SERVER) },
    { key: tcp(PORTS.fullNat, VIP6), service: locals(6), server: fullNat(FULL_NAT_SERVER6) },
    { key: tcp(PORTS.cookies), service: { defence }, server: { address: NAT_SERVER, port: 8080, method: 'nat' } },
    { key: tcp(PORTS.cookiesFullNat), service: { ...locals(4), defence }, server: fullNat(FULL_NAT_SERVER) },
    { key: tcp(PORTS.challenge), service: { defence }, server: {} },
    { key: tcp(PORTS.limited), service: { defence: { synProxy: false, sourceLimit: { perSecond: 1, burst: 1 } } }, server: {} },
  ];
}

export function fillTables(rig: Rig): void {
  const { plane } = rig;
  const plain = { scheduler: 'rr', schedulerFlags: [], onePacket: false } as const;
  for (const address of [VIP, VIP6]) {
    const family6 = address.family === 6;
    const server = (last: number) => real(last, 1, family6 ? { address: ip(`fd00:2::${last}`) } : {});
    plane.addService({ ...plain, key: tcp(80, address) });
    for (const last of [1, 2]) plane.addServer(tcp(80, address), server(last));
    const persistence = { timeoutSeconds: 300, prefixLength: family6 ? 64 : 24 };
    plane.addService({ ...plain, key: tcp(PORTS.persistent, address), persistence });
    for (const last of [1, 2]) plane.addServer(tcp(PORTS.persistent, address), server(last));
    plane.addService({ ...plain, key: tcp(PORTS.empty, address) });
  }
  plane.addService({ ...plain, key: udp(53) });
  plane.addServer(udp(53), real(1, 1, { port: 53 }));
  plane.addService({ ...plain, key: tcp(PORTS.wlc), scheduler: 'wlc' });
  plane.addServer(tcp(PORTS.wlc), real(1, 3));
  plane.addServer(tcp(PORTS.wlc), real(2, 1));
  const single = [
    [tcp(PORTS.local), { address: LOCAL, port: PORTS.local }],
    [tcp(PORTS.unknown), { address: UNKNOWN, port: PORTS.unknown }],
    [tcp(PORTS.narrow), { address: NARROW, port: PORTS.narrow }],
    [udp(PORTS.narrow), { address: NARROW, port: PORTS.narrow }],
    [tcp(PORTS.nat), { address: NAT_SERVER, port: 8080, method: 'nat' }],
    [tcp(PORTS.tunnel), { address: ip('10.2.0.60'), port: PORTS.tunnel, method: 'tun' }],
    [tcp(PORTS.gue), { address: ip('10.2.0.61'), port: PORTS.gue, method: 'tun', tunnel: { type: 'gue', port: 6080, checksum: 'none' } }],
    [tcp(PORTS.drained), { weight: 0 }],
  ] as const;
  for (const [key, more] of single) {
    plane.addService({ ...plain, key });
    plane.addServer(key, real(3, 1, more));
  }
  for (const { key, service, server } of defendedAndTranslated()) {
    plane.addService({ ...plain, ...service, key });
    plane.addServer(key, real(4, 1, server));
  }
}
