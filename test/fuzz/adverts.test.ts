/**
 * Mutated and forged advertisements against the decoder and the engine. ADVERTS sets how many: the ten million of a full run are
 *
 *     ADVERTS=10000000 npx vitest run --project unit test/fuzz/adverts.test.ts
 */
import { describe, expect, it } from 'vitest';
import { IpAddress, MICROS_PER_SECOND, Random, seconds } from '../../src/base/index.ts';
import type { Vip, VirtualRouter } from '../../src/model/index.ts';
import { EMPTY_VRRP_SETTINGS, VrrpEngine } from '../../src/vrrp/index.ts';
import {
  decodeVrrpPacket,
  encodeAuthenticatedVrrpPacket,
  encodeVrrp,
  encodeVrrpPacket,
  isAuthentic,
  openVrrpPacket,
  passAuthData,
  VRRP_REJECT_REASONS,
  type VrrpAdvert,
  type VrrpRejectReason,
} from '../../src/wire/index.ts';

const COUNT = Number(process.env.ADVERTS ?? 100_000);
const SECRET = Buffer.from('1111');
const NOW = seconds(10);

const ip = (text: string): IpAddress => IpAddress.parse(text) as IpAddress;

/** One kind of router under attack, and what its rightful peer would send: all of it would make the active router step down. */
interface Target {
  readonly router: VirtualRouter;
  readonly advert: VrrpAdvert;
  readonly source: IpAddress;
  readonly destination: IpAddress;
}

function target(vrid: number, changes: Partial<VirtualRouter>): Target {
  const family = changes.family ?? 4;
  const vips = (family === 4 ? ['10.0.0.100', '10.0.0.101'] : ['fe80::100', 'fd00::100']).map((address): Vip => {
    return { address: ip(address), length: 24, interface: 'eth0', home: false, deprecated: false, tracked: true, onVmac: false };
  });
  const multicastGroup = ip(family === 4 ? '224.0.0.18' : 'ff02::12');
  const router: VirtualRouter = {
    name: `VI_${vrid}`,
    interface: 'eth0',
    vrid,
    version: 2,
    family,
    wantsMaster: false,
    priority: 100,
    advertInterval: seconds(1),
    trackSourceAddress: false,
    multicastGroup,
    vips,
    excludedVips: [],
    routes: [],
    rules: [],
    promoteSecondaries: false,
    noPreempt: false,
    preemptDelay: 0,
    downTimerAdverts: 3,
    accept: true,
    strict: false,
    skipCheckAdvertisedAddresses: false,
    checksumWithoutPseudoHeader: false,
    lowerPriorityNoAdvert: false,
    higherPrioritySendAdvert: false,
    ownerIgnoreAdverts: false,
    garp: {
      repeat: 1,
      secondBurstDelay: 0,
      refresh: 0,
      refreshRepeat: 1,
      lowerPriorityRepeat: 0,
      lowerPriorityDelay: 0,
      extraInterfaces: { period: 0, all: false },
    },
    trackInterfaces: [],
    trackScripts: [],
    trackFiles: [],
    trackProcesses: [],
    trackBfds: [],
    trackPrimary: true,
    notify: {},
    notifyPriorityChanges: false,
    smtpAlert: false,
    ...changes,
  };
  const { version, authentication } = router;
  const authType = authentication ? (authentication.type === 'pass' ? 1 : 2) : 0;
  const authData = version === 3 || family === 6 ? new Uint8Array(0) : passAuthData(authType === 1 ? SECRET : new Uint8Array(0));
  const addresses = vips.map((vip) => vip.address);
  return {
    router,
    advert: { version, vrid, priority: 200, interval: router.advertInterval, addresses, authType, authData },
    source: ip(family === 4 ? '10.0.0.9' : 'fe80::9'),
    destination: router.unicast ? ip('10.0.0.1') : multicastGroup,
  };
}

