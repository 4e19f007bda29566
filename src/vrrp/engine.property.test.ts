/** The engine under any events in any order: it never throws, and what it asks for always adds up. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Instant, millis, seconds } from '../base/index.ts';
import type { TrackProcess, VirtualRouter } from '../model/index.ts';
import { encodeVrrp, encodeVrrpPacket, VRRP_REJECT_REASONS } from '../wire/index.ts';
import { settingsChanges, type VrrpEffect, VrrpEngine, type VrrpEvent, type VrrpSettings } from './index.ts';
import { group, ip, router, script, settings, vip } from './lan.test-helper.ts';

const PROCESS: TrackProcess = {
  name: 'p',
  command: 'p',
  parameters: [],
  parameterMatch: 'any',
  fullCommand: false,
  weight: { weight: 0, reverse: false },
  quorum: 1,
  terminateDelay: seconds(1),
  forkDelay: 0,
};
const SECRET = Buffer.from('1111');

/** Six routers that have little in common: versions, families, ways, authentication, trackers, groups. */
function routersWith(priority: number, changes: Partial<VirtualRouter>): VirtualRouter[] {
  const peers = [{ address: ip('10.0.0.9') }];
  return [
    router({ name: 'A', vrid: 1, priority, vips: [vip('10.0.0.100')], ...changes }),
    router({
      name: 'B',
      vrid: 2,
      priority,
      version: 3,
      vips: [vip('10.0.0.101'), vip('10.1.0.101', 'eth1')],
      accept: false,
      trackProcesses: [{ process: 'p', weight: -20, reverse: false }],
    }),
    router({ name: 'C', vrid: 3, interface: 'eth1', authentication: { type: 'ah', password: SECRET }, vips: [vip('10.1.0.102', 'eth1')] }),
    router({
      name: 'D',
      vrid: 4,
      version: 3,
      family: 6,
      vips: [vip('fe80::4')],
      trackScripts: [{ script: 'chk', weight: 0, reverse: false }],
    }),
    router({
      name: 'E',
      vrid: 5,
      unicast: { peers, ttl: 255, checkSource: true, faultWithoutPeer: true },
      vips: [vip('10.0.0.105')],
      trackBfds: [{ bfd: 's', weight: 0, reverse: false }],
    }),
    router({ name: 'F', vrid: 6, trackFiles: [{ file: 'f', weight: 1, reverse: false }], priority: 255, vips: [] }),
  ];
}

const anySettings: fc.Arbitrary<VrrpSettings> = fc
  .record({
    priority: fc.constantFrom(1, 100, 254, 255),
    size: fc.integer({ min: 1, max: 6 }),
    grouped: fc.boolean(),
    changes: fc.record({
      noPreempt: fc.boolean(),
      preemptDelay: fc.constantFrom(0, seconds(3)),
      strict: fc.boolean(),
      higherPrioritySendAdvert: fc.boolean(),
      advertInterval: fc.constantFrom(seconds(1), seconds(2)),
      vips: fc.constantFrom([vip('10.0.0.100')], [vip('10.0.0.100'), vip('10.0.0.110')], []),
    }),
  })
  .map(({ priority, size, grouped, changes }) => ({
    ...settings(routersWith(priority, changes).slice(0, size)),
    scripts: [script()],
    processes: [PROCESS],
    interfaceDelays: [{ interface: 'eth1', down: seconds(1), up: seconds(2) }],
    trackGroups: [{ name: 'T', members: ['A'] }],
    syncDaemonRouter: 'A',
    groups: grouped ? [group('G', ['A', 'B', 'C'])] : [],
  }));

