import { describe, expect, it } from 'vitest';
import { millis, seconds } from '../base/index.ts';
import { Lan, router, settings } from './lan.test-helper.ts';

/** `a` is active since 3.609375 s and has last spoken at 9.609375 s; the clock stands at 10 s. */
function running(): Lan {
  const lan = new Lan();
  lan.start('a', 1, settings([router({ priority: 100 })]));
  lan.start('b', 2, settings([router({ priority: 90 })]));
  lan.runUntil(10);
  lan.forget('a');
  lan.forget('b');
  return lan;
}

describe('a pause of an active router', () => {
  it('that the peers have borne: it speaks and announces at once', () => {
    const lan = running();
    lan.now = seconds(11.5);
    lan.handle('a', { kind: 'pause', duration: millis(1500) });
    expect(lan.kinds('a')).toEqual(['transmit', 'announce']);
    expect(lan.state('a')).toBe('active');
  });

  it('that outlived their patience: it lets go of the addresses without a word, then listens', () => {
    const lan = running();
    lan.now = seconds(14);
    lan.handle('a', { kind: 'pause', duration: seconds(4) });
    expect(lan.kinds('a')).toEqual(['remove-vips', 'transition']);
    expect(lan.engine('a').nextDeadline()).toBe(seconds(14 + 3.609375));
    expect(lan.log('a')).toEqual([
      'This process did not run for 4.000 s',
      '(VI_1) sent nothing for 4.000 s, longer than its peers wait - stepping down',
      '(VI_1) Entering BACKUP STATE',
    ]);
  });

  it('is judged by the longer of two clocks: a frozen machine does not see its own clock advance', () => {
    const lan = running();
    lan.handle('a', { kind: 'pause', duration: seconds(60) });
    expect(lan.state('a')).toBe('backup');
  });

  it('is noticed from the late timer alone, before anything is sent', () => {
    const lan = running();
    lan.now = seconds(13);
    lan.handle('a', { kind: 'tick' });
    expect(lan.kinds('a')).toEqual(['remove-vips', 'transition']);
  });

  it('is noticed from the late timer alone, before a waiting packet is judged', () => {
    const lan = running();
    lan.cut('a', 'b');
    lan.now = lan.engine('b').nextDeadline() as number;
    lan.handle('b', { kind: 'tick' });
    expect(lan.state('b')).toBe('active');
    // a had not run in between: it follows b's advertisement although b is the lower one and would otherwise be answered.
    expect(lan.kinds('a')).toEqual(['remove-vips', 'transition']);
    expect(lan.state('a')).toBe('backup');
  });

  describe('between quick peers', () => {
    function quick(): Lan {
      const lan = new Lan();
      lan.start('a', 1, settings([router({ version: 3, advertInterval: millis(10), priority: 100 })]));
      lan.start('b', 2, settings([router({ version: 3, advertInterval: millis(10), priority: 90 })]));
      lan.runUntil(5);
      lan.forget('a');
      return lan;
    }

    it.each([
      [199, ['transmit', 'announce']],
      [220, ['remove-vips', 'transition']],
    ])('of %i ms, longer than they wait, is judged by how busy a machine may be where no rival was heard', (pause, kinds) => {
      const lan = quick();
      lan.now += millis(pause - 10);
      lan.handle('a', { kind: 'tick' });
      expect(lan.kinds('a')).toEqual(kinds);
    });

    it('makes it give way where a rival was heard', () => {
      const lan = quick();
      lan.now = lan.engine('b').nextDeadline() as number;
      lan.handle('b', { kind: 'tick' });
      expect([lan.state('a'), lan.state('b')]).toEqual(['backup', 'active']);
    });
  });

  it('that lost one advertisement makes it announce again', () => {
    const lan = running();
    lan.now = seconds(12);
    lan.handle('a', { kind: 'tick' });
    expect(lan.kinds('a')).toEqual(['transmit', 'announce']);
  });
});

describe('a pause of a backup', () => {
  it('of an interval or more starts its patience anew', () => {
    const lan = running();
    lan.now = seconds(20);
    lan.handle('b', { kind: 'pause', duration: seconds(10) });
    expect(lan.engine('b').nextDeadline()).toBe(seconds(20) + 3_648_437);
  });

  it('in which the silence became too long grants one interval more, once', () => {
    const lan = running();
    lan.cut('a', 'b');
    lan.now = (lan.engine('b').nextDeadline() as number) + millis(251);
    lan.handle('b', { kind: 'tick' });
    expect(lan.state('b')).toBe('backup');
    expect(lan.engine('b').nextDeadline()).toBe(lan.now + seconds(1));
    lan.now += seconds(2);
    lan.handle('b', { kind: 'tick' });
    expect(lan.state('b')).toBe('active');
  });

  it('that makes it look a little late excuses nobody', () => {
    const lan = running();
    lan.cut('a', 'b');
    lan.now = (lan.engine('b').nextDeadline() as number) + millis(250);
    lan.handle('b', { kind: 'tick' });
    expect(lan.state('b')).toBe('active');
  });

  it('does not excuse who has said farewell', () => {
    const lan = running();
    lan.handle('a', { kind: 'stop' });
    lan.now = (lan.engine('b').nextDeadline() as number) + seconds(1);
    lan.handle('b', { kind: 'tick' });
    expect(lan.state('b')).toBe('active');
  });

  it('shorter than an interval changes nothing', () => {
    const lan = running();
    const before = lan.engine('b').nextDeadline();
    lan.handle('b', { kind: 'pause', duration: millis(999) });
    expect(lan.engine('b').nextDeadline()).toBe(before);
  });

  it('does not make it judge before its packets are read: timers fire in tick only', () => {
    const lan = running();
    lan.now = seconds(13.5);
    lan.handle('b', { kind: 'link', interface: 'eth9', up: true });
    expect(lan.state('b')).toBe('backup');
  });
});