const PEERS = [{ address: ip('10.0.0.9'), minTtl: 255 }];
const TARGETS: readonly Target[] = [
  target(1, { authentication: { type: 'pass', password: SECRET } }),
  target(2, { authentication: { type: 'ah', password: SECRET } }),
  target(3, { version: 3 }),
  target(4, { version: 3, family: 6 }),
  target(5, { unicast: { peers: PEERS, ttl: 255, checkSource: true, faultWithoutPeer: true } }),
  target(6, { family: 6 }),
];

/** What differs from the rightful packet. */
interface Forgery {
  readonly advert?: Partial<VrrpAdvert>;
  readonly source?: IpAddress;
  readonly destination?: IpAddress;
  readonly ttl?: number;
  readonly key?: Uint8Array;
}

function packetOf(
  of: Target,
  { advert, source = of.source, destination = of.destination, ttl = 255, key = SECRET }: Forgery = {},
): Uint8Array {
  const message = encodeVrrp({ ...of.advert, ...advert }, source, destination);
  if (of.router.authentication?.type !== 'ah') return encodeVrrpPacket(message, source, destination, 0, ttl);
  return encodeAuthenticatedVrrpPacket(message, source, destination, { key, sequence: 1000, ttl, unicast: false });
}

/** Six active routers in one engine. */
function activeEngine(): VrrpEngine {
  const engine = new VrrpEngine({ ...EMPTY_VRRP_SETTINGS, routers: TARGETS.map(({ router }) => router) });
  engine.handle({ kind: 'link', interface: 'eth0', up: true }, 0);
  for (const address of ['10.0.0.1', 'fe80::1']) engine.handle({ kind: 'address', interface: 'eth0', address: ip(address) }, 0);
  engine.handle({ kind: 'start' }, 0);
  for (let next = engine.nextDeadline(); next !== undefined && next <= NOW; next = engine.nextDeadline())
    engine.handle({ kind: 'tick' }, next);
  engine.drain();
  return engine;
}

/** Everything that no bad packet may alter. */
function shape(engine: VrrpEngine): unknown {
  const { routers } = engine.snapshot();
  return {
    deadline: engine.nextDeadline(),
    routers: routers.map(({ counters, ...rest }) => ({ ...rest, received: counters.advertsReceived })),
  };
}

function rejections(engine: VrrpEngine): ReadonlyMap<string, number> {
  const { routers, rejected } = engine.snapshot();
  const sums = new Map<string, number>();
  for (const counts of [rejected, ...routers.map(({ counters }) => counters.rejected)]) {
    for (const [reason, count] of Object.entries(counts)) sums.set(reason, (sums.get(reason) ?? 0) + count);
  }
  return sums;
}

/** One to four random changes: a bit, a byte, a cut, an extension. */
function mutate(random: Random, packet: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(packet.length + 4);
  bytes.set(packet);
  let { length } = packet;
  for (let i = random.between(1, 4); i > 0; i--) {
    const at = random.below(Math.max(length, 1));
    const kind = random.below(8);
    if (kind === 0) length = at;
    else if (kind === 1) bytes[length++] = random.below(256);
    else if (kind < 5) bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
    else bytes[at] = random.below(256);
  }
  return bytes.subarray(0, length);
}

/** A changed packet may still be right: padding behind it, changes that cancel out, changes of what nothing protects. */
function isStillRight(of: Target, packet: Uint8Array): boolean {
  if (of.router.authentication?.type === 'ah') {
    const envelope = openVrrpPacket(packet);
    return envelope.ok && envelope.authentication !== undefined && isAuthentic(envelope.packet, envelope.headerLength, SECRET, false);
  }
  return decodeVrrpPacket(packet).ok;
}

