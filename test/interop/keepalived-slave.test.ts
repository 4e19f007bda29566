/** We are the master, real keepalived is the slave: it takes over when we stop or die and gives back when we return. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasNoVip, holdsVip, type Service, startKeepalived, startMailSink, startVipwrightd } from '../../lab/index.ts';
import { bootInterop, errorsCountedBy, type Interop, logOf, packetsOf, says } from './keepalived-peer.ts';

let interop: Interop;
let ours: Service;
let keepalived: Service;

beforeAll(async () => {
  interop = await bootInterop();
  const { master, slave } = interop.seed;
  await startMailSink(master);
  keepalived = await startKeepalived(slave);
  ours = await startVipwrightd(master);
});

afterAll(async () => {
  await interop?.seed.lab.destroy();
});

function logs(): string {
  return `${logOf(ours)}\n--- keepalived\n${logOf(keepalived)}`;
}

async function expectOursToHoldTheVip(): Promise<void> {
  const { master, slave } = interop.seed;
  expect(await holdsVip(master, 20_000), logs()).toBe(true);
  expect(await hasNoVip(slave, 5000), logs()).toBe(true);
}

async function expectKeepalivedToHoldTheVip(): Promise<void> {
  const { master, slave } = interop.seed;
  expect(await holdsVip(slave, 20_000), logs()).toBe(true);
  expect(await hasNoVip(master, 5000), logs()).toBe(true);
}

describe('with keepalived as the slave', () => {
  it('we become master and it stays backup', async () => {
    await expectOursToHoldTheVip();
  });

  it('it takes over at our orderly stop, told by our priority 0', async () => {
    await ours.stop();
    await expectKeepalivedToHoldTheVip();
    await says(keepalived, '(VI_1) Backup received priority 0 advertisement');
    expect(ours.exit).toEqual({ code: 0, signal: null });
  });

  it('it gives back when we return', async () => {
    ours = await startVipwrightd(interop.seed.master);
    await expectOursToHoldTheVip();
    await says(keepalived, '(VI_1) Master received advert from 192.168.18.207 with higher priority 101, ours 100');
  });

  it('it takes over when we are killed', async () => {
    await ours.kill();
    expect(await hasNoVip(interop.seed.master, 5000), logs()).toBe(true);
    await expectKeepalivedToHoldTheVip();
  });

  it('it gives back once more', async () => {
    ours = await startVipwrightd(interop.seed.master);
    await expectOursToHoldTheVip();
  });

  it('it counted no error in our advertisements', async () => {
    const errors = await errorsCountedBy(keepalived, interop.seed.slave);
    expect(Object.keys(errors).length).toBeGreaterThan(5);
    expect(
      Object.values(errors).reduce((sum, count) => sum + count, 0),
      JSON.stringify(errors),
    ).toBe(0);
  });

  it('tshark finds no malformed packet and no wrong checksum among ours', async () => {
    const { count, bad } = await packetsOf(interop, interop.seed.master);
    expect(count).toBeGreaterThan(10);
    expect(bad).toEqual([]);
  });
});
