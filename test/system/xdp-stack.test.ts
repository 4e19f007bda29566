import { beforeAll, describe, expect, it } from 'vitest';
import { deepestChains } from './bpf-stack.ts';
import { ensureBuilt } from './support.ts';
import { OBJECT_PATH } from './xdp-support.ts';

const LIMIT = 512;

describe('the packet path', () => {
  beforeAll(ensureBuilt);

  it('needs no more stack than Linux 6.1 allows over a chain of calls', () => {
    const chains = deepestChains(OBJECT_PATH);
    expect(chains.length).toBeGreaterThan(20);
    // Calls are seen: no program goes so deep by itself, for they all share what they call.
    expect(Math.max(...chains.map(({ names }) => names.length))).toBeGreaterThan(4);
    expect(chains.filter(({ bytes }) => bytes > LIMIT)).toEqual([]);
  });
});
