/** What an active router takes and gives up, in which order, and what a reload or somebody else's hand changes in it. */
import { describe, expect, it } from 'vitest';
import { parsePrefix } from '../base/index.ts';
import type { PolicyRule, Route, VirtualRouter } from '../model/index.ts';
import { ip, Lan, router, settings, vip } from './lan.test-helper.ts';

function route(destination: string, changes: Partial<Route> = {}): Route {
  const prefix = parsePrefix(destination);
  if (!prefix) throw new Error(`bad prefix in a test: ${destination}`);
  const nextHops = [{ via: ip('10.0.0.254'), interface: 'eth0', weight: 1, onlink: false }];
  return { family: 4, type: 'unicast', destination: prefix, nextHops, table: 254, protocol: 18, metrics: [], tracked: true, ...changes };
}

function rule(table: number, changes: Partial<PolicyRule> = {}): PolicyRule {
  const still = { family: 4 as const, inverted: false, l3mdev: false, protocol: 18, tracked: true };
  return { ...still, action: { kind: 'table', table }, ...changes };
}

const rich: Partial<VirtualRouter> = {
  vips: [vip('10.0.0.100')],
  excludedVips: [vip('10.0.0.101'), vip('fd00::1')],
  routes: [route('10.5.0.0/16'), route('10.6.0.0/16')],
  rules: [rule(1), rule(2)],
  accept: false,
};

function active(changes: Partial<VirtualRouter>): Lan {
  const lan = new Lan();
  lan.start('a', 1, settings([router(changes)]));
  lan.runUntil(10);
  return lan;
}

const reload = (lan: Lan, changes: Partial<VirtualRouter>): void => {
  lan.forget('a');
  lan.handle('a', { kind: 'reconfigure', settings: settings([router(changes)]) });
};

describe('an active router', () => {
  it('takes: traffic blocked, addresses, routes, rules, announcement', () => {
    const lan = new Lan();
    lan.start('a', 1, settings([router(rich)]));
    lan.forget('a');
    lan.runUntil(4);
    expect(lan.kinds('a')).toEqual(['transmit', 'drop-traffic', 'add-vips', 'add-routes', 'add-rules', 'announce', 'transition']);
    const all = [vip('10.0.0.100'), vip('10.0.0.101'), vip('fd00::1')];
    expect(lan.effects('a').filter((effect) => effect.kind === 'add-vips' || effect.kind === 'drop-traffic')).toEqual([
      { kind: 'drop-traffic', router: 'VI_1', vips: all, drop: true },
      { kind: 'add-vips', router: 'VI_1', vips: all },
    ]);
    expect(lan.log('a', true)).toContain('(VI_1) Sending/queueing Unsolicited Neighbour Adverts on eth0 for fd00::1');
  });

  it('gives up in the reverse order, after its priority 0', () => {
    const lan = active(rich);
    lan.forget('a');
    lan.handle('a', { kind: 'stop' });
    expect(lan.kinds('a')).toEqual(['transmit', 'remove-rules', 'remove-routes', 'remove-vips', 'drop-traffic', 'transition']);
    expect(lan.effects('a').find((effect) => effect.kind === 'remove-routes')).toMatchObject({
      routes: [route('10.6.0.0/16'), route('10.5.0.0/16')],
    });
  });

  it('at the start removes what a predecessor may have left', () => {
    const lan = new Lan();
    lan.start('a', 1, settings([router(rich)]));
    expect(lan.kinds('a')).toEqual(['remove-rules', 'remove-routes', 'remove-vips', 'drop-traffic', 'transition']);
  });

  it('blocks nothing as the owner of the addresses', () => {
    expect(active({ accept: false, priority: 255 }).kinds('a')).not.toContain('drop-traffic');
  });

  it('takes routes and rules from and to a reload', () => {
    const lan = active(rich);
    reload(lan, { ...rich, routes: [route('10.6.0.0/16'), route('10.7.0.0/16')], rules: [rule(2), rule(3, { tunnelId: 7n })] });
    expect(lan.effects('a').filter((effect) => effect.kind !== 'log')).toMatchObject([
      { kind: 'remove-rules', rules: [rule(1)] },
      { kind: 'remove-routes', routes: [route('10.5.0.0/16')] },
      { kind: 'add-routes', routes: [route('10.7.0.0/16')] },
      { kind: 'add-rules', rules: [rule(3, { tunnelId: 7n })] },
      { kind: 'transmit' },
    ]);
  });

  it('blocks and unblocks as a reload says', () => {
    const lan = active({ accept: true });
    reload(lan, { accept: false });
    expect(lan.effects('a')[0]).toEqual({ kind: 'drop-traffic', router: 'VI_1', vips: [vip('10.0.0.100')], drop: true });
    reload(lan, { accept: false, vips: [vip('10.0.0.102')] });
    expect(lan.kinds('a')).toEqual(['remove-vips', 'drop-traffic', 'drop-traffic', 'add-vips', 'announce', 'transmit']);
    reload(lan, { accept: true, vips: [vip('10.0.0.102')] });
    expect(lan.effects('a')[0]).toEqual({ kind: 'drop-traffic', router: 'VI_1', vips: [vip('10.0.0.102')], drop: false });
  });

  it('puts back the routes and rules that somebody has removed, but those that may be removed', () => {
    const lan = active({ routes: [route('10.5.0.0/16'), route('10.6.0.0/16', { tracked: false })], rules: [rule(1)] });
    lan.forget('a');
    lan.handle('a', { kind: 'routes-lost', router: 'VI_1' });
    lan.handle('a', { kind: 'routes-lost', router: 'other' });
    expect(lan.effects('a')).toMatchObject([
      { kind: 'log', message: '(VI_1) routes or rules were removed by someone else - putting them back' },
      { kind: 'add-routes', routes: [route('10.5.0.0/16')] },
      { kind: 'add-rules', rules: [rule(1)] },
    ]);
  });

  it('leaves alone what may be removed, and what it does not hold', () => {
    const untracked = { vips: [vip('10.0.0.100', 'eth0', { tracked: false })], routes: [route('10.5.0.0/16', { tracked: false })] };
    const lan = active(untracked);
    lan.start('b', 2, settings([router({ ...rich, vips: untracked.vips, priority: 1 })]));
    for (const node of ['a', 'b']) {
      lan.forget(node);
      lan.handle(node, { kind: 'routes-lost', router: 'VI_1' });
      lan.handle(node, { kind: 'vip-lost', interface: 'eth0', address: ip('10.0.0.100') });
      expect(lan.effects(node)).toEqual([]);
    }
  });
});
