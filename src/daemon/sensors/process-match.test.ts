import { describe, expect, it } from 'vitest';
import type { TrackProcess } from '../../model/index.ts';
import { isMatch } from './process-match.ts';

const wanted: TrackProcess = {
  name: 'p',
  command: 'haproxy',
  parameters: [],
  parameterMatch: 'any',
  fullCommand: false,
  weight: { weight: 0, reverse: false },
  quorum: 1,
  terminateDelay: 0,
  forkDelay: 0,
};
const process = { name: 'haproxy', words: ['/usr/sbin/haproxy', '-f', '/etc/haproxy.cfg'] };

describe('a tracked process', () => {
  it('is known by its name, of which the kernel keeps 15 characters', () => {
    expect(isMatch(wanted, process)).toBe(true);
    expect(isMatch({ ...wanted, command: '/usr/sbin/haproxy' }, process)).toBe(true);
    expect(isMatch({ ...wanted, command: 'nginx' }, process)).toBe(false);
    expect(isMatch({ ...wanted, command: 'a-name-of-more-than-15' }, { name: 'a-name-of-more-', words: [] })).toBe(true);
  });

  it('is known by its whole command where the file says so', () => {
    const full = { ...wanted, fullCommand: true };
    expect(isMatch({ ...full, command: '/usr/sbin/haproxy' }, process)).toBe(true);
    expect(isMatch(full, process)).toBe(false);
  });

  it.each<[TrackProcess['parameterMatch'], string[], boolean]>([
    ['exact', ['-f', '/etc/haproxy.cfg'], true],
    ['exact', ['-f'], false],
    ['initial', ['-f'], true],
    ['initial', ['-g'], false],
    ['partial', ['-f', '/etc/hap'], true],
    ['partial', ['/etc'], false],
    ['partial', ['-f', '/etc/haproxy.cfg', 'x'], false],
  ])('with %s parameters %j matches: %j', (parameterMatch, parameters, matches) => {
    expect(isMatch({ ...wanted, parameterMatch, parameters }, process)).toBe(matches);
  });
});
