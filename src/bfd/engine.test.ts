import { describe, expect, it } from 'vitest';
import { type Micros, millis, seconds } from '../base/index.ts';
import { type BfdPacket, encodeBfd } from '../wire/index.ts';
import { BfdEngine, type BfdReceived } from './index.ts';
import { ip, Pair, type Sent, session } from './pair.test-helper.ts';

const up = (pair: Pair): Pair => {
  pair.startBoth();
  pair.run(seconds(3));
  expect(pair.states()).toEqual(['up', 'up']);
  return pair;
};

const gaps = (sent: readonly Sent[], from: 'a' | 'b'): Micros[] => {
  const times = sent.filter((one) => one.from === from && !one.packet.final).map((one) => one.at);
  return times.slice(1).map((at, i) => at - (times[i] as number));
};

describe('a session', () => {
  it('comes up by the three-way handshake and tells both ends', () => {
    const pair = new Pair();
    pair.start('a');
    pair.start('b');
    pair.run(seconds(3));
    expect(pair.story.map((line) => line.split(' ').slice(1).join(' ')).sort()).toEqual(['a init', 'a up', 'b up'].sort());
    expect(pair.look('a')).toMatchObject({ state: 'up', remoteState: 'up', diagnostic: 0, counters: { becameUp: 1, leftUp: 0 } });
    expect(pair.look('a').remoteDiscriminator).toBe(pair.look('b').discriminator);
  });

  it('sends no faster than by its idle interval while it is not up', () => {
    const pair = new Pair({ idleTx: seconds(2) });
    pair.start('a');
    pair.run(seconds(60));
    const between = gaps(pair.sent, 'a');
    expect(between.length).toBeGreaterThan(28);
    expect(Math.min(...between)).toBeGreaterThanOrEqual(seconds(1.5));
    expect(Math.max(...between)).toBeLessThanOrEqual(seconds(2));
    expect(pair.sent.every(({ packet }) => packet.state === 'down' && packet.yourDiscriminator === 0)).toBe(true);
  });

  it('sends at the slower of its own wish and what the neighbour takes, with jitter of up to a quarter', () => {
    const pair = up(new Pair({ desiredMinTx: millis(20) }, { requiredMinRx: millis(50) }));
    pair.sent.length = 0;
    pair.run(seconds(20));
    const between = gaps(pair.sent, 'a');
    expect(Math.min(...between)).toBeGreaterThanOrEqual(millis(37.5));
    expect(Math.max(...between)).toBeLessThanOrEqual(millis(50));
    expect(new Set(between).size).toBeGreaterThan(100);
    // Spread evenly: what the neighbour sends meanwhile does not pull it down.
    const mean = between.reduce((sum, gap) => sum + gap, 0) / between.length;
    expect(mean).toBeGreaterThan(millis(43));
    expect(mean).toBeLessThan(millis(44.5));
  });

  it('leaves a tenth to spare where one missing packet is enough', () => {
    const pair = up(new Pair({ multiplier: 1, desiredMinTx: millis(100) }, { multiplier: 1 }));
    pair.sent.length = 0;
    pair.run(seconds(20));
    expect(Math.max(...gaps(pair.sent, 'a'))).toBeLessThanOrEqual(millis(90));
  });

  it("detects silence after the neighbour's multiplier times the negotiated interval", () => {
    const pair = up(new Pair({ requiredMinRx: millis(30) }, { desiredMinTx: millis(40), multiplier: 3 }));
    expect(pair.look('a').detectionTime).toBe(millis(120));
    pair.loses = ({ from }) => from === 'b';
    const cut = pair.now;
    pair.run(seconds(1));
    const [time, end, state] = (pair.story.find((line) => line.endsWith('a down')) ?? '').split(' ');
    expect([end, state]).toEqual(['a', 'down']);
    // The last packet came at most one interval before the cut.
    expect(millis(Number(time)) - cut).toBeGreaterThan(millis(80));
    expect(millis(Number(time)) - cut).toBeLessThanOrEqual(millis(120) + 100);
    expect(pair.look('a')).toMatchObject({ diagnostic: 1, remoteDiscriminator: 0, counters: { detectionsExpired: 1 } });
    // The other end still heard us say so.
    expect(pair.story).toContainEqual(expect.stringMatching(/ b down$/));
    expect(pair.look('b')).toMatchObject({ diagnostic: 3, remoteDiagnostic: 1 });
  });

  it('comes up again when the path is back', () => {
    const pair = up(new Pair());
    pair.loses = () => true;
    pair.run(seconds(10));
    expect(pair.states()).toEqual(['down', 'down']);
    pair.loses = () => false;
    pair.run(seconds(3));
    expect(pair.states()).toEqual(['up', 'up']);
  });

  it('notices that the neighbour has started anew', () => {
    const pair = up(new Pair());
    pair.restart('b', 77);
    pair.run(seconds(3));
    expect(pair.story.some((line) => line.endsWith('a down'))).toBe(true);
    expect(pair.states()).toEqual(['up', 'up']);
    expect(pair.look('a').remoteDiscriminator).toBe(pair.look('b').discriminator);
  });

  it('survives the loss of fewer packets in a row than the multiplier', () => {
    const pair = up(new Pair({ multiplier: 4 }, { multiplier: 4 }));
    const counts = { a: 0, b: 0 };
    pair.loses = ({ from }) => counts[from]++ % 3 !== 0;
    pair.run(seconds(60));
    expect(pair.look('a').counters.leftUp + pair.look('b').counters.leftUp).toBe(0);
  });
});

