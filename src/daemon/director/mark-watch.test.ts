import { describe, expect, it } from 'vitest';
import type { MarkRule } from '../../model/index.ts';
import { MarkWatch } from './mark-watch.ts';

const MARKING = '-A PREROUTING -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x1/0xffffffff';
const STRANGE = '-A PREROUTING -m set --match-set web dst -j MARK --set-xmark 0x2/0xffffffff';

function setting(texts: string[], hasMarks = true) {
  const log: string[] = [];
  const given: (readonly MarkRule[])[] = [];
  let asked = 0;
  const plane = { hasMarks, setMarkRules: (rules: readonly MarkRule[]) => void given.push(rules) };
  const list = async () => {
    asked++;
    const iptables = texts.length > 1 ? texts.shift() : texts[0];
    if (iptables === 'broken') throw new Error('no more processes');
    return { iptables: iptables as string };
  };
  const watch = new MarkWatch(plane, { log: (level, message) => void log.push(`${level}: ${message}`) }, list);
  return { watch, log, given, asked: () => asked };
}

describe('the watch over marks', () => {
  it('gives the rules on, and says once what it cannot follow, until that is gone', async () => {
    const { watch, log, given } = setting([`${MARKING}\n${STRANGE}`, `${MARKING}\n${STRANGE}`, MARKING, `${MARKING}\n${STRANGE}`]);
    for (let look = 0; look < 4; look++) await watch.look();
    expect(given.map((rules) => rules.length)).toEqual([1, 1, 1, 1]);
    const line = `warning: The packet path does not follow the firewall rule "${STRANGE}": its match set is not known`;
    expect(log).toEqual([line, line]);
  });

  it('says that no rule gives a mark', async () => {
    const { watch, log, given } = setting(['*mangle\nCOMMIT']);
    await watch.look();
    expect([given, log]).toEqual([
      [[]],
      ['warning: No firewall rule that can be followed gives a mark: the services by mark get no packets'],
    ]);
  });

  it('keeps what there was when the firewall cannot be asked', async () => {
    const { watch, log, given } = setting(['broken']);
    await watch.look();
    expect([given, log]).toEqual([[], ["error: The firewall's marks stay as they were: no more processes"]]);
  });

  it('looks at the first tick and every fifth after it, and only for somebody', () => {
    const some = setting([MARKING]);
    some.watch.tick();
    expect(some.asked()).toBe(1);
    const none = setting([MARKING], false);
    for (let tick = 0; tick < 11; tick++) none.watch.tick();
    expect(none.asked()).toBe(0);
  });
});
