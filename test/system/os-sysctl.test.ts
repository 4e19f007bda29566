/** Kernel settings that are ours for a while. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSysctl, restoreSysctls, SysctlKeeper, type SysctlName } from '../../src/os/sysctl/index.ts';
import { inNamespace, isRoot, VethPair } from './support.ts';

const NAME: SysctlName = ['net', 'ipv4', 'conf', 'eth0', 'arp_ignore'];

describe.runIf(isRoot())('a sysctl keeper', () => {
  let pair: VethPair;
  let problems: string[];
  const keep = (action: (keeper: SysctlKeeper) => void): void =>
    inNamespace(pair.first, () => action(new SysctlKeeper((problem) => problems.push(problem))));

  beforeEach(() => {
    pair = new VethPair('sy');
    problems = [];
  });
  afterEach(() => pair.remove());

  it('sets what is wanted, and puts back what is wanted no longer', () => {
    keep((keeper) => {
      keeper.want([{ name: NAME, value: 1 }]);
      expect(readSysctl(NAME)).toBe('1');
      keeper.want([{ name: NAME, value: 2 }]);
      expect(readSysctl(NAME)).toBe('2');
      expect(keeper.saved()).toEqual([{ name: NAME, value: '0' }]);
      expect(keeper.original(NAME)).toBe('0');
      keeper.want([]);
      expect(readSysctl(NAME)).toBe('0');
      expect(keeper.saved()).toEqual([]);
    });
    expect(problems).toEqual([]);
  });

  it('passes over settings that do not exist, and reports those that refuse', () => {
    keep((keeper) => {
      keeper.want([
        { name: ['net', 'ipv4', 'conf', 'no-such-link', 'arp_ignore'], value: 1 },
        { name: ['net', 'ipv4', 'conf', 'eth0', 'arp_ignore'], value: 'nonsense' },
      ]);
    });
    expect(problems).toHaveLength(1);
  });

  it('can be replaced by somebody who was told the former values', () => {
    keep((keeper) => {
      keeper.want([{ name: NAME, value: 1 }]);
      const saved = [...keeper.saved(), { name: ['net', 'ipv4', 'conf', 'gone', 'arp_ignore'], value: '0' }];
      restoreSysctls(saved, (problem) => problems.push(problem));
      expect(readSysctl(NAME)).toBe('0');
    });
    expect(problems).toEqual([]);
  });
});