describe('roles', () => {
  it('keeps a passive session quiet until the neighbour speaks', () => {
    const pair = new Pair({ passive: true }, {});
    pair.start('a');
    pair.run(seconds(10));
    expect(pair.sent).toEqual([]);
    pair.start('b');
    pair.run(seconds(3));
    expect(pair.states()).toEqual(['up', 'up']);
    pair.loses = ({ from }) => from === 'b';
    pair.run(seconds(1));
    pair.sent.length = 0;
    pair.run(seconds(5));
    expect(pair.sent.filter(({ from }) => from === 'a')).toEqual([]);
  });

  it('says AdminDown at the end, which is no failure of the path', () => {
    const pair = up(new Pair());
    pair.handle('a', { kind: 'stop' });
    pair.run(millis(1));
    expect(pair.look('b')).toMatchObject({ state: 'down', diagnostic: 3, remoteState: 'admin-down', remoteDiagnostic: 7 });
    pair.sent.length = 0;
    pair.run(seconds(5));
    expect(pair.sent.filter(({ from }) => from === 'a')).toEqual([]);
    expect(pair.look('b').state).toBe('down');
  });

  it('stops its periodic packets when the neighbour demands it, and answers polls still', () => {
    const pair = up(new Pair());
    const template = pair.sent.findLast(({ from }) => from === 'b') as Sent;
    const bytes = Uint8Array.from(template.payload);
    bytes[1] = (bytes[1] as number) | 0x02 | 0x20;
    pair.loses = () => true;
    pair.sent.length = 0;
    pair.receive('a', bytes);
    pair.run(millis(40));
    const ours = pair.sent.filter(({ from }) => from === 'a');
    expect(ours.map(({ packet }) => packet.final)).toEqual([true]);
  });
});

