/** Real keepalived is the master, we are the slave: we take over when it stops, dies or loses its cable, and give back when it returns. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  hasNoVip,
  holdsVip,
  killTree,
  type Service,
  startKeepalived,
  startMailSink,
  startVipwrightd,
  tableBecomes,
  VIP,
} from '../../lab/index.ts';
import { bootInterop, type Interop, logOf, packetsOf, says } from './keepalived-peer.ts';

let interop: Interop;
let ours: Service;
let keepalived: Service;

beforeAll(async () => {
  interop = await bootInterop();
  const { master, slave } = interop.seed;
  await startMailSink(slave);
  keepalived = await startKeepalived(master);
  expect(await holdsVip(master, 20_000), logOf(keepalived)).toBe(true);
  ours = await startVipwrightd(slave);
});

afterAll(async () => {
  await interop?.seed.lab.destroy();
});

function logs(): string {
  return `${logOf(ours)}\n--- keepalived\n${logOf(keepalived)}`;
}

async function expectUsToServe(): Promise<void> {
  const { slave, client } = interop.seed;
  expect(await holdsVip(slave, 20_000), logs()).toBe(true);
  const { stdout, stderr } = await client.run(['curl', '-sS', '--max-time', '3', '--retry', '5', '--retry-all-errors', VIP]);
  expect(stdout, stderr + logs()).toMatch(/RS[12]\.test\.com/);
}

async function expectUsToGiveBack(): Promise<void> {
  expect(await holdsVip(interop.seed.master, 20_000), logs()).toBe(true);
  expect(await hasNoVip(interop.seed.slave, 5000), logs()).toBe(true);
}

describe('with keepalived as the master', () => {
  it('we stay backup, with the table ready', async () => {
    expect(await tableBecomes(interop.seed.slave, (rows) => rows.length === 2, 20_000), logs()).toBe(true);
    await says(ours, '(VI_1) Entering BACKUP STATE');
    expect(await hasNoVip(interop.seed.slave, 0), logs()).toBe(true);
  });

  it('we take over at its orderly stop and serve', async () => {
    await keepalived.stop();
    await expectUsToServe();
    await says(ours, '(VI_1) Backup received priority 0 advertisement');
    expect(await hasNoVip(interop.seed.master, 5000)).toBe(true);
  });

  it('we give back when it returns', async () => {
    keepalived = await startKeepalived(interop.seed.master);
    await expectUsToGiveBack();
    await says(ours, '(VI_1) Master received advert from 192.168.18.207 with higher priority 101, ours 100');
  });

  it('we take over when it is killed with everything it started, though its VIP stays behind', async () => {
    killTree(keepalived.pid);
    await keepalived.exited;
    await expectUsToServe();
  });

  it('we give back once more', async () => {
    keepalived = await startKeepalived(interop.seed.master);
    await expectUsToGiveBack();
  });

  it('we take over when its cable is pulled, and give back when it is plugged in again', async () => {
    await interop.seed.lab.setCable('master', 'down');
    await expectUsToServe();
    await interop.seed.lab.setCable('master', 'up');
    await expectUsToGiveBack();
  });

  it('tshark finds no malformed packet and no wrong checksum among ours', async () => {
    await ours.stop();
    const { count, bad } = await packetsOf(interop, interop.seed.slave);
    expect(count).toBeGreaterThan(3);
    expect(bad).toEqual([]);
  });
});
