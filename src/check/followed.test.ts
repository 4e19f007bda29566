import { describe, expect, it } from 'vitest';
import { seconds } from '../base/index.ts';
import type { Check, CheckedService } from '../model/index.ts';
import { Bench, checkedService, OK, RS1, RS2, tcp, VIP } from './harness.ts';

const OTHER = '192.168.18.199';

function changes(bench: Bench): string[] {
  return bench
    .effects()
    .flatMap((effect) => (effect.type === 'check-changed' ? [effect.change] : []))
    .map(({ server, check, state, first }) => `${server.address} ${check} ${state}${first ? ' at first' : ''}`);
}

describe('BFD sessions', () => {
  const bfd = (alpha: boolean): Check => ({ kind: 'bfd', session: 'S', alpha });
  const session = (bench: Bench, up: boolean) => bench.event({ type: 'session', session: 'S', up });

  it('are followed; one that has never been reported counts as up unless alpha', () => {
    const bench = new Bench();
    bench.configure(checkedService(VIP, { [RS1]: [bfd(false)], [RS2]: [bfd(true)] }));
    const never = 'BFD_CHECK: session S has not been up yet';
    expect(bench.story()).toEqual([`${RS1} up: ${never}`, `${RS2} down: ${never}`]);
    bench.event({ type: 'session', session: 'another', up: false });
    expect(bench.story()).toEqual([]);
    session(bench, true);
    expect(bench.story()).toEqual([`${RS2} up: BFD_CHECK: session S is up`]);
    session(bench, false);
    expect(bench.story()).toEqual([`${RS1} down: BFD_CHECK: session S is down`, `${RS2} down: BFD_CHECK: session S is down`]);
  });

  it('count beside other checks, and are known after a reload', () => {
    const bench = new Bench();
    const service = checkedService(VIP, { [RS1]: [tcp(RS1), bfd(false)] });
    bench.configure(service);
    bench.accept(RS1);
    session(bench, false);
    bench.story();
    bench.configure(service);
    expect(bench.story()).toEqual([]);
    expect(bench.engine.snapshot()[0]?.checks).toMatchObject([
      { name: 'TCP_CHECK', verdict: 'up' },
      { name: 'BFD_CHECK', verdict: 'down' },
    ]);
  });
});

describe('each check of a server', () => {
  it('is reported when it changes, whatever the others say', () => {
    const bench = new Bench();
    bench.configure(checkedService(VIP, { [RS1]: [tcp(RS1), tcp(RS2), { kind: 'bfd', session: 'S', alpha: true }] }));
    bench.accept(RS1);
    bench.refuse(RS2);
    expect(changes(bench)).toEqual([`${RS1} tcp up at first`, `${RS1} tcp down at first`]);
    bench.event({ type: 'session', session: 'S', up: true });
    bench.until(seconds(6));
    bench.accept(RS1);
    expect(changes(bench)).toEqual([`${RS1} bfd up`]);
    bench.accept(RS2);
    expect(changes(bench)).toEqual([`${RS1} tcp up`]);
  });
});

describe('ha_suspend', () => {
  const suspended = (vip = VIP): CheckedService => ({ ...checkedService(vip, { [RS1]: [tcp(RS1)] }), haSuspend: true });
  const hold = (bench: Bench, ...addresses: string[]) => bench.event({ type: 'addresses', addresses: new Set(addresses) });
  const line = (activity: string, vip = VIP) => `${activity} healthchecker for service [${RS1}]:tcp:80 for VS [${vip}]:tcp:80`;

  it('lets the checks begin when the VIP comes, and pause when it goes', () => {
    const bench = new Bench();
    bench.configure(suspended());
    bench.until(seconds(100));
    expect(bench.story()).toEqual([]);
    expect(bench.engine.snapshot()).toMatchObject([{ suspended: true }]);
    hold(bench, OTHER, VIP);
    expect(bench.story()).toEqual([line('Activating'), `open ${RS1}:80`]);
    bench.accept(RS1);
    bench.until(seconds(106));
    bench.story();
    hold(bench, OTHER);
    expect(bench.open.size).toBe(0);
    bench.until(seconds(200));
    expect(bench.story()).toEqual([line('Suspending')]);
    hold(bench, VIP);
    bench.refuse(RS1);
    bench.until(seconds(202));
    // It was up when it paused, so it has its retries.
    expect(bench.story()).toEqual([line('Activating'), `open ${RS1}:80`, `open ${RS1}:80`]);
  });

  it('holds for a reload, which may bring and take it away', () => {
    const bench = new Bench();
    bench.configure(suspended());
    bench.configure({ ...suspended(), haSuspend: false });
    expect(bench.story()).toContain(`open ${RS1}:80`);
    bench.accept(RS1);
    bench.configure(suspended());
    bench.until(seconds(60));
    expect(bench.story().filter((text) => text.startsWith('open'))).toEqual([]);
  });

  it('does not pause a check that another service needs, too, and that one alone is news for both', () => {
    const bench = new Bench();
    bench.configure(suspended(), suspended(OTHER));
    hold(bench, OTHER);
    expect(bench.story()).toEqual([line('Activating', OTHER), `open ${RS1}:80`]);
    expect(bench.engine.counts()).toMatchObject({ servers: 2, probes: 1, openConnections: 1 });
    bench.accept(RS1);
    expect(bench.story().filter((text) => text.startsWith(`${RS1} up`))).toHaveLength(2);
  });
});

describe('a virtual_server_group', () => {
  it('checks each real server once for all its members', () => {
    const bench = new Bench();
    const members = [VIP, OTHER, '192.168.18.198'].map((vip) => ({ ...checkedService(vip, { [RS1]: [tcp(RS1)] }), group: 'G' }));
    bench.configure(...members);
    expect(bench.engine.counts()).toMatchObject({ servers: 3, probes: 1, openConnections: 1 });
    bench.answer(RS1, OK);
    expect(bench.story().filter((text) => text.startsWith(`${RS1} up`))).toHaveLength(3);
  });
});
