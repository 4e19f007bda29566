import { describe, expect, it } from 'vitest';
import { formatLine, LineBudget } from './log.ts';

describe('formatLine', () => {
  it('looks like keepalived on a console', () => {
    const at = new Date(2026, 10, 1, 2, 5, 50);
    expect(formatLine('info', '(VI_1) Entering MASTER STATE', at, false)).toBe('Sun Nov  1 02:05:50 2026: (VI_1) Entering MASTER STATE\n');
  });

  it('gives journald the priority and leaves it the date', () => {
    expect(formatLine('warning', 'x', new Date(0), true)).toBe('<4>x\n');
  });
});

describe('LineBudget', () => {
  it('lets a burst through, then leaves lines out and says how many', () => {
    const budget = new LineBudget(0, { burst: 500, linesPerSecond: 100 });
    const written = Array.from({ length: 510 }, () => budget.take(0)).filter((left) => left !== undefined);
    expect(written).toHaveLength(500);
    expect(budget.take(1000)).toBe(10);
  });
});
