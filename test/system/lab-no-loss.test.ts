/** Under a steady load of thousands of requests a second, what an operator does on purpose costs no request. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  bootSeedLab,
  CONFIG_FILE,
  holdsVip,
  loadFigures,
  type SeedLab,
  type Service,
  sleep,
  startLoad,
  startMailSink,
  startNginx,
  startVipwrightd,
  tableBecomes,
  VIP,
} from '../../lab/index.ts';

const RATE = 2500;
const NODE1 = '192.168.18.201:80';

let seed: SeedLab;
let daemon: Service;
let load: Service;
let original: string;

beforeAll(async () => {
  seed = await bootSeedLab();
  original = seed.master.readFile(CONFIG_FILE);
  await startMailSink(seed.master);
  daemon = await startVipwrightd(seed.master);
  expect(await holdsVip(seed.master, 15_000), logOf(daemon)).toBe(true);
  expect(await tableBecomes(seed.master, (rows) => rows.length === 2, 15_000), logOf(daemon)).toBe(true);
});

afterEach(async () => {
  await load?.stop();
});

afterAll(async () => {
  await seed?.lab.destroy();
});

function logOf(service: Service): string {
  return service.lines.map((line) => line.text).join('\n');
}

/** Writes another configuration and has it read, as an operator does. */
function reloadWith(text: string): void {
  seed.master.writeFile(CONFIG_FILE, text);
  daemon.signal('SIGHUP');
}

function weightOfNode1(weight: number): string {
  const [before, after] = original.split(/(?<=real_server 192\.168\.18\.201 80 \{[^\n]*\n *)weight 1/);
  if (before === undefined || after === undefined) throw new Error('the configuration does not look as expected');
  return `${before}weight ${weight}${after}`;
}

/** Stops the load and checks that it was what it claims to be. */
async function expectNoLoss(): Promise<ReturnType<typeof loadFigures>> {
  await load.stop();
  const figures = loadFigures(load);
  expect(figures.reasons, logOf(daemon)).toEqual({});
  expect(figures.failed).toBe(0);
  expect(figures.requests / figures.seconds).toBeGreaterThan(1000);
  return figures;
}

describe('under a steady load', () => {
  it('a real server that gets weight 0, runs empty, stops and returns costs no request', async () => {
    load = await startLoad(seed.client, { target: `${VIP}:80`, rate: RATE });
    await sleep(1000);
    reloadWith(weightOfNode1(0));
    const empty = await tableBecomes(
      seed.master,
      (rows) => rows.some((row) => row.server === NODE1 && row.weight === 0 && row.active === 0),
      30_000,
    );
    expect(empty, logOf(daemon)).toBe(true);

    const before = loadFigures(load);
    await seed.node1.service('nginx')?.stop();
    await sleep(3000);
    const after = loadFigures(load);
    // Everything in between came from the other server: at most what the second-old first figures had not counted yet came from this one.
    expect(after.answers['<h1>RS2.test.com</h1>']).toBeGreaterThan((before.answers['<h1>RS2.test.com</h1>'] ?? 0) + RATE);

    await startNginx(seed.node1, { page: '<h1>RS1.test.com</h1>' });
    reloadWith(original);
    expect(
      await tableBecomes(seed.master, (rows) => rows.some((row) => row.server === NODE1 && row.weight === 1), 30_000),
      logOf(daemon),
    ).toBe(true);
    await sleep(2000);
    const figures = await expectNoLoss();
    expect(Object.keys(figures.answers).sort()).toEqual(['<h1>RS1.test.com</h1>', '<h1>RS2.test.com</h1>']);
  });

  it('reloading an edited configuration costs no request', async () => {
    load = await startLoad(seed.client, { target: `${VIP}:80`, rate: RATE });
    await sleep(1000);
    const edits = [
      original.replace('lb_algo rr', 'lb_algo wrr'),
      weightOfNode1(3).replace('lb_algo rr', 'lb_algo wrr'),
      original.replace('delay_loop 6', 'delay_loop 3'),
      original.replace('router_id LVS_DEVEL', 'router_id OTHER'),
      original,
    ];
    for (const edit of edits) {
      reloadWith(edit);
      await sleep(1500);
    }
    expect(daemon.running, logOf(daemon)).toBe(true);
    expect(await holdsVip(seed.master, 0)).toBe(true);
    await expectNoLoss();
  });
});
