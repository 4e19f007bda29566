import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { millis } from '../../base/index.ts';
import { monotonicNow } from '../ffi/index.ts';
import { Reactor, wakeReactor } from './reactor.ts';

/** Long enough to be asleep before it and awake in it, on a busy machine too. */
const AHEAD = millis(30);
const LEAD = millis(20);

describe('a timer with a lead', () => {
  const story: string[] = [];
  let deadline: number;
  let reactor: Reactor;

  beforeEach(() => {
    story.length = 0;
    deadline = monotonicNow() + AHEAD;
    reactor = new Reactor({ onWake: () => story.push('wake') });
  });
  afterEach(() => reactor.close());

  const inTime = (): string => (monotonicNow() >= deadline ? 'expired' : 'expired too early');
  const expire = (): void => {
    story.push(inTime());
    reactor.stop();
  };

  it('says that it is near until it is very near, also when it is armed anew for the same instant, and fires no earlier than without', () => {
    const timer = reactor.timer(expire, () => {
      story.push('near');
      timer.arm(deadline, LEAD);
    });
    timer.arm(deadline, LEAD);
    reactor.run();
    timer.close();
    expect([...new Set(story)]).toEqual(['near', 'expired']);
  });

  it('serves what comes in while it is near', () => {
    const timer = reactor.timer(expire, () => wakeReactor(reactor.wakeFd));
    timer.arm(deadline, LEAD);
    reactor.run();
    timer.close();
    expect([...new Set(story)]).toEqual(['wake', 'expired']);
  });

  it('serves what came in before it fires, also when it was kept away until its deadline was past', () => {
    const timer = reactor.timer(expire, (now) => {
      expect(now).toBeLessThan(deadline);
      wakeReactor(reactor.wakeFd);
      while (monotonicNow() <= deadline);
    });
    timer.arm(deadline, LEAD);
    reactor.run();
    timer.close();
    expect(story).toEqual(['wake', 'expired']);
  });

  it('is called off, or put off, while it is near', () => {
    const timer = reactor.timer(expire, () => {
      story.push('near');
      timer.disarm();
      deadline += AHEAD;
      timer.arm(deadline);
    });
    timer.arm(deadline, LEAD);
    reactor.run();
    timer.close();
    expect(story).toEqual(['near', 'expired']);
  });

  it('fires at once for an instant that is past', () => {
    deadline = 1;
    const timer = reactor.timer(expire, () => story.push('near'));
    timer.arm(deadline, LEAD);
    reactor.run();
    timer.close();
    expect(story).toEqual(['expired']);
  });
});