const anyPacket: fc.Arbitrary<Uint8Array> = fc
  .record({
    vrid: fc.integer({ min: 0, max: 7 }),
    version: fc.constantFrom(2 as const, 3 as const),
    priority: fc.constantFrom(0, 1, 100, 200, 255),
    addresses: fc.constantFrom(['10.0.0.100'], ['10.0.0.101', '10.1.0.101'], ['10.0.0.105'], []),
    source: fc.constantFrom('10.0.0.9', '10.0.0.1', '10.1.0.200'),
    isUnicast: fc.boolean(),
  })
  .map(({ addresses, source: from, isUnicast, ...advert }) => {
    const [source, destination] = [ip(from), ip(isUnicast ? '10.0.0.1' : '224.0.0.18')];
    const authData = new Uint8Array(advert.version === 2 ? 8 : 0);
    const message = encodeVrrp(
      { ...advert, interval: seconds(1), addresses: addresses.map(ip), authType: 0, authData },
      source,
      destination,
    );
    return encodeVrrpPacket(message, source, destination);
  });

const anyLink = fc.constantFrom('eth0', 'eth1', 'eth2');
const anyEvent: fc.Arbitrary<VrrpEvent> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<VrrpEvent>({ kind: 'tick' }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('packet' as const), interface: anyLink, packet: anyPacket }) },
  fc.record({ kind: fc.constant('packet' as const), interface: anyLink, packet: fc.uint8Array({ maxLength: 80 }) }),
  fc.record({ kind: fc.constant('link' as const), interface: anyLink, up: fc.boolean(), present: fc.boolean() }),
  fc.record({
    kind: fc.constant('address' as const),
    interface: anyLink,
    address: fc.constantFrom(ip('10.0.0.1'), ip('fe80::1'), undefined),
  }),
  fc.record({
    kind: fc.constant('script' as const),
    script: fc.constantFrom('chk', 'other'),
    outcome: fc.constantFrom('success' as const, 'failure' as const, 'signal' as const, 'timeout' as const),
    status: fc.nat(255),
  }),
  fc.record({ kind: fc.constant('file' as const), file: fc.constantFrom('f', 'g'), value: fc.integer({ min: -300, max: 300 }) }),
  fc.record({ kind: fc.constant('vip-lost' as const), interface: anyLink, address: fc.constantFrom(ip('10.0.0.100'), ip('10.0.0.101')) }),
  fc.record({ kind: fc.constant('process' as const), process: fc.constantFrom('p', 'q'), count: fc.nat(4) }),
  fc.record({ kind: fc.constant('bfd' as const), session: fc.constantFrom('s', 't'), up: fc.boolean() }),
  fc.record({ kind: fc.constant('track-group' as const), group: fc.constantFrom('T', 'U'), whole: fc.boolean() }),
  fc.record({ kind: fc.constant('source-address' as const), address: fc.constant(ip('10.0.0.1')), present: fc.boolean() }),
  fc.record({ kind: fc.constant('routes-lost' as const), router: fc.constantFrom('A', 'Z') }),
  fc.constant<VrrpEvent>({ kind: 'clear-counters' }),
  fc.record({ kind: fc.constant('pause' as const), duration: fc.nat(seconds(6)) }),
  anySettings.map((next): VrrpEvent => ({ kind: 'reconfigure', settings: next })),
);

const anySteps = fc.array(fc.tuple(anyEvent, fc.oneof(fc.nat(millis(200)), fc.nat(seconds(4)))), { maxLength: 60 });

/** A shell that keeps book, and complains when the effects do not add up. */
class Bookkeeper {
  readonly engine: VrrpEngine;
  /** Addresses on each interface, with the router that put them there. */
  private readonly held = new Map<string, string>();
  private settings: VrrpSettings;

  constructor(initial: VrrpSettings) {
    this.settings = initial;
    this.engine = new VrrpEngine(initial);
  }

  handle(event: VrrpEvent, now: Instant): void {
    const before = this.states();
    this.engine.handle(event, now);
    if (event.kind === 'reconfigure') this.settings = event.settings;
    const effects = this.engine.drain();
    for (const effect of effects) this.book(effect);
    this.checkSpeech(before, effects);
    this.checkHolding();
  }

  private states(): Map<string, string> {
    return new Map(this.engine.snapshot().routers.map(({ name, state }) => [name, state]));
  }

