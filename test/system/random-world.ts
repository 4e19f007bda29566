/**
 * What the random frames are shown to: services of every protocol and both families, each with servers by every method that it may have. A
 * server belongs to one service alone, and its MAC address says which it is: so the frame that leaves says where it should have gone.
 */
import { type IpAddress, parsePrefix } from '../../src/base/index.ts';
import type { Protocol, RealServer, ServiceKey, Tunnel, VirtualService } from '../../src/model/index.ts';
import { ip } from '../compliance/harness.ts';
import { DIRECTOR, DIRECTOR6, serverMac } from './xdp-support.ts';

export type Family = 4 | 6;

export const LOCAL_PORTS = { first: 2000, last: 2099 } as const;
const PERSISTENCE_SECONDS = 60;
const MARK = 7;

/** A service in the table's words, and what a frame must look like to be its. */
export interface Virtual {
  readonly family: Family;
  readonly service: VirtualService;
  readonly protocols: readonly Protocol[];
  /** The virtual address; of a mark the network. */
  readonly address: Uint8Array;
  readonly prefixBytes: number;
  /** 0 is every port. */
  readonly port: number;
}

export interface Behind {
  readonly virtual: Virtual;
  server: RealServer;
  readonly address: Uint8Array;
  /** The director's address where the tunnel starts. */
  readonly tunnelSource: Uint8Array;
  present: boolean;
}

export interface World {
  readonly virtuals: readonly Virtual[];
  readonly servers: readonly Behind[];
  /** By the last four bytes of the MAC address. */
  readonly byMac: ReadonlyMap<number, Behind>;
  readonly locals: Readonly<Record<Family, readonly Uint8Array[]>>;
}

type Kind = 'dr' | 'nat' | 'fullnat' | `tun-${string}`;

const TUNNELS: Readonly<Record<string, Tunnel>> = {
  ipip: { type: 'ipip', port: 0, checksum: 'none' },
  gre: { type: 'gre', port: 0, checksum: 'none' },
  'gre-sum': { type: 'gre', port: 0, checksum: 'csum' },
  gue: { type: 'gue', port: 6080, checksum: 'none' },
  'gue-sum': { type: 'gue', port: 6080, checksum: 'csum' },
};
const EVERY: readonly Kind[] = [
  'dr',
  ...Object.keys(TUNNELS).map((name) => `tun-${name}` as const),
  'tun-ipip-other',
  'tun-gue-other',
  'nat',
  'fullnat',
];

interface Plan {
  readonly protocol: Protocol | 'mark';
  readonly port: number;
  readonly kinds: readonly Kind[];
  /** Which of the family's virtual addresses. */
  readonly address: 'first' | 'second';
  readonly serverPort?: number;
  readonly more?: Partial<VirtualService>;
}

const plan = (protocol: Plan['protocol'], port: number, kinds: readonly Kind[], more: Omit<Partial<Plan>, 'kinds'> = {}): Plan => ({
  protocol,
  port,
  kinds,
  address: 'first',
  ...more,
});
const persistent = (prefixLength: number): Partial<VirtualService> => ({
  persistence: { timeoutSeconds: PERSISTENCE_SECONDS, prefixLength },
});

const plansOf = (family: Family): readonly Plan[] => [
  plan('tcp', 80, EVERY, { serverPort: 8080, more: { scheduler: 'wlc' } }),
  plan('udp', 53, EVERY, { serverPort: 5353, more: { scheduler: 'wrr' } }),
  plan('udp', 54, ['dr', 'tun-ipip', 'nat'], { more: { onePacket: true } }),
  plan('tcp', 0, ['dr', 'tun-gue', 'nat'], { address: 'second', more: persistent(family === 4 ? 24 : 64) }),
  plan('udp', 0, ['dr', 'tun-gre', 'nat'], { address: 'second', more: persistent(family === 4 ? 32 : 128) }),
  plan('mark', 0, ['dr', 'tun-ipip', 'nat', 'fullnat'], { more: { scheduler: 'sh' } }),
  plan('tcp', 443, ['nat', 'fullnat'], { serverPort: 8443, more: { defence: { synProxy: true } } }),
  plan('tcp', 444, ['dr', 'tun-ipip'], { more: { defence: { synProxy: true } } }),
  plan('tcp', 8080, ['fullnat', 'fullnat'], { more: { scheduler: 'mh' } }),
  plan('sctp', 9, ['dr', 'tun-gre', 'nat'], { serverPort: 9 }),
  plan('sctp', 10, ['nat', 'fullnat'], { serverPort: 1010 }),
  plan('tcp', 81, []),
];

