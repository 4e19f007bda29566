import { describe, expect, it } from 'vitest';
import { freePagesOf, readFreePages } from './memory.ts';

const MEMINFO = `MemTotal:        8031936 kB
MemFree:          216044 kB
MemAvailable:    5632100 kB
Buffers:           10006 kB
Cached:          5215432 kB
`;

describe('free pages', () => {
  it('are free and buffered memory, without the page cache', () => {
    expect(freePagesOf(MEMINFO)).toBe(56_512);
  });

  it('are not guessed where the lines are missing', () => {
    expect(() => freePagesOf('MemFree: 1 kB\n')).toThrow('Buffers');
  });

  it('are read of this machine', () => {
    expect(readFreePages()).toBeGreaterThan(0);
  });
});