describe('poll sequences', () => {
  it('begin when the session comes up, because its intervals change then', () => {
    const pair = up(new Pair());
    const polls = pair.sent.filter(({ from, packet }) => from === 'a' && packet.poll);
    expect(polls.length).toBeGreaterThanOrEqual(1);
    expect(polls.every(({ packet }) => packet.state === 'up' && packet.desiredMinTx === millis(10))).toBe(true);
    expect(pair.look('a').polling).toBe(false);
  });

  it('let a slower transmission begin only after the neighbour has acknowledged it', () => {
    const pair = up(new Pair());
    pair.loses = ({ packet }) => packet.final;
    pair.reconfigure('a', { desiredMinTx: millis(200) });
    pair.run(millis(500));
    expect(pair.look('a')).toMatchObject({ state: 'up', polling: true, transmitInterval: millis(10) });
    expect(pair.look('b').detectionTime).toBe(millis(1000));
    pair.loses = () => false;
    pair.run(millis(20));
    expect(pair.look('a')).toMatchObject({ polling: false, transmitInterval: millis(200) });
    pair.run(seconds(10));
    expect(pair.look('b').counters.leftUp).toBe(0);
  });

  it('let a shorter detection begin only after the neighbour has acknowledged it', () => {
    const pair = up(new Pair({ requiredMinRx: millis(300) }));
    expect(pair.look('a').detectionTime).toBe(millis(1500));
    pair.loses = ({ packet }) => packet.final;
    pair.reconfigure('a', { requiredMinRx: millis(10) });
    pair.run(millis(400));
    expect(pair.look('a')).toMatchObject({ polling: true, detectionTime: millis(1500) });
    pair.loses = () => false;
    pair.run(seconds(1));
    expect(pair.look('a')).toMatchObject({ polling: false, detectionTime: millis(50) });
    expect(pair.look('a').counters.leftUp).toBe(0);
  });

  it('run once more for a change during a change', () => {
    const pair = up(new Pair());
    pair.reconfigure('a', { desiredMinTx: millis(20) });
    pair.reconfigure('a', { desiredMinTx: millis(30) });
    pair.run(seconds(1));
    expect(pair.look('a')).toMatchObject({ polling: false, transmitInterval: millis(30) });
    expect(pair.look('b').counters.leftUp).toBe(0);
  });
});

describe('reloads', () => {
  it('do not touch what has not changed', () => {
    const pair = up(new Pair());
    const before = pair.story.length;
    pair.reconfigure('a', {});
    pair.run(seconds(5));
    expect(pair.story.length).toBe(before);
    expect(pair.look('a').polling).toBe(false);
  });

  it('begin anew where the neighbour is another, and end what is gone with AdminDown', () => {
    const pair = up(new Pair());
    const old = pair.look('a').discriminator;
    pair.handle('a', { kind: 'reconfigure', sessions: [session({ neighbor: ip('10.0.0.9') })] });
    expect(pair.look('a')).toMatchObject({ state: 'down', remoteDiscriminator: 0 });
    expect(pair.look('a').discriminator).not.toBe(old);
    pair.run(millis(1));
    expect(pair.look('b')).toMatchObject({ state: 'down', remoteState: 'admin-down' });
  });
});

describe('packets that are not ours', () => {
  const valid = (pair: Pair): Uint8Array =>
    (pair.sent.findLast(({ from, packet }) => from === 'b' && packet.poll === false) as Sent).payload;

  it.each([
    ['ttl', { ttl: 254 }],
    ['neighbor', { source: ip('10.0.0.7') }],
    ['unknown-session', { multihop: true }],
  ])('are counted as %s', (reason, changes) => {
    const pair = up(new Pair());
    const before = pair.look('a').counters.packetsReceived;
    pair.receive('a', valid(pair), changes);
    expect(pair.look('a').counters.packetsReceived).toBe(before);
    expect(pair.rejected('a')).toEqual({ [reason]: 1 });
  });

  it('may have lost as much of their TTL as max_hops says', () => {
    const pair = up(new Pair({ maxHops: 3 }));
    pair.receive('a', valid(pair), { ttl: 252 });
    expect(pair.rejected('a')).toEqual({});
    pair.receive('a', valid(pair), { ttl: 251 });
    expect(pair.rejected('a')).toEqual({ ttl: 1 });
    const careless = up(new Pair({ maxHops: 255 }));
    careless.receive('a', valid(careless), { ttl: 1 });
    expect(careless.rejected('a')).toEqual({});
  });

  it('are ignored before the start and after the end', () => {
    const engine = new BfdEngine([session()], 1);
    expect(engine.nextDeadline()).toBeUndefined();
    engine.handle({ kind: 'stop' }, 0);
    engine.handle({ kind: 'start' }, 1);
    expect(engine.drain()).toEqual([]);
    expect(engine.nextDeadline()).toBeUndefined();
  });
});

