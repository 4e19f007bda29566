/** The ways in which advertisements travel: IPv4 and IPv6, group and unicast, plain and with an authentication header. */
import { describe, expect, it } from 'vitest';
import { millis, seconds } from '../base/index.ts';
import type { Unicast, VirtualRouter } from '../model/index.ts';
import { encodeVrrp, encodeVrrpPacket, openVrrpPacket, type VrrpAdvert } from '../wire/index.ts';
import { ip, Lan, router, settings, vip } from './lan.test-helper.ts';

const over6: Partial<VirtualRouter> = { version: 3, family: 6, vips: [vip('fe80::100'), vip('fd00::100')] };
const secret: VirtualRouter['authentication'] = { type: 'ah', password: Buffer.from('1111') };

const unicastTo = (peers: readonly string[], changes: Partial<Unicast> = {}): Unicast => ({
  peers: peers.map((address) => ({ address: ip(address) })),
  ttl: 255,
  checkSource: false,
  faultWithoutPeer: false,
  ...changes,
});

function pair(a: Partial<VirtualRouter>, b: Partial<VirtualRouter>): Lan {
  const lan = new Lan();
  lan.start('a', 1, settings([router({ priority: 100, ...a })]));
  lan.start('b', 2, settings([router({ priority: 90, ...b })]));
  return lan;
}

const rejected = (lan: Lan, node: string): unknown => lan.engine(node).snapshot().routers[0]?.counters.rejected;
const transmits = (lan: Lan, node: string): readonly { destination: string; ttl: number; source: string }[] =>
  lan
    .effects(node)
    .flatMap((effect) =>
      effect.kind === 'transmit' ? [{ destination: String(effect.destination), ttl: effect.ttl, source: String(effect.source) }] : [],
    );

describe('version 3 over IPv6', () => {
  it('elects, gives up the addresses at a stop, and takes over', () => {
    const lan = pair({ ...over6, advertInterval: millis(100) }, { ...over6, advertInterval: millis(100) });
    lan.runUntil(5);
    expect([lan.held('a'), lan.held('b')]).toEqual([['fd00::100', 'fe80::100'], []]);
    expect(transmits(lan, 'a')[0]).toEqual({ destination: 'ff02::12', ttl: 255, source: 'fe80::1' });
    lan.handle('a', { kind: 'stop' });
    lan.runUntil(6);
    expect(lan.story.at(-1)).toBe('5.064843 b VI_1 MASTER');
    expect(rejected(lan, 'b')).toEqual({});
  });

  it('needs an IPv6 address to start', () => {
    const lan = new Lan();
    lan.start('a', 1, settings([router(over6)]));
    lan.handle('a', { kind: 'address', interface: 'eth0', family: 6, address: undefined });
    expect(lan.log('a')).toContain('(VI_1) entering FAULT state (no IPv6 address for interface)');
  });

  it('runs beside a router of the same VRID over IPv4', () => {
    const lan = new Lan();
    lan.start('a', 1, settings([router({ name: 'V4' }), router({ name: 'V6', ...over6 })]));
    lan.start('b', 2, settings([router({ name: 'V4', priority: 90 }), router({ name: 'V6', ...over6, priority: 110 })]));
    lan.runUntil(10);
    expect([lan.state('a', 0), lan.state('a', 1), lan.state('b', 0), lan.state('b', 1)]).toEqual(['active', 'backup', 'backup', 'active']);
  });
});

