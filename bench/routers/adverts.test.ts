import { describe, expect, it } from 'vitest';
import { changedRouters, latenessMs } from './adverts.ts';

const adverts = [
  { atMs: 0, router: 'w1 1', priority: 150 },
  { atMs: 500, router: 'w1 2', priority: 150 },
  { atMs: 1003, router: 'w1 1', priority: 150 },
  { atMs: 1498, router: 'w1 2', priority: 150 },
  { atMs: 2010, router: 'w1 1', priority: 149 },
];

describe('captured advertisements', () => {
  it('are as late as the latest of them', () => {
    expect(latenessMs(adverts, 1000)).toBe(7);
    expect(latenessMs(adverts.slice(0, 2), 1000)).toBe(0);
  });

  it('tell which routers were changed', () => {
    expect(changedRouters(adverts)).toEqual(['w1 1']);
    expect(changedRouters(adverts.slice(0, 4))).toEqual([]);
  });
});