describe(`${COUNT} mutated advertisements`, () => {
  it(
    'are all rejected under a reason: no throw, no change of state, a few log lines, no growth',
    () => {
      const engine = activeEngine();
      const before = shape(engine);
      const random = new Random(568);
      const good = TARGETS.map((each) => packetOf(each));
      let sent = 0;
      let effects = 0;
      for (let i = 0; i < COUNT; i++) {
        const which = random.below(TARGETS.length);
        const packet = mutate(random, good[which] as Uint8Array);
        if (isStillRight(TARGETS[which] as Target, packet)) continue;
        engine.handle({ kind: 'packet', interface: 'eth0', packet }, NOW);
        engine.drainTo((effect) => {
          effects++;
          expect(effect.kind).toBe('log');
        });
        sent++;
      }
      const counts = rejections(engine);
      expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBe(sent);
      expect([...counts.keys()].every((reason) => reason in VRRP_REJECT_REASONS)).toBe(true);
      expect(shape(engine)).toEqual(before);
      expect(sent).toBeGreaterThan(COUNT * 0.8);
      expect(effects).toBeLessThan(60);
    },
    60_000 + COUNT / 10,
  );
});

describe('a forged advertisement', () => {
  const wrongKey = Buffer.from('1112');
  const every = TARGETS.map((_, i) => i);
  it.each<[string, readonly number[], Forgery, VrrpRejectReason]>([
    ['of a low TTL', every, { ttl: 249 }, 'ttl'],
    ['of another VRID', every, { advert: { vrid: 99 } }, 'unknown-vrid'],
    ['of VRID 0', every, { advert: { vrid: 0 } }, 'vrid'],
    ['without its password', [0], { advert: { authType: 0 } }, 'auth-type'],
    ['with a password that nobody asked for', [4, 5], { advert: { authType: 1 } }, 'auth-type'],
    ['with a wrong password', [0], { advert: { authData: passAuthData(wrongKey) } }, 'auth-data'],
    ['of an unknown authentication', [0, 1, 4, 5], { advert: { authType: 3 } }, 'auth-unknown'],
    ['signed with another key', [1], { key: wrongKey }, 'ah-digest'],
    ['of another interval', [0, 1, 4, 5], { advert: { interval: 2 * MICROS_PER_SECOND } }, 'interval'],
    ['of other addresses', [0, 1, 2, 4], { advert: { addresses: [ip('10.0.0.100')] } }, 'addresses'],
    ['of no addresses', every, { advert: { addresses: [] } }, 'addresses'],
    ['from ourselves', [0, 1, 2], { source: ip('10.0.0.1') }, 'looped'],
    ['from a stranger', [4], { source: ip('10.0.0.66') }, 'unicast-source'],
    ['sent to us alone', [0, 1, 2], { destination: ip('10.0.0.1') }, 'destination'],
    ['sent to the group', [4], { destination: ip('224.0.0.18') }, 'destination'],
  ])('%s is counted and changes nothing', (_, targets, forgery, reason) => {
    const engine = activeEngine();
    const before = shape(engine);
    for (const i of targets) {
      engine.handle({ kind: 'packet', interface: 'eth0', packet: packetOf(TARGETS[i] as Target, forgery) }, NOW);
    }
    expect([...rejections(engine)]).toEqual([[reason, targets.length]]);
    expect(shape(engine)).toEqual(before);
  });

  it('of a wrong checksum is counted and changes nothing', () => {
    const engine = activeEngine();
    const before = shape(engine);
    for (const of of TARGETS.filter(({ router }) => router.authentication?.type !== 'ah')) {
      const packet = packetOf(of);
      const at = of.router.family === 4 ? 26 : 46;
      packet[at] = (packet[at] as number) ^ 1;
      engine.handle({ kind: 'packet', interface: 'eth0', packet }, NOW);
    }
    expect([...rejections(engine)]).toEqual([['checksum', 5]]);
    expect(shape(engine)).toEqual(before);
  });

  it('that is not forged at all makes every one of them step down', () => {
    const engine = activeEngine();
    for (const of of TARGETS) engine.handle({ kind: 'packet', interface: 'eth0', packet: packetOf(of) }, NOW);
    expect(engine.states()).toEqual(['backup', 'backup', 'backup', 'backup', 'backup', 'backup']);
  });
});