describe('unicast', () => {
  it('sends one advertisement to each peer, with the configured TTL', () => {
    const lan = pair({ unicast: unicastTo(['10.0.0.2', '10.0.0.3'], { ttl: 64 }) }, { unicast: unicastTo(['10.0.0.1']) });
    lan.runUntil(3.7);
    expect(transmits(lan, 'a')).toEqual([
      { destination: '10.0.0.2', ttl: 64, source: '10.0.0.1' },
      { destination: '10.0.0.3', ttl: 64, source: '10.0.0.1' },
    ]);
    lan.runUntil(30);
    expect([lan.state('a'), lan.state('b'), rejected(lan, 'b')]).toEqual(['active', 'backup', {}]);
  });

  it.each([
    ['inside the bounds', { minTtl: 60, maxTtl: 70 }, {}],
    ['without bounds', {}, {}],
    ['below the least', { minTtl: 65 }, { ttl: 1 }],
    ['above the most', { maxTtl: 63 }, { ttl: 1 }],
  ])('a TTL of 64 %s', (_, bounds, counts) => {
    const peers = [{ address: ip('10.0.0.1'), ...bounds }];
    const lan = pair({ unicast: unicastTo(['10.0.0.2'], { ttl: 64 }) }, { unicast: { ...unicastTo([]), peers }, priority: 1 });
    lan.runUntil(3.9);
    expect(rejected(lan, 'b')).toEqual(counts);
  });

  it('a sender that is no peer is refused only where that is asked for', () => {
    const unicast = (checkSource: boolean): Lan =>
      pair({ unicast: unicastTo(['10.0.0.2']) }, { unicast: unicastTo(['10.0.0.3'], { checkSource }), priority: 1 });
    const [strict, easy] = [unicast(true), unicast(false)];
    strict.runUntil(3.9);
    easy.runUntil(3.9);
    expect([rejected(strict, 'b'), rejected(easy, 'b')]).toEqual([{ 'unicast-source': 1 }, {}]);
    expect(strict.log('b')).toContain('(VI_1) unicast source address 10.0.0.1 not a unicast peer');
  });

  it('and a group do not hear each other', () => {
    const lan = pair({ unicast: unicastTo(['10.0.0.2']) }, { priority: 90 });
    lan.runUntil(10);
    expect([lan.state('a'), lan.state('b')]).toEqual(['active', 'active']);
    expect([rejected(lan, 'a'), rejected(lan, 'b')]).toEqual([{ destination: 7 }, { destination: 7 }]);
  });

  it('without a peer is FAULT where that is asked for, and silent otherwise', () => {
    const lan = pair({ unicast: unicastTo([], { faultWithoutPeer: true }) }, { unicast: unicastTo([]) });
    lan.runUntil(5);
    expect([lan.state('a'), lan.state('b'), transmits(lan, 'b')]).toEqual(['fault', 'active', []]);
  });

  it('needs no interface when it has an address to send from', () => {
    const lan = new Lan();
    const nowhere = { interface: '', unicast: unicastTo(['10.0.0.2']), sourceAddress: ip('10.0.0.1'), vips: [vip('10.0.0.100')] };
    lan.start('a', 1, settings([router(nowhere)]));
    lan.runUntil(5);
    expect(lan.state('a')).toBe('active');
  });

  it('routers that share a VRID are told apart by their peers', () => {
    const lan = new Lan();
    const to = (peer: string): Partial<VirtualRouter> => ({ unicast: unicastTo([peer]), priority: 50 });
    const first = router({ name: 'X', ...to('10.0.0.2'), sourceAddress: ip('10.0.0.1') });
    const second = router({ name: 'Y', ...to('10.0.0.3'), sourceAddress: ip('10.0.0.11') });
    lan.start('a', 1, settings([first, second]));
    lan.start('c', 3, settings([router({ priority: 200, unicast: unicastTo(['10.0.0.11']) })]));
    lan.runUntil(10);
    expect([lan.state('a', 0), lan.state('a', 1)]).toEqual(['active', 'backup']);
  });
});

describe('the checksum without pseudo-header', () => {
  it('is understood among routers that are all told so', () => {
    const old: Partial<VirtualRouter> = { version: 3, checksumWithoutPseudoHeader: true };
    const lan = pair(old, old);
    lan.runUntil(10);
    expect([lan.state('a'), lan.state('b'), rejected(lan, 'b')]).toEqual(['active', 'backup', {}]);
    const mixed = pair(old, { version: 3 });
    mixed.runUntil(10);
    expect([mixed.state('b'), rejected(mixed, 'b')]).toEqual(['active', { checksum: 7 }]);
  });
});

