import { describe, expect, it } from 'vitest';
import { DEFAULT_FORWARDING_SETTINGS, type DefenceMode } from '../../model/index.ts';
import { defenceLevel, isOn } from './defence-level.ts';

const PLENTY = { available: 1024, threshold: 1024 };
const LOW = { available: 1023, threshold: 1024 };
const of = (mode: DefenceMode) => ({ ...DEFAULT_FORWARDING_SETTINGS, dropEntry: mode, dropPacket: mode, secureTcp: mode });

/** Each mode, then what it is after a second with enough memory and after one with too little. */
const MODES: readonly (readonly [DefenceMode, DefenceMode, DefenceMode])[] = [
  [0, 0, 0],
  [1, 1, 2],
  [2, 1, 2],
  [3, 3, 3],
];

describe('the level of the defences', () => {
  it.each(MODES)('of mode %i: with memory mode %i, without it mode %i, the same for all three', (mode, calm, pressed) => {
    const all = (now: DefenceMode) => ({ dropEntry: now, dropPacket: now, secureTcp: now });
    expect(defenceLevel(of(mode), [PLENTY]).modes).toEqual(all(calm));
    expect(defenceLevel(of(mode), [LOW]).modes).toEqual(all(pressed));
  });

  it.each([
    [0, false, false],
    [1, false, true],
    [2, false, true],
    [3, true, true],
  ] as const)('of mode %i is on: with memory %s, without it %s', (mode, calm, pressed) => {
    expect([[PLENTY], [LOW]].map((supplies) => isOn(defenceLevel(of(mode), supplies).modes.secureTcp))).toEqual([calm, pressed]);
  });

  it('flips each defence by itself', () => {
    const settings = { ...DEFAULT_FORWARDING_SETTINGS, dropEntry: 1, secureTcp: 3 } as const;
    expect(defenceLevel(settings, [LOW]).modes).toEqual({ dropEntry: 2, dropPacket: 0, secureTcp: 3 });
  });

  it.each([
    [0, PLENTY, 0],
    [0, LOW, 0],
    [1, PLENTY, 0],
    [1, LOW, 1024],
    [1, { available: 768, threshold: 1024 }, 4],
    [1, { available: 512, threshold: 1024 }, 2],
    [1, { available: 511, threshold: 1024 }, 1],
    [1, { available: 0, threshold: 1024 }, 1],
    [2, { available: 768, threshold: 1024 }, 4],
    [2, PLENTY, 0],
    [3, PLENTY, 10],
    [3, LOW, 10],
  ] as const)('drop_packet %i with %o refuses one of %i', (mode, supply, rate) => {
    const { dropRate, countsAnew } = defenceLevel(of(mode), [supply]);
    expect([dropRate, countsAnew]).toEqual([rate, mode !== 3 && rate > 0]);
  });

  it('goes by what is scarcest', () => {
    const table = { available: 1, threshold: 10 };
    const rates = [
      [PLENTY, table],
      [LOW, table],
      [
        { available: 900, threshold: 1024 },
        { available: 8, threshold: 10 },
      ],
      [PLENTY, PLENTY],
    ].map((supplies) => defenceLevel(of(1), supplies).dropRate);
    expect(rates).toEqual([1, 1, 5, 0]);
  });

  it('has the rate that is set in mode 3', () => {
    expect(defenceLevel({ ...of(3), dropRate: 2 }, [PLENTY]).dropRate).toBe(2);
  });

  it('knows no scarcity where nothing is measured', () => {
    expect(defenceLevel(of(2), []).modes.dropEntry).toBe(1);
  });
});
