import { describe, expect, it } from 'vitest';
import { parseWrk } from '../../bench/http/measure.ts';
import { formatReport, missedTargets, rowsOf } from '../../bench/http/report.ts';
import { median } from '../../bench/report.ts';

const WRK = `Running 2s test @ http://192.168.18.201/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.71ms    1.96ms  24.91ms   89.28%
    Req/Sec    19.35k     3.09k   25.33k    70.00%
  38533 requests in 2.00s, 9.74MB read
Requests/sec:  19247.85
Transfer/sec:      4.86MB
`;

describe("wrk's report", () => {
  it('is read', () => {
    expect(parseWrk(WRK, 'x')).toBe(19247.85);
  });

  it('is refused when it counts errors or says nothing', () => {
    const timeouts = WRK.replace('Requests/sec', '  Socket errors: connect 0, read 0, write 0, timeout 3\nRequests/sec');
    expect(() => parseWrk(timeouts, 'x')).toThrow('x: Socket errors: connect 0, read 0, write 0, timeout 3');
    expect(() => parseWrk(WRK.replace('Requests/sec', '  Non-2xx or 3xx responses: 7\nRequests/sec'), 'x')).toThrow('responses: 7');
    expect(() => parseWrk('unable to connect', 'x')).toThrow('did not report a rate');
  });
});

describe('the http bench', () => {
  const rates = (ours: number): { name: string; rate: number }[] => [
    { name: 'direct', rate: 1000 },
    { name: 'vipwright', rate: ours },
    { name: 'haproxy', rate: 500 },
  ];

  it('makes a row for each peer, with the direct connection as the floor', () => {
    expect(rowsOf('keep-alive', rates(850))).toEqual([
      { case: 'keep-alive', ours: 850, peer: 1000, peerName: 'direct', floor: 1000, unit: 'requests/s', ratio: 0.85 },
      { case: 'keep-alive', ours: 850, peer: 500, peerName: 'haproxy', floor: 1000, unit: 'requests/s', ratio: 1.7 },
    ]);
  });

  it('names the targets that were missed, also those that were not measured', () => {
    expect(missedTargets(rowsOf('keep-alive', rates(850)))).toEqual([]);
    expect(missedTargets(rowsOf('keep-alive', rates(790)))).toEqual(['keep-alive: 0.79 of direct, at least 0.8 is wanted']);
    expect(missedTargets(rowsOf('keep-alive', rates(700)))).toHaveLength(2);
    expect(missedTargets([])).toHaveLength(2);
    expect(formatReport(rowsOf('keep-alive', rates(790)))).toContain('(target 0.8: missed)');
  });

  it('takes the median', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(() => median([])).toThrow('nothing was measured');
  });
});