describe('an authentication header', () => {
  it('elects, takes over, and counts on from the number of the others', () => {
    const lan = pair({ authentication: secret }, { authentication: secret });
    lan.runUntil(20);
    expect([lan.state('a'), lan.state('b'), rejected(lan, 'b')]).toEqual(['active', 'backup', {}]);
    lan.crash('a');
    lan.runUntil(30);
    expect(lan.state('b')).toBe('active');
    const { ahSequence } = lan.engine('b').snapshot().routers[0] ?? {};
    // a has sent 17, at 3.609375 s and every second after.
    expect(ahSequence).toBe(17 + (lan.engine('b').snapshot().routers[0]?.counters.advertsSent ?? 0));
    lan.start('a', 1, settings([router({ authentication: secret })]));
    lan.runUntil(60);
    expect([lan.state('a'), lan.state('b'), rejected(lan, 'a')]).toEqual(['active', 'backup', {}]);
  });

  it('with another password is refused, and does not move the sequence number', () => {
    const lan = pair({ authentication: secret }, { authentication: { type: 'ah', password: Buffer.from('1112') }, priority: 1 });
    lan.runUntil(3.7);
    expect([rejected(lan, 'b'), lan.engine('b').snapshot().routers[0]?.ahSequence]).toEqual([{ 'ah-digest': 1 }, 0]);
  });

  it('is refused where none is expected, and missed where one is', () => {
    const lan = pair({ authentication: secret }, { priority: 99 });
    lan.runUntil(6);
    expect([lan.state('a'), lan.state('b')]).toEqual(['active', 'active']);
    expect([rejected(lan, 'a'), rejected(lan, 'b')]).toEqual([{ 'ah-presence': 3 }, { 'ah-presence': 3 }]);
    expect(lan.log('a')).toContain('(VI_1) No AH header but auth type is AH');
    expect(lan.log('b')).toContain('(VI_1) Received AH header but auth type not AH');
  });

  it('that was seen before is an old packet sent again', () => {
    const lan = pair({ authentication: secret }, { authentication: secret });
    lan.runUntil(10);
    const [last, before] = lan
      .effects('a')
      .flatMap((effect) => (effect.kind === 'transmit' ? [effect.packet] : []))
      .toReversed();
    const deadline = lan.engine('b').nextDeadline();
    lan.runUntil(10.1);
    for (const packet of [last, before]) lan.handle('b', { kind: 'packet', interface: 'eth0', packet: packet as Uint8Array });
    expect(rejected(lan, 'b')).toEqual({ 'ah-replay': 2 });
    expect(lan.engine('b').nextDeadline()).toBe(deadline);
  });

  it("that bears another sender's index is refused", () => {
    const lan = pair({ authentication: secret }, { authentication: secret });
    lan.runUntil(4);
    const sent = lan.effects('a').find((effect) => effect.kind === 'transmit');
    const packet = Uint8Array.from(sent?.kind === 'transmit' ? sent.packet : []);
    packet[24] = 99;
    lan.handle('b', { kind: 'packet', interface: 'eth0', packet });
    expect(rejected(lan, 'b')).toEqual({ 'ah-spi': 1 });
  });

  it('two that speak at the same instant still hear each other', () => {
    const lan = pair({ authentication: secret }, { authentication: secret });
    lan.cut('a', 'b');
    lan.cut('b', 'a');
    lan.runUntil(20);
    expect([lan.state('a'), lan.state('b')]).toEqual(['active', 'active']);
    lan.heal();
    lan.runUntil(25);
    expect([lan.state('a'), lan.state('b')]).toEqual(['active', 'backup']);
  });

  it('is heard from the last speaker too, when it speaks at the instant of a takeover', () => {
    const lan = pair({ authentication: secret }, { authentication: secret });
    lan.runUntil(10);
    const heard = lan.engine('b').snapshot().routers[0]?.ahSequence ?? 0;
    const sentBefore = lan.effects('a').filter(({ kind }) => kind === 'transmit').length;
    lan.cut('a', 'b');
    lan.cut('b', 'a');
    lan.runUntil(13.4);
    expect([lan.state('b'), lan.engine('b').snapshot().routers[0]?.ahSequence]).toEqual(['active', heard + 1]);
    const underWay = lan.effects('a').filter((effect) => effect.kind === 'transmit')[sentBefore];
    lan.handle('b', { kind: 'packet', interface: 'eth0', packet: underWay?.packet as Uint8Array });
    expect([lan.state('b'), rejected(lan, 'b')]).toEqual(['backup', {}]);
  });
});

