import { describe, expect, it } from 'vitest';
import { seconds } from '../base/index.ts';
import type { VirtualRouter } from '../model/index.ts';
import {
  decodeVrrpPacket,
  encodeVrrp,
  encodeVrrpPacket,
  passAuthData,
  VRRP_AUTH_NONE,
  VRRP_AUTH_PASS,
  type VrrpAdvert,
} from '../wire/index.ts';
import type { VrrpEngine } from './index.ts';
import { ip, Lan, router, settings, vip } from './lan.test-helper.ts';

const secret = (password: string): VirtualRouter['authentication'] => ({
  type: 'pass',
  password: passAuthData(new TextEncoder().encode(password)),
});

const PEER = ip('10.0.0.9');
const GROUP = ip('224.0.0.18');

/** What a peer with our configuration and priority 200 would send. */
const good: VrrpAdvert = {
  version: 2,
  vrid: 51,
  priority: 200,
  interval: seconds(1),
  addresses: [ip('10.0.0.100'), ip('10.0.0.101')],
  authType: VRRP_AUTH_PASS,
  authData: passAuthData(new TextEncoder().encode('1111')),
};

const packetOf = (advert: VrrpAdvert, source = PEER): Uint8Array => encodeVrrpPacket(encodeVrrp(advert, source, GROUP), source, GROUP);

/** An active router of priority 100 that a good advertisement would make step down. */
function active(): Lan {
  const lan = new Lan();
  lan.start('a', 1, settings([router({ authentication: secret('1111'), vips: [vip('10.0.0.100'), vip('10.0.0.101')] })]));
  lan.runUntil(10);
  lan.forget('a');
  return lan;
}

const hear = (lan: Lan, packet: Uint8Array): void => lan.handle('a', { kind: 'packet', interface: 'eth0', packet });
const rejected = (engine: VrrpEngine): unknown => engine.snapshot().routers[0]?.counters.rejected;

describe('an advertisement', () => {
  it('that is right in everything is obeyed, its addresses in any order', () => {
    const lan = active();
    hear(lan, packetOf({ ...good, addresses: good.addresses.toReversed() }));
    expect(lan.engine('a').snapshot().routers[0]).toMatchObject({ state: 'backup', masterAddress: PEER, masterPriority: 200 });
  });

  it.each<[string, Partial<VrrpAdvert>, string, string]>([
    ['of version 3', { version: 3, authType: 0, authData: new Uint8Array(0) }, 'version', '(VI_1) wrong version. Received 3 and expect 2'],
    ['without authentication', { authType: VRRP_AUTH_NONE }, 'auth-type', '(VI_1) received a 0 auth, expecting 1!'],
    [
      'with a wrong password',
      { authData: passAuthData(new TextEncoder().encode('1112')) },
      'auth-data',
      '(VI_1) received an invalid passwd!',
    ],
    ['of another interval', { interval: seconds(2) }, 'interval', "(VI_1) advertisement interval mismatch mine=1 sec rcv'd=2 sec"],
    [
      'with an address too few',
      { addresses: [ip('10.0.0.100')] },
      'addresses',
      '(VI_1) received an unexpected ip number count 1, expected 2!',
    ],
    ['with another address', { addresses: [ip('10.0.0.100'), ip('10.0.0.7')] }, 'addresses', '(VI_1) expected 2 VIPs but received others'],
  ])('%s is counted, logged once, and changes nothing', (_, change, reason, line) => {
    const lan = active();
    for (let i = 0; i < 3; i++) hear(lan, packetOf({ ...good, ...change }));
    expect(lan.state('a')).toBe('active');
    expect(rejected(lan.engine('a'))).toEqual({ [reason]: 3 });
    expect(lan.effects('a')).toEqual([{ kind: 'log', level: 'info', message: line }]);
  });

  it('without authentication may carry anything in the unused field', () => {
    const lan = new Lan();
    lan.start('a', 1, settings([router()]));
    hear(lan, packetOf({ ...good, addresses: [ip('10.0.0.100')], authType: VRRP_AUTH_NONE }));
    expect(lan.engine('a').snapshot().routers[0]?.masterAddress).toEqual(PEER);
  });

  it('that is damaged is counted for the router it names', () => {
    const lan = active();
    const packet = packetOf(good);
    packet[26] = 1;
    hear(lan, packet);
    expect([rejected(lan.engine('a')), lan.log('a')]).toEqual([{ checksum: 1 }, ['(VI_1) Invalid VRRPv2 checksum']]);
  });

  it('of our own that comes back is ignored in silence', () => {
    const lan = active();
    hear(lan, packetOf(good, ip('10.0.0.1')));
    expect([rejected(lan.engine('a')), lan.effects('a')]).toEqual([{ looped: 1 }, []]);
  });

  it.each([
    ['of an unknown VRID', packetOf({ ...good, vrid: 99 }), 'eth0', { 'unknown-vrid': 1 }],
    ['of a known VRID on another interface', packetOf(good), 'eth1', { 'unknown-vrid': 1 }],
    ['that is no packet at all', Uint8Array.of(1, 2, 3), 'eth0', { 'ip-header': 1 }],
  ])('%s is counted in silence', (_, packet, link, counts) => {
    const lan = active();
    lan.handle('a', { kind: 'packet', interface: link, packet });
    expect([lan.engine('a').snapshot().rejected, lan.effects('a')]).toEqual([counts, []]);
  });

  it('of an unknown VRID is logged where log_unknown_vrids is written', () => {
    const lan = new Lan();
    lan.start('a', 1, settings([router()], { logUnknownVrids: true }));
    lan.forget('a');
    hear(lan, packetOf({ ...good, vrid: 99 }));
    expect(lan.log('a')).toEqual(['Unknown VRID(99) received on interface(eth0) from 10.0.0.9. ignoring...']);
  });

  it('is not acted upon in FAULT', () => {
    const lan = active();
    lan.handle('a', { kind: 'link', interface: 'eth0', up: false });
    hear(lan, packetOf(good));
    expect([lan.state('a'), rejected(lan.engine('a'))]).toEqual(['fault', { 'not-running': 1 }]);
  });

  it('is logged again when another router has become active since', () => {
    const lan = active();
    const wrong = packetOf({ ...good, interval: seconds(2) });
    hear(lan, wrong);
    hear(lan, packetOf(good));
    hear(lan, wrong);
    hear(lan, wrong);
    expect(lan.log('a').filter((line) => line.includes('mismatch'))).toHaveLength(2);
  });
});

