/**
 * What the packet path of this version can do. Everything beyond it is read and lowered all the same, and refused with a reason: a
 * service that forwards in another way than asked for would look healthy and serve nobody.
 */
import type { Context } from './context.ts';
import type { Place } from './report.ts';

/** What it cannot do besides, as the beginning of a sentence. */
const MISSING = {
  persistenceEngines: 'A persistence engine is',
  tunnelChecksums: 'A checksum over the outer packet is',
} as const;

function refuse(what: string, place: Place, { reporter }: Context, help?: string): void {
  reporter.report('config/unsupported', place, `${what} understood but not acted on in this version.`, {
    ...(help !== undefined && { help }),
  });
}

/** `help` says what to write instead, where there is something. */
export function refuseFeature(feature: keyof typeof MISSING, place: Place, context: Context, help?: string): void {
  refuse(MISSING[feature], place, context, help);
}
