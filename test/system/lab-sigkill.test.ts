/** The master's daemon dies without a word: a dead process leaves no VIP behind, and the client is served again as fast as the protocol allows. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  bootSeedLab,
  hasNoVip,
  holdsVip,
  nowMs,
  outagesOf,
  probeState,
  type SeedLab,
  type Service,
  startMailSink,
  startProbe,
  startVipwrightd,
  tableBecomes,
  until,
  VIP,
  watchAddresses,
} from '../../lab/index.ts';

const VIP_GONE_WITHIN_MS = 500;
/** 3 × advert_int + skew of the slave's priority 100 + 250 ms (RFC 3768 section 6.1: skew = (256 - priority) / 256 s). */
const SERVED_AGAIN_WITHIN_MS = 3 * 1000 + ((256 - 100) * 1000) / 256 + 250;

let seed: SeedLab;
let master: Service;
let slave: Service;

beforeAll(async () => {
  seed = await bootSeedLab();
  for (const machine of [seed.master, seed.slave]) await startMailSink(machine);
  master = await startVipwrightd(seed.master);
  slave = await startVipwrightd(seed.slave);
  expect(await holdsVip(seed.master, 15_000), logs()).toBe(true);
  for (const machine of [seed.master, seed.slave]) {
    expect(await tableBecomes(machine, (rows) => rows.length === 2, 15_000), logs()).toBe(true);
  }
});

afterAll(async () => {
  await seed?.lab.destroy();
});

function logs(): string {
  return [master, slave].map((service) => service.lines.map((line) => line.text).join('\n')).join('\n--- slave\n');
}

describe("the master's daemon is killed with SIGKILL", () => {
  it(`leaves no VIP on it within ${VIP_GONE_WITHIN_MS} ms, and the slave serves within the protocol's limit`, async () => {
    const probe = await startProbe(seed.client, { target: `${VIP}:80` });
    const monitor = await watchAddresses(seed.master);
    const killedMs = nowMs();
    await master.kill();

    const deleted = await until(
      () => monitor.lines.find((line) => line.text.startsWith('Deleted') && line.text.includes(`inet ${VIP}/`)),
      10_000,
      5,
    );
    expect(deleted, logs()).toBeDefined();
    expect((deleted?.atMs ?? Number.NaN) - killedMs, logs()).toBeLessThanOrEqual(VIP_GONE_WITHIN_MS);

    expect(await holdsVip(seed.slave, 15_000), logs()).toBe(true);
    const judgedMs = nowMs();
    expect(await until(() => (!probeState(probe).down && probeState(probe).untilMs > judgedMs ? true : undefined), 15_000), logs()).toBe(
      true,
    );
    const longest = Math.max(0, ...outagesOf(probe, killedMs).map((outage) => outage.outageMs));
    expect(longest, logs()).toBeLessThanOrEqual(SERVED_AGAIN_WITHIN_MS);
    expect(await hasNoVip(seed.master, 0)).toBe(true);
    await probe.stop();
  });

  it('can be started again there and takes the VIP back', async () => {
    master = await startVipwrightd(seed.master);
    expect(await holdsVip(seed.master, 20_000), logs()).toBe(true);
    expect(await hasNoVip(seed.slave, 5000), logs()).toBe(true);
    expect(await tableBecomes(seed.master, (rows) => rows.length === 2, 15_000), logs()).toBe(true);
    expect((await seed.client.runOrThrow(['curl', '-s', '--max-time', '3', VIP])).trim()).toMatch(/RS[12]\.test\.com/);
  });
});
