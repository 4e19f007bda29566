import { describe, expect, it } from 'vitest';
import { seconds } from '../base/index.ts';
import type { VirtualRouter } from '../model/index.ts';
import { Lan, router, script, settings, vip } from './lan.test-helper.ts';

/** `a` is active; the clock stands at 10 s and nothing is on record. */
function running(...routers: VirtualRouter[]): Lan {
  const lan = new Lan();
  lan.start('a', 1, settings(routers));
  lan.runUntil(10);
  lan.forget('a');
  return lan;
}

function reload(lan: Lan, ...routers: VirtualRouter[]): void {
  lan.handle('a', { kind: 'reconfigure', settings: settings(routers) });
}

describe('a reload', () => {
  it('that changes nothing does nothing', () => {
    const lan = running(router(), router({ name: 'VI_2', vrid: 52 }));
    const deadline = lan.engine('a').nextDeadline();
    reload(lan, router(), router({ name: 'VI_2', vrid: 52 }));
    expect([lan.effects('a'), lan.engine('a').nextDeadline()]).toEqual([[], deadline]);
  });

  it('touches only the router that has changed', () => {
    const lan = running(router(), router({ name: 'VI_2', vrid: 52 }));
    reload(lan, router(), router({ name: 'VI_2', vrid: 52, priority: 120 }));
    expect(lan.effects('a')).toMatchObject([
      { kind: 'log', message: '(VI_2) Changing effective priority from 100 to 120' },
      { kind: 'transmit', router: 'VI_2' },
    ]);
  });

  it('applies the difference of the addresses', () => {
    const [kept, dropped, added] = [vip('10.0.0.100'), vip('10.0.0.101'), vip('10.0.0.102')];
    const lan = running(router({ vips: [kept, dropped] }));
    reload(lan, router({ vips: [kept, added] }));
    expect(lan.effects('a').filter((effect) => effect.kind !== 'log')).toMatchObject([
      { kind: 'remove-vips', vips: [dropped] },
      { kind: 'add-vips', vips: [added] },
      { kind: 'announce', vips: [added], count: 5 },
      { kind: 'transmit' },
    ]);
    expect(lan.held('a')).toEqual(['10.0.0.100', '10.0.0.102']);
  });

  it('moves an address between routers in one step', () => {
    const [x, y] = [vip('10.0.0.100'), vip('10.0.0.101')];
    const lan = running(router({ vips: [x, y] }), router({ name: 'VI_2', vrid: 52, vips: [] }));
    reload(lan, router({ vips: [x] }), router({ name: 'VI_2', vrid: 52, vips: [y] }));
    expect(lan.kinds('a').filter((kind) => kind.endsWith('vips'))).toEqual(['remove-vips', 'add-vips']);
    expect(lan.held('a')).toEqual(['10.0.0.100', '10.0.0.101']);
  });

  it('lets an active router that is gone say so', () => {
    const lan = running(router(), router({ name: 'VI_2', vrid: 52 }));
    reload(lan, router());
    expect(lan.effects('a')).toMatchObject([
      { kind: 'transmit', router: 'VI_2' },
      { kind: 'log', message: '(VI_2) sent 0 priority' },
      { kind: 'log', message: '(VI_2) removing VIPs.' },
      { kind: 'remove-vips', router: 'VI_2' },
      { kind: 'transition', name: 'VI_2', state: 'FAULT' },
    ]);
    lan.forget('a');
    lan.runUntil(11);
    expect(lan.effects('a').every((effect) => effect.kind !== 'transmit' || effect.router === 'VI_1')).toBe(true);
  });

  it('starts a new router as a backup', () => {
    const lan = running(router());
    reload(lan, router(), router({ name: 'VI_2', vrid: 52, priority: 128 }));
    lan.runUntil(20);
    expect(lan.story.slice(-2)).toEqual(['10 a VI_2 BACKUP', '13.5 a VI_2 MASTER']);
  });

  it('knows a renamed router again by interface and VRID', () => {
    const lan = running(router());
    reload(lan, router({ name: 'renamed' }));
    expect(lan.engine('a').snapshot().routers).toMatchObject([{ name: 'renamed', state: 'active', counters: { becameActive: 1 } }]);
  });

  it('of a priority moves the timer of a backup', () => {
    const lan = new Lan();
    lan.start('a', 1, settings([router({ priority: 64 })]));
    lan.runUntil(1);
    reload(lan, router({ priority: 128 }));
    lan.runUntil(5);
    expect(lan.story.at(-1)).toBe('3.5 a VI_1 MASTER');
  });

  it('of the interval starts the patience of a backup anew and holds from the next advertisement of an active router on', () => {
    const lan = new Lan();
    lan.start('a', 1, settings([router({ priority: 128, advertInterval: seconds(5) })]));
    lan.runUntil(1);
    reload(lan, router({ priority: 128, advertInterval: seconds(1) }));
    lan.runUntil(7.5);
    expect(lan.story.at(-1)).toBe('4.5 a VI_1 MASTER');
    expect(lan.engine('a').snapshot().routers[0]?.counters.advertsSent).toBe(4);
  });

  it('keeps the verdict of a script, runs a new one, and stops one that is gone', () => {
    const track = router({ trackScripts: [{ script: 'chk', weight: -2, reverse: false }] });
    const lan = new Lan();
    lan.start('a', 1, settings([track], { scripts: [script()] }));
    lan.handle('a', { kind: 'script', script: 'chk', outcome: 'failure', status: 1 });
    lan.forget('a');
    lan.handle('a', { kind: 'reconfigure', settings: settings([track], { scripts: [script({ command: { argv: ['/bin/new'] } })] }) });
    expect(lan.effects('a')).toMatchObject([{ kind: 'run-script', script: { command: { argv: ['/bin/new'] } } }]);
    expect(lan.engine('a').snapshot().scripts).toMatchObject([{ name: 'chk', state: 'down' }]);
    lan.handle('a', { kind: 'reconfigure', settings: settings([router()]) });
    expect(lan.engine('a').snapshot()).toMatchObject({ scripts: [], routers: [{ effectivePriority: 100 }] });
  });

  it('ends a run of a command that it replaces, disregards its result, and runs the new one after it', () => {
    const track = router({ trackScripts: [{ script: 'chk', weight: 0, reverse: false }] });
    const lan = new Lan();
    lan.start('a', 1, settings([track], { scripts: [script()] }));
    lan.handle('a', { kind: 'script', script: 'chk', outcome: 'success', status: 0 });
    lan.runUntil(1);
    lan.forget('a');
    const changed = settings([track], { scripts: [script({ command: { argv: ['/bin/new'] } })] });
    lan.handle('a', { kind: 'reconfigure', settings: changed });
    expect(lan.effects('a')).toEqual([{ kind: 'kill-script', script: 'chk' }]);
    lan.handle('a', { kind: 'script', script: 'chk', outcome: 'signal', status: 15 });
    expect([lan.state('a'), lan.kinds('a')]).toEqual(['backup', ['kill-script', 'run-script']]);
  });

  it('ends a run of a script that nobody tracks any more, as the stop does', () => {
    const track = router({ trackScripts: [{ script: 'chk', weight: 0, reverse: false }] });
    const both = [new Lan(), new Lan()] as const;
    for (const lan of both) {
      lan.start('a', 1, settings([track], { scripts: [script()] }));
      lan.forget('a');
    }
    both[0].handle('a', { kind: 'reconfigure', settings: settings([router()]) });
    both[1].handle('a', { kind: 'stop' });
    for (const lan of both) expect(lan.effects('a')).toContainEqual({ kind: 'kill-script', script: 'chk' });
    expect(both.map((lan) => lan.engine('a').snapshot().scripts.length)).toEqual([0, 1]);
  });

  it('of another interval lets a run go on and counts from there', () => {
    const track = router({ trackScripts: [{ script: 'chk', weight: 0, reverse: false }] });
    const lan = new Lan();
    lan.start('a', 1, settings([track], { scripts: [script({ interval: seconds(9) })] }));
    lan.forget('a');
    lan.handle('a', { kind: 'reconfigure', settings: settings([track], { scripts: [script({ interval: seconds(2) })] }) });
    expect([lan.effects('a'), lan.engine('a').nextDeadline()]).toEqual([[], seconds(2)]);
  });
});