describe('many sessions', () => {
  const sessions = [1, 2, 3, 4].map((n) => session({ name: `S${n}`, neighbor: ip(`10.0.0.${n}`), multihop: n > 2 }));
  const twin = session({ name: 'twin', neighbor: ip('10.0.0.1'), source: ip('10.0.9.9') });
  const self = ip('10.0.0.100');
  const down: BfdPacket = {
    diagnostic: 0,
    state: 'down',
    poll: false,
    final: false,
    controlPlaneIndependent: false,
    demand: false,
    multiplier: 3,
    myDiscriminator: 7,
    yourDiscriminator: 0,
    desiredMinTx: seconds(1),
    requiredMinRx: millis(10),
    requiredMinEchoRx: 0,
  };
  const started = (): BfdEngine => {
    const engine = new BfdEngine([twin, ...sessions], 5);
    engine.handle({ kind: 'start' }, 0);
    return engine;
  };
  const receive = (engine: BfdEngine, from: number, packet: BfdPacket, changes: Partial<BfdReceived> = {}): void =>
    engine.handle(
      {
        kind: 'packet',
        source: ip(`10.0.0.${from}`),
        destination: self,
        ttl: 255,
        multihop: from > 2,
        payload: encodeBfd(packet),
        ...changes,
      },
      1000,
    );
  const moved = (engine: BfdEngine): string[] =>
    engine.snapshot().sessions.flatMap(({ name, state }) => (state === 'down' ? [] : [`${name} ${state}`]));

  it('have discriminators of their own, which follow from the seed', () => {
    const discriminators = started()
      .snapshot()
      .sessions.map((one) => one.discriminator);
    expect(new Set(discriminators).size).toBe(5);
    expect(
      started()
        .snapshot()
        .sessions.map((one) => one.discriminator),
    ).toEqual(discriminators);
    expect(discriminators).not.toContain(0);
  });

  it.each([1, 2, 3, 4])('are found by the neighbour, here number %i', (from) => {
    const engine = started();
    receive(engine, from, down);
    expect(moved(engine)).toEqual([`S${from} init`]);
  });

  it('are found by our own address where two have the same neighbour', () => {
    const engine = started();
    receive(engine, 1, down, { destination: ip('10.0.9.9') });
    expect(moved(engine)).toEqual(['twin init']);
  });

  it('are found by discriminator, on the right port only', () => {
    const engine = started();
    const { discriminator } = engine.snapshot().sessions.find(({ name }) => name === 'S3') as { discriminator: number };
    receive(engine, 3, { ...down, yourDiscriminator: discriminator, state: 'init' }, { multihop: false });
    expect(moved(engine)).toEqual([]);
    receive(engine, 3, { ...down, yourDiscriminator: discriminator, state: 'init' });
    expect(moved(engine)).toEqual(['S3 up']);
    expect(engine.snapshot().rejected).toEqual({ 'unknown-session': 1 });
  });

  it('that a reload has removed are told so and forgotten', () => {
    const engine = started();
    engine.drain();
    engine.handle({ kind: 'reconfigure', sessions }, 2000);
    const effects = engine.drain();
    expect(effects.flatMap((effect) => (effect.kind === 'state-changed' ? [`${effect.session.name} ${effect.to}`] : []))).toEqual([
      'twin admin-down',
    ]);
    expect(engine.snapshot().sessions.map(({ name }) => name)).toEqual(['S1', 'S2', 'S3', 'S4']);
  });
});
