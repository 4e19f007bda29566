import { describe, expect, it } from 'vitest';
import { DirectorWatch } from './director-watch.ts';

/** What so many looks in a row give. */
const looks = (watch: DirectorWatch, count: number, isStopped = false): (string | undefined)[] =>
  Array.from({ length: count }, () => watch.look(isStopped));

describe('the watch over the director process', () => {
  it('ends one that five looks in a row find stopped, and counts anew then', () => {
    const watch = new DirectorWatch();
    expect(looks(watch, 4, true)).toEqual(Array(4).fill(undefined));
    expect(looks(watch, 1)).toEqual([undefined]);
    expect(looks(watch, 9, true).map((reason) => reason !== undefined)).toEqual([
      false,
      false,
      false,
      false,
      true,
      false,
      false,
      false,
      false,
    ]);
    expect(new DirectorWatch().look(true)).toBeUndefined();
  });

  it('ends one that has left thirty questions unanswered', () => {
    const watch = new DirectorWatch();
    expect(looks(watch, 30)).toEqual(Array(30).fill(undefined));
    expect(looks(watch, 1)).toEqual(['has not answered for 30 s']);
    expect(looks(watch, 30)).toEqual(Array(30).fill(undefined));
  });

  it('is content with any word, and asks nothing of one that is stopped', () => {
    const watch = new DirectorWatch();
    looks(watch, 30);
    watch.heard();
    expect(looks(watch, 30)).toEqual(Array(30).fill(undefined));
    expect(watch.look(true)).toBeUndefined();
    expect(looks(watch, 30)).toEqual(Array(30).fill(undefined));
    watch.reset();
    expect(looks(watch, 30)).toEqual(Array(30).fill(undefined));
  });
});