describe('version 3', () => {
  it('adopts the interval of the active router for its patience', () => {
    const lan = new Lan();
    const ours = router({ version: 3, priority: 128, advertInterval: seconds(1) });
    lan.start('a', 1, settings([ours]));
    const slow: VrrpAdvert = {
      ...good,
      version: 3,
      authType: 0,
      authData: new Uint8Array(0),
      addresses: [ip('10.0.0.100')],
      interval: seconds(2),
    };
    hear(lan, packetOf(slow));
    expect(lan.log('a').at(-1)).toBe('(VI_1) advertisement interval updated from 1000ms to 2000ms by master');
    lan.runUntil(10);
    expect(lan.story.at(-1)).toBe('7 a VI_1 MASTER');
  });

  it('goes back to its own interval after a FAULT', () => {
    const lan = new Lan();
    lan.start('a', 1, settings([router({ version: 3, priority: 128 })]));
    hear(
      lan,
      packetOf({ ...good, version: 3, authType: 0, authData: new Uint8Array(0), addresses: [ip('10.0.0.100')], interval: seconds(2) }),
    );
    lan.handle('a', { kind: 'link', interface: 'eth0', up: false });
    lan.handle('a', { kind: 'link', interface: 'eth0', up: true });
    lan.runUntil(10);
    expect(lan.story.at(-1)).toBe('3.5 a VI_1 MASTER');
  });
});

describe('version 2 over IPv6', () => {
  const other = ip('fe80::9');
  const group = ip('ff02::12');
  const advert: VrrpAdvert = {
    ...good,
    addresses: [ip('fd00::100')],
    authType: VRRP_AUTH_NONE,
    authData: new Uint8Array(0),
  };
  const overIpv6 = (changes: Partial<VrrpAdvert> = {}): Uint8Array =>
    encodeVrrpPacket(encodeVrrp({ ...advert, ...changes }, other, group), other, group);
  const ours = (changes: Partial<VirtualRouter> = {}): VirtualRouter =>
    router({ version: 2, family: 6, vips: [vip('fd00::100')], ...changes });

  function activeOverIpv6(changes: Partial<VirtualRouter> = {}): Lan {
    const lan = new Lan();
    lan.start('a', 1, settings([ours(changes)]));
    lan.runUntil(5);
    expect(lan.state('a')).toBe('active');
    return lan;
  }

  it.each<[string, Partial<VirtualRouter>, Partial<VrrpAdvert>]>([
    ['without authentication', {}, {}],
    ['with a password on both sides, which is not sent', { authentication: secret('1111') }, { authType: VRRP_AUTH_PASS }],
  ])('is understood %s, and spoken so that the other side understands', (_, changes, theirs) => {
    const lan = activeOverIpv6(changes);
    const sent = lan.effects('a').find((effect) => effect.kind === 'transmit');
    if (sent?.kind !== 'transmit') throw new Error('nothing was sent');
    expect(decodeVrrpPacket(sent.packet)).toMatchObject({ ok: true, packet: { advert: { ...advert, ...theirs, priority: 100 } } });
    expect(sent.message.length).toBe(24);
    hear(lan, overIpv6(theirs));
    expect(lan.state('a')).toBe('backup');
  });

  it.each<[string, Partial<VirtualRouter>, Partial<VrrpAdvert>, string]>([
    ['version 3', {}, { version: 3 }, 'version'],
    ['a password that we do not have', {}, { authType: VRRP_AUTH_PASS }, 'auth-type'],
    ['no password where we have one', { authentication: secret('1111') }, {}, 'auth-type'],
    ['another interval', {}, { interval: seconds(2) }, 'interval'],
    ['another address', {}, { addresses: [ip('fd00::101')] }, 'addresses'],
  ])('refuses %s, as keepalived does', (_, changes, theirs, reason) => {
    const lan = activeOverIpv6(changes);
    hear(lan, overIpv6(theirs));
    expect([lan.state('a'), lan.engine('a').snapshot().routers[0]?.counters.rejected]).toEqual(['active', { [reason]: 1 }]);
  });
});
