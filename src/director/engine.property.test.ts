import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Desk, row, SORRY, server, service } from './harness.ts';

describe('whatever happens', () => {
  const addresses = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];
  const act = fc.oneof(
    fc.record({ do: fc.constantFrom('up' as const, 'down' as const), address: fc.constantFrom(...addresses) }),
    fc.record({ do: fc.constant('override' as const), address: fc.constantFrom(...addresses), weight: fc.constantFrom(0, 2, undefined) }),
    fc.record({ do: fc.constant('configure' as const), present: fc.subarray(addresses), sorry: fc.boolean(), inhibit: fc.boolean() }),
  );

  it('the table holds live servers only, the sorry server exactly while the quorum is lost, and rows never change places', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.array(act, { maxLength: 40 }), (quorum, acts) => {
        const desk = new Desk();
        let sorry = true;
        let order: string[] = [];
        desk.configure(service({ quorum, sorryServer: row(SORRY), servers: addresses.map((address) => server(address)) }));
        for (const next of acts) {
          if (next.do === 'configure') {
            sorry = next.sorry;
            const servers = next.present.map((address) => server(address, { inhibitOnFailure: next.inhibit }));
            desk.configure(service({ quorum, servers, ...(sorry ? { sorryServer: row(SORRY) } : {}) }));
          } else if (next.do === 'override') desk.override(next.address, next.weight);
          else desk[next.do](next.address);

          const [state] = desk.engine.snapshot();
          const rows = new Map(desk.tables[0]?.servers.map((entry) => [`${entry.address}`, entry.weight]));
          const displaced = sorry && state?.quorum.state === 'lost';
          expect(rows.has(SORRY)).toBe(displaced);
          for (const entry of state?.servers ?? []) {
            const weight = rows.get(`${entry.address}`);
            const serving = entry.health === 'up' && !displaced;
            expect(weight).toBe(entry.effectiveWeight);
            expect(weight ?? 0).toBe(serving ? (entry.override ?? entry.weight) : 0);
            expect(serving && weight === undefined).toBe(false);
          }
          const stayed = order.filter((address) => rows.has(address));
          order = [...rows.keys()];
          expect(order.slice(0, stayed.length)).toEqual(stayed);
        }
      }),
      { numRuns: 300 },
    );
  });
});
