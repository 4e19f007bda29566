import { describe, expect, it } from 'vitest';
import { ipProtocolNumber, parseNumber, RouteNames } from './route-names.ts';

describe('names of ip-route(8)', () => {
  it('are numbers, names of files or well known', () => {
    const names = new RouteNames(['/etc'], (path) => (path === '/etc/rt_protos' ? '77 mine\n  # 78 not\n79\n300 large\n' : undefined));
    expect(['mine', '0x10', 'keepalived', 'not', 'large', '256', 'toString'].map((text) => names.number('protocol', text))).toEqual([
      77,
      16,
      18,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(names.number('table', 'mine')).toBeUndefined();
    expect(names.candidates('protocol')).toContain('mine');
  });

  it('are read once', () => {
    let reads = 0;
    const names = new RouteNames(['/a', '/b'], () => {
      reads++;
      return '';
    });
    for (let i = 0; i < 3; i++) names.number('scope', 'nothing');
    expect(reads).toBe(2);
  });

  it.each([
    ['7', 7],
    ['0x1F', 31],
    ['-1', undefined],
    ['1e3', undefined],
    ['', undefined],
    ['101', undefined],
  ])('%j is %j', (text, expected) => {
    expect(parseNumber(text, 100)).toBe(expected);
  });

  it('know IP protocols', () => {
    expect(['tcp', 'TCP', '112', '256', 'constructor'].map(ipProtocolNumber)).toEqual([6, 6, 112, undefined, undefined]);
  });
});
