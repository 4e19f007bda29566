import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { REAL_TIME_FLAGS } from './real-time-flags.ts';

/** Makes so much garbage in a main thread and in a worker that V8 collects all of it several times, after the flags were set in between. */
const CHURN = `
const churn = () => {
  let keep = [];
  for (let i = 0; i < 400000; i++) {
    keep.push({ i, pair: [i, i + 1], text: 'x' + i, bytes: new Uint8Array(16) });
    if (keep.length > 60000) keep = keep.slice(30000);
  }
};`;
const MAIN = `${CHURN}
const { Worker } = require('node:worker_threads');
churn();
for (const flag of JSON.parse(process.argv[1])) require('node:v8').setFlagsFromString(flag);
const worker = new Worker(process.argv[2], { eval: true, resourceLimits: { maxYoungGenerationSizeMb: 4 } });
let rounds = 0;
const timer = setInterval(() => {
  churn();
  if (++rounds === 3) clearInterval(timer);
}, 20);
worker.on('exit', (code) => console.log('worker ended with ' + code));
`;

it('V8 lives on with the flags of the real-time thread, whatever it collects', { timeout: 120_000 }, () => {
  const child = (flags: readonly string[]): string => {
    const worker = `${CHURN} for (let round = 0; round < 2; round++) churn();`;
    const { status, signal, stdout } = spawnSync(process.execPath, ['-e', MAIN, JSON.stringify(flags), worker], { encoding: 'utf8' });
    return `${stdout.trim()}, ${signal ?? status}`;
  };
  expect(child(REAL_TIME_FLAGS)).toBe('worker ended with 0, 0');
});
