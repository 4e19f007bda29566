/** `npm run demo`, after the set-up: what an operator runs, as an operator runs it. */
import { spawn } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compiled, inhabitedNetworks, networksOf, run, treeOf, until } from '../../lab/index.ts';

interface Summary {
  readonly ok: boolean;
  readonly failed: number;
  readonly seconds: number;
  readonly steps: readonly {
    readonly title: string;
    readonly failure?: string;
    readonly expectations: readonly {
      readonly text: string;
      readonly held: boolean;
      readonly detail: string;
      readonly outageMs?: number;
    }[];
  }[];
}

describe('the demo', () => {
  it('plays the ten steps of the seed, every expectation holds, and it takes less than 90 seconds', async () => {
    const { code, stdout, stderr } = await run([process.execPath, compiled('lab/demo.js'), '--json'], { timeoutMs: 170_000 });
    expect(stdout, stderr).not.toBe('');
    const summary = JSON.parse(stdout) as Summary;
    const crosses = summary.steps.flatMap((step) => [
      ...(step.failure === undefined ? [] : [`${step.title}: ${step.failure}`]),
      ...step.expectations.filter((expectation) => !expectation.held).map(({ text, detail }) => `${step.title}: ${text}: ${detail}`),
    ]);
    expect(crosses, stderr).toEqual([]);
    expect(summary).toMatchObject({ ok: true, failed: 0 });
    expect(code).toBe(0);
    expect(summary.seconds).toBeLessThan(90);
    const outages = summary.steps.flatMap((step) => step.expectations.flatMap((expectation) => expectation.outageMs ?? []));
    expect(outages).toHaveLength(3);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('interrupted by %s in the middle it leaves nothing behind', async (signal, status) => {
    const mountsBefore = readFileSync('/proc/self/mounts', 'utf8');
    const demo = spawn(process.execPath, [compiled('lab/demo.js')], { stdio: ['ignore', 'pipe', 'pipe'] });
    let printed = '';
    for (const stream of [demo.stdout, demo.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        printed += chunk.toString();
      });
    }
    const ended = new Promise<number | null>((resolve) => demo.on('close', resolve));
    expect(await until(() => (printed.includes('start vipwrightd on slave') ? true : undefined), 60_000), printed).toBe(true);
    const networks = networksOf(treeOf(demo.pid ?? -1));
    networks.delete(readlinkSync('/proc/self/ns/net'));
    expect(networks.size).toBe(6); // Five machines and the switch.

    demo.kill(signal);
    demo.kill(signal); // A Ctrl-C reaches us from the terminal and again through npm.
    expect(await ended).toBe(status);
    const inhabited = inhabitedNetworks();
    expect([...networks].filter((network) => inhabited.has(network))).toEqual([]);
    expect(readFileSync('/proc/self/mounts', 'utf8')).toBe(mountsBefore);
  });

  it.each([
    ['an unknown option', ['--kepp'], 'usage: npm run demo'],
    ['a scenario that is not there', ['/nowhere.scenario'], '/nowhere.scenario'],
  ])('refuses %s', async (_what, args, message) => {
    const { code, stderr } = await run([process.execPath, compiled('lab/demo.js'), ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
