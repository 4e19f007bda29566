import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assert, millis } from '../base/index.ts';
import { Bench, checkedService, http, OK, tcp, VIP } from './harness.ts';

describe('whatever servers and reloads do', () => {
  const addresses = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];
  const subset = fc.subarray(addresses);
  const act = fc.oneof(
    fc.record({ do: fc.constant('configure' as const), tcp: subset, http: subset, haSuspend: fc.boolean() }),
    fc.record({ do: fc.constant('addresses' as const), here: fc.boolean() }),
    fc.record({ do: fc.constantFrom('connected' as const, 'ended' as const, 'broken' as const, 'starved' as const), pick: fc.nat(5) }),
    fc.record({
      do: fc.constant('data' as const),
      pick: fc.nat(5),
      text: fc.constantFrom(OK, 'HTTP/1.0 500 x\r\n\r\n', 'garbage', 'HTTP/1.0 2', ''),
    }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.nat(7000) }),
  );

  it('no connection is left behind, the limit holds, and every check goes on', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const bench = new Bench({ maxConnections: 2 });
        const live = new Set<number>();
        const states = new Map<string, string>();
        let haSuspend = false;
        let here = false;
        const look = () => {
          for (const effect of bench.effects()) {
            if (effect.type === 'open') live.add(effect.connection);
            assert(effect.type !== 'close' || live.delete(effect.connection), 'closes what is open');
            assert(effect.type !== 'send' || live.has(effect.connection), 'sends on what is open');
            if (effect.type === 'verdict') {
              const id = `${effect.verdict.server.address}`;
              assert(states.get(id) !== effect.verdict.state, 'says no verdict twice');
              states.set(id, effect.verdict.state);
            }
          }
          const counts = bench.engine.counts();
          expect(live.size).toBe(counts.openConnections);
          expect(live.size).toBeLessThanOrEqual(2);
          // Each probe is waiting for a time, talking before a deadline, or ready because the limit is reached.
          const runs = counts.probes > 0 && (here || !haSuspend);
          expect(bench.engine.nextDeadline() !== undefined).toBe(runs);
          assert(runs || live.size === 0, 'nothing is open while the checks are suspended');
          assert(counts.waiting === 0 || live.size === 2, 'waits only for a free connection');
        };
        for (const next of acts) {
          if (next.do === 'configure') {
            states.clear(); // a server that left and came back is new
            const checks = (address: string) => [
              ...(next.tcp.includes(address) ? [tcp(address)] : []),
              ...(next.http.includes(address) ? [http(address)] : []),
            ];
            haSuspend = next.haSuspend;
            const service = checkedService(VIP, Object.fromEntries(addresses.map((address) => [address, checks(address)])));
            bench.configure({ ...service, haSuspend });
          } else if (next.do === 'addresses') {
            here = next.here;
            bench.event({ type: 'addresses', addresses: new Set(here ? [VIP] : []) });
          } else if (next.do === 'wait') {
            bench.until(bench.now + millis(next.ms));
          } else {
            const connection = [...live][next.pick] ?? 99_999;
            if (next.do === 'data') bench.event({ type: 'data', connection, bytes: new TextEncoder().encode(next.text) });
            else if (next.do === 'connected' || next.do === 'ended') bench.event({ type: next.do, connection });
            else bench.event({ type: next.do, connection, error: 'ECONNRESET' });
          }
          look();
        }
        bench.event({ type: 'stop' });
        for (const effect of bench.effects()) if (effect.type === 'close') live.delete(effect.connection);
        expect(live.size).toBe(0);
        expect(bench.engine.nextDeadline()).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });
});
