/** The one suite that every data plane passes: IPVS's semantics for IPv4, TCP and UDP, direct routing and full NAT, rr and wrr. */
import { afterEach, beforeEach, describe } from 'vitest';
import { describeConnections } from './connections.ts';
import { describeFullNat } from './fullnat.ts';
import { Bed, type Capabilities, type Context, type Harness } from './harness.ts';
import { describePersistence } from './persistence.ts';
import { describeScheduling } from './scheduling.ts';
import { describeStatistics } from './statistics.ts';
import { describeTables } from './tables.ts';

/** Declares the suite for one data plane. `makeHarness` is called before each case and gives an empty, running plane. */
export function describeDataPlaneCompliance(name: string, makeHarness: () => Harness, capabilities: Capabilities): void {
  describe(`data plane compliance: ${name}`, () => {
    let bed: Bed | undefined;
    beforeEach(() => {
      bed = new Bed(makeHarness());
    });
    afterEach(() => {
      bed?.harness.close();
      bed = undefined;
    });
    const context: Context = {
      ...capabilities,
      bed: () => {
        if (!bed) throw new Error('a bed exists only within a case');
        return bed;
      },
    };
    describeTables(context);
    describeScheduling(context);
    describeConnections(context);
    describeFullNat(context);
    describePersistence(context);
    describeStatistics(context);
  });
}
