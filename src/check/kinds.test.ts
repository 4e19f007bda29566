import { describe, expect, it } from 'vitest';
import { millis, seconds } from '../base/index.ts';
import type { Check } from '../model/index.ts';
import type { CheckEffect } from './events.ts';
import { Bench, checkedService, http, RS1, RS2, tcp, VIP } from './harness.ts';

function misc(changes: Partial<Extract<Check, { kind: 'misc' }>> = {}): Check {
  const { target: _target, ...timing } = tcp(RS1) as Extract<Check, { kind: 'tcp' }>;
  return { ...timing, kind: 'misc', command: { argv: ['/bin/check'] }, timeout: seconds(3), dynamic: true, retry: 0, ...changes };
}

const runs = (effects: readonly CheckEffect[]) => effects.flatMap((effect) => (effect.type === 'run' ? [effect.connection] : []));
const verdicts = (effects: readonly CheckEffect[]) => effects.flatMap((effect) => (effect.type === 'verdict' ? [effect.verdict] : []));

describe('programs', () => {
  const started = (bench: Bench) => runs(bench.effects()).at(-1) as number;
  const exit = (bench: Bench, status: number) =>
    bench.event({ type: 'exited', connection: started(bench), end: { kind: 'exited', status } });

  it('are started again a period after their start, not after their end', () => {
    const bench = new Bench();
    bench.configure(checkedService(VIP, { [RS1]: [misc()] }));
    bench.now = seconds(2);
    exit(bench, 0);
    bench.until(seconds(5.999));
    expect(runs(bench.effects())).toEqual([]);
    bench.until(seconds(6));
    expect(runs(bench.effects())).toHaveLength(1);
  });

  it('set the weight, which is told anew only when it changes', () => {
    const bench = new Bench();
    bench.configure(checkedService(VIP, { [RS1]: [misc()] }));
    const outcome = (status: number) => {
      exit(bench, status);
      const found = verdicts(bench.effects()).map(({ state, weight }) => ({ state, weight }));
      bench.until((bench.engine.nextDeadline() as number) + 1);
      return found;
    };
    expect(outcome(12)).toEqual([{ state: 'up', weight: 10 }]);
    expect(outcome(12)).toEqual([]);
    expect(outcome(7)).toEqual([{ state: 'up', weight: 5 }]);
    expect(outcome(0)).toEqual([{ state: 'up', weight: undefined }]);
    expect(outcome(1)).toEqual([{ state: 'down', weight: undefined }]);
  });

  it('add up where several set it', () => {
    const bench = new Bench();
    bench.configure(checkedService(VIP, { [RS1]: [misc(), misc({ command: { argv: ['/bin/other'] } })] }));
    const [first, second] = runs(bench.effects()) as [number, number];
    bench.event({ type: 'exited', connection: first, end: { kind: 'exited', status: 12 } });
    bench.event({ type: 'exited', connection: second, end: { kind: 'exited', status: 23 } });
    expect(verdicts(bench.effects())).toMatchObject([{ state: 'up', weight: 1 + (10 - 1) + (21 - 1) }]);
  });

  it('are ended when they take too long, which is a failure', () => {
    const bench = new Bench();
    bench.configure(checkedService(VIP, { [RS1]: [misc()] }));
    const connection = started(bench);
    bench.until(seconds(3));
    const effects = bench.effects();
    expect(effects).toContainEqual({ type: 'close', connection });
    expect(effects).toContainEqual({
      type: 'log',
      level: 'info',
      message: 'Misc check for [[192.168.18.201]:tcp:80 VS [192.168.18.200]:tcp:80] by [/bin/check] failed (timed out).',
    });
  });
});

describe('warm-up', () => {
  const first = (seed: number, warmup: number) => {
    const bench = new Bench({}, seed);
    bench.configure(checkedService(VIP, { [RS1]: [tcp(RS1, { warmup })], [RS2]: [tcp(RS2, { warmup })] }));
    return [...bench.open.keys()].length === 0 ? (bench.engine.nextDeadline() as number) : 0;
  };

  it('spreads first checks over the time given, by the seed', () => {
    const times = Array.from({ length: 50 }, (_, seed) => first(seed, seconds(10)));
    expect(Math.min(...times)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...times)).toBeLessThan(seconds(10));
    expect(new Set(times).size).toBeGreaterThan(45);
    expect(first(3, seconds(10))).toBe(first(3, seconds(10)));
    expect(first(3, 0)).toBe(0);
  });

  it('is over once, and does not come again with a reload', () => {
    const bench = new Bench({}, 5);
    const config = checkedService(VIP, { [RS1]: [tcp(RS1, { warmup: seconds(10) })] });
    bench.configure(config);
    bench.until(seconds(10));
    expect(bench.story()).toContain(`open ${RS1}:80`);
    bench.accept(RS1);
    const next = bench.engine.nextDeadline();
    bench.configure(config);
    expect(bench.engine.nextDeadline()).toBe(next);
  });
});