  private book(effect: VrrpEffect): void {
    if (effect.kind === 'add-vips')
      for (const { interface: link, address } of effect.vips) this.held.set(`${link} ${address}`, effect.router);
    if (effect.kind === 'remove-vips') for (const { interface: link, address } of effect.vips) this.held.delete(`${link} ${address}`);
  }

  /** Whoever becomes active advertises first; whoever is not active says nothing but its priority 0. */
  private checkSpeech(before: ReadonlyMap<string, string>, effects: readonly VrrpEffect[]): void {
    const after = this.states();
    for (const [name, state] of after) {
      const own = effects.filter((effect) => 'router' in effect && effect.router === name);
      const spoken = own.flatMap((effect) => (effect.kind === 'transmit' ? [effect.message[2] as number] : []));
      const wasActive = before.get(name) === 'active';
      const becameActive = effects.some((effect) => effect.kind === 'transition' && effect.name === name && effect.state === 'MASTER');
      if (state === 'active' && !wasActive) expect(own[0]?.kind).toBe('transmit');
      if (!wasActive && !becameActive) expect(spoken).toEqual([]);
      if (state !== 'active' && wasActive) expect(spoken.slice(0, -1)).not.toContain(0);
    }
  }

  /** An address is held if and only if its router is active. */
  private checkHolding(): void {
    const states = this.states();
    const wanted = this.settings.routers
      .filter(({ name }) => states.get(name) === 'active')
      .flatMap(({ vips }) => vips.map(({ interface: link, address }) => `${link} ${address}`));
    expect([...this.held.keys()].toSorted()).toEqual([...new Set(wanted)].toSorted());
  }
}

describe('the engine', () => {
  it('never throws, speaks only while active, and holds addresses exactly while active', () => {
    fc.assert(
      fc.property(anySettings, anySteps, (initial, steps) => {
        const shell = new Bookkeeper(initial);
        let now: Instant = 0;
        for (const link of ['eth0', 'eth1']) {
          shell.handle({ kind: 'link', interface: link, up: true }, now);
          shell.handle({ kind: 'address', interface: link, address: ip('10.0.0.1') }, now);
          shell.handle({ kind: 'address', interface: link, address: ip('fe80::1') }, now);
        }
        shell.handle({ kind: 'start' }, now);
        for (const [event, delay] of steps) {
          now += delay;
          shell.handle(event, now);
        }
        shell.handle({ kind: 'stop' }, now);
        expect(shell.engine.nextDeadline()).toBeUndefined();
        for (const [event, delay] of steps) {
          shell.engine.handle(event, now + delay);
          expect(shell.engine.drain()).toEqual([]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('counts every packet exactly once: accepted, or rejected under a numbered reason', () => {
    fc.assert(
      fc.property(anySettings, fc.array(anyPacket, { maxLength: 50 }), (initial, packets) => {
        const engine = new VrrpEngine(initial);
        engine.handle({ kind: 'link', interface: 'eth0', up: true }, 0);
        engine.handle({ kind: 'address', interface: 'eth0', address: ip('10.0.0.1') }, 0);
        engine.handle({ kind: 'start' }, 0);
        for (const packet of packets) engine.handle({ kind: 'packet', interface: 'eth0', packet }, 1);
        const { routers, rejected } = engine.snapshot();
        const all = [rejected, ...routers.map(({ counters }) => counters.rejected)].flatMap((counts) => Object.entries(counts));
        expect(all.every(([reason]) => reason in VRRP_REJECT_REASONS)).toBe(true);
        const accepted = routers.reduce((sum, { counters }) => sum + counters.advertsReceived, 0);
        expect(all.reduce((sum, [, count]) => sum + count, accepted)).toBe(packets.length);
      }),
    );
  });

  it('is deaf to changes of settings that change nothing', () => {
    fc.assert(
      fc.property(anySettings, (initial) => {
        const engine = new VrrpEngine(initial);
        engine.handle({ kind: 'start' }, 0);
        engine.drain();
        engine.handle({ kind: 'apply', changes: settingsChanges(initial, initial) }, 1);
        expect(engine.drain()).toEqual([]);
      }),
    );
  });
});