/** Virtual addresses: 10.9.9.9 and fd00:9::9, the second ends in 200; a mark is on all of 10.9.8.0/24 and fd00:9:8::/48. */
const VIRTUALS = { 4: { first: '10.9.9.9', second: '10.9.9.200' }, 6: { first: 'fd00:9::9', second: 'fd00:9::200' } } as const;
const MARKED = { 4: '10.9.8.0/24', 6: 'fd00:9:8::/48' } as const;

const serverAddress = (family: Family, service: number, number: number): IpAddress =>
  ip(family === 4 ? `10.2.${service}.${number}` : `fd00:2::${service.toString(16)}:${number.toString(16)}`);

function virtualOf(family: Family, { protocol, port, address, more }: Plan): Virtual {
  const key: ServiceKey =
    protocol === 'mark'
      ? { kind: 'fwmark', mark: MARK, family }
      : { kind: 'address', protocol, address: ip(VIRTUALS[family][address]), port };
  const localAddresses = [1, 2].map((number) => serverAddress(family, 99, number));
  const service: VirtualService = { key, scheduler: 'rr', schedulerFlags: [], onePacket: false, localAddresses, ...more };
  const [network = '', length = ''] = MARKED[family].split('/');
  return {
    family,
    service,
    protocols: protocol === 'mark' ? ['tcp', 'udp'] : [protocol],
    address: key.kind === 'address' ? key.address.bytes : ip(network).bytes,
    prefixBytes: key.kind === 'address' ? (family === 4 ? 4 : 16) : Number(length) / 8,
    port,
  };
}

function behindOf(virtual: Virtual, kind: Kind, service: number, number: number, serverPort: number): Behind {
  const [method, name = ''] = kind.startsWith('tun-') ? (['tun', kind.slice(4).replace(/-other$/, '')] as const) : [kind];
  const family = kind.endsWith('-other') ? (virtual.family === 4 ? 6 : 4) : virtual.family;
  // Nobody else has the address: servers of the other family are numbered apart.
  const address = serverAddress(family, service + (family === virtual.family ? 0 : 40), number);
  const isTranslated = method === 'nat' || method === 'fullnat';
  const server: RealServer = {
    address,
    port: isTranslated ? serverPort : virtual.port,
    method: method as RealServer['method'],
    weight: 1 + (number % 3),
    upperThreshold: 0,
    lowerThreshold: 0,
    ...(method === 'tun' && { tunnel: TUNNELS[name] }),
  };
  const tunnelSource = (family === 4 ? DIRECTOR : DIRECTOR6).bytes;
  return { virtual, server, address: address.bytes, tunnelSource, present: true };
}

/** The last four bytes of a MAC address, as a number. */
export function macNumber(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at + 2] as number) * 0x100_0000 + ((bytes[at + 3] as number) << 16)) |
    ((bytes[at + 4] as number) << 8) |
    (bytes[at + 5] as number)
  );
}

export function makeWorld(): World {
  const virtuals: Virtual[] = [];
  const servers: Behind[] = [];
  for (const family of [4, 6] as const) {
    for (const [service, one] of plansOf(family).entries()) {
      const virtual = virtualOf(family, one);
      virtuals.push(virtual);
      for (const [at, kind] of one.kinds.entries()) servers.push(behindOf(virtual, kind, service + 1, at + 1, one.serverPort ?? one.port));
    }
  }
  const byMac = new Map(servers.map((behind) => [macNumber(serverMac(behind.server.address), 0), behind]));
  if (byMac.size !== servers.length) throw new Error('two servers have one MAC address');
  const locals = (family: Family): Uint8Array[] => [1, 2].map((number) => serverAddress(family, 99, number).bytes);
  return { virtuals, servers, byMac, locals: { 4: locals(4), 6: locals(6) } };
}

/** Puts all of it into the tables. */
export function fillTables(
  plane: {
    addService(service: VirtualService): void;
    addServer(key: ServiceKey, server: RealServer): void;
    setMarkRules(rules: readonly object[]): void;
  },
  { virtuals, servers }: World,
): void {
  plane.setMarkRules(
    ([4, 6] as const).map((family) => ({
      family,
      destination: parsePrefix(MARKED[family]),
      protocols: ['tcp', 'udp'],
      set: { value: MARK, mask: 0xffff_ffff },
      ends: false,
    })),
  );
  for (const { service } of virtuals) plane.addService(service);
  for (const { virtual, server } of servers) plane.addServer(virtual.service.key, server);
}