describe('a message', () => {
  const advert: VrrpAdvert = {
    version: 2,
    vrid: 51,
    priority: 200,
    interval: seconds(1),
    addresses: [ip('10.0.0.100')],
    authType: 0,
    authData: new Uint8Array(8),
  };
  const from = ip('10.0.0.9');
  const message = encodeVrrp(advert, from, ip('224.0.0.18'));

  it.each<[string, (bytes: Uint8Array) => void, number, Record<string, number>]>([
    ['a low TTL', () => undefined, 254, { ttl: 1 }],
    ['another type', (bytes) => bytes.fill(0x22, 0, 1), 255, { type: 1 }],
    ['a type of authentication that does not exist', (bytes) => bytes.fill(9, 4, 5), 255, { 'auth-unknown': 1 }],
    ['more addresses than it holds', (bytes) => bytes.fill(2, 3, 4), 255, { length: 1 }],
  ])('with %s is counted under its own reason', (_, alter, ttl, counts) => {
    const lan = new Lan();
    lan.start('a', 1, settings([router()]));
    const altered = Uint8Array.from(message);
    alter(altered);
    lan.handle('a', { kind: 'packet', interface: 'eth0', packet: encodeVrrpPacket(altered, from, ip('224.0.0.18'), 0, ttl) });
    expect([rejected(lan, 'a'), lan.engine('a').snapshot().routers[0]?.masterAddress]).toEqual([counts, undefined]);
  });

  it('of VRID 0 is nobody’s', () => {
    const lan = new Lan();
    lan.start('a', 1, settings([router()]));
    const altered = Uint8Array.from(message).fill(0, 1, 2);
    lan.handle('a', { kind: 'packet', interface: 'eth0', packet: encodeVrrpPacket(altered, from, ip('224.0.0.18')) });
    expect(lan.engine('a').snapshot().rejected).toEqual({ vrid: 1 });
  });

  it('with other addresses is refused, unless it comes from the active router and the file says not to look again', () => {
    const other = encodeVrrp({ ...advert, addresses: [ip('10.0.0.7')] }, from, ip('224.0.0.18'));
    const lan = new Lan();
    lan.start('a', 1, settings([router({ skipCheckAdvertisedAddresses: true })]));
    const hear = (content: Uint8Array): void =>
      lan.handle('a', { kind: 'packet', interface: 'eth0', packet: encodeVrrpPacket(content, from, ip('224.0.0.18')) });
    hear(other);
    hear(message);
    hear(other);
    expect([rejected(lan, 'a'), lan.engine('a').snapshot().routers[0]?.counters.advertsReceived]).toEqual([{ addresses: 1 }, 2]);
  });

  it('that we send can be opened again', () => {
    const lan = new Lan();
    lan.start('a', 1, settings([router({ priority: 255 })]));
    lan.runUntil(0.5);
    const sent = lan.effects('a').find((effect) => effect.kind === 'transmit');
    const envelope = openVrrpPacket(sent?.kind === 'transmit' ? sent.packet : new Uint8Array(0));
    expect(envelope).toMatchObject({ ok: true, priority: 255, message: sent?.kind === 'transmit' ? sent.message : undefined });
  });
});