describe('log_all_failures', () => {
  it('brings each failed attempt into the log', () => {
    const lines = (logAllFailures: boolean) => {
      const bench = new Bench();
      bench.configure(checkedService(VIP, { [RS1]: [http(RS1, { logAllFailures })] }));
      bench.story();
      bench.refuse(RS1);
      return bench.story();
    };
    const line = 'Error connecting server [192.168.18.201]:tcp:80: connection refused.';
    expect(lines(true)).toContain(line);
    expect(lines(false)).not.toContain(line);
  });
});

describe('the way of a check', () => {
  const udp = { kind: 'udp', requireReply: false, minReplyLength: 0, maxReplyLength: 255 } as const;
  it.each([
    [tcp(RS1), 'tcp', 80, false],
    [http(RS1, { tls: { serverName: 'www.example.com' } }), 'tcp', 80, true],
    [{ ...tcp(RS1), ...udp } as Check, 'udp', 80, false],
    [{ ...tcp(RS1), kind: 'dns', queryType: 'SOA', queryName: '.' } as Check, 'udp', 80, false],
    [{ ...tcp(RS1), kind: 'ping' } as Check, 'icmp', 0, false],
    [{ ...tcp(RS1), kind: 'smtp', heloName: 'a' } as Check, 'tcp', 80, false],
  ])('%# goes by %s', (check, transport, port, tls) => {
    const bench = new Bench();
    bench.configure(checkedService(VIP, { [RS1]: [check] }));
    const [open] = bench.effects().filter((effect) => effect.type === 'open');
    expect(open).toMatchObject({ transport, port });
    expect('tls' in (open ?? {})).toBe(tls);
  });

  it('passes at the end of silence where silence is enough', () => {
    const bench = new Bench();
    bench.configure(checkedService(VIP, { [RS1]: [{ ...tcp(RS1), ...udp } as Check] }));
    bench.accept(RS1);
    bench.now = millis(1);
    bench.until(seconds(3));
    expect(bench.story()).toContain(`${RS1} up: UDP_CHECK succeeded`);
  });
});

describe('numbers in files', () => {
  const file = (changes: Partial<Extract<Check, { kind: 'file' }>> = {}): Check => ({
    kind: 'file',
    trackFile: 'load',
    weight: { weight: 2, reverse: false },
    ...changes,
  });
  const outcome = (bench: Bench, value: number) => {
    bench.event({ type: 'number', trackFile: 'load', value });
    return verdicts(bench.effects()).map(({ state, weight, reason }) => `${state} ${weight}: ${reason}`);
  };

  it('are multiplied and added to the weight; the lowest of all means down', () => {
    const bench = new Bench();
    bench.configure(checkedService(VIP, { [RS1]: [file()] }));
    expect(verdicts(bench.effects())).toEqual([]);
    expect(outcome(bench, 5)).toEqual(['up 11: FILE_CHECK: load holds 5']);
    expect(outcome(bench, 5)).toEqual([]);
    expect(outcome(bench, -3)).toEqual(['up 0: FILE_CHECK: load holds -3']);
    expect(outcome(bench, -0x40000000)).toEqual(['down undefined: FILE_CHECK: load holds -1073741824']);
    expect(outcome(bench, 0)).toEqual(['up 1: FILE_CHECK: load holds 0']);
  });

  it('may count backwards, and are known when a reload brings another server', () => {
    const bench = new Bench();
    const reverse = file({ weight: { weight: 1, reverse: true } });
    bench.configure(checkedService(VIP, { [RS1]: [reverse] }));
    expect(outcome(bench, -4)).toEqual(['up 5: FILE_CHECK: load holds -4']);
    bench.configure(checkedService(VIP, { [RS1]: [reverse], [RS2]: [reverse] }));
    expect(verdicts(bench.effects())).toMatchObject([{ server: { address: { bytes: Uint8Array.of(192, 168, 18, 202) } }, weight: 5 }]);
  });
});
