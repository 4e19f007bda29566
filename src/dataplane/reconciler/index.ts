/** From the tables that the director wants to the calls of the data plane. Pure, given a data plane and the time. */
export type { Operation } from './plan.ts';
export { type Failure, Reconciler, type ReconcilerOptions, type ReconcileSummary, type ReconcileTotals } from './reconciler.ts';
