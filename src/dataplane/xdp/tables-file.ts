/**
 * Which service and server has which number in the maps: written beside the pinned maps whenever it changes, so that a director that is
 * started again can go on with them.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { SCHEDULER_NAMES } from '../../model/index.ts';

const server = z.object({
  number: z.int(),
  address: z.string(),
  port: z.int(),
  method: z.enum(['dr', 'tun', 'nat']),
  tunnel: z.object({ type: z.enum(['ipip', 'gue', 'gre']), port: z.int(), checksum: z.enum(['none', 'csum', 'remcsum']) }).optional(),
  weight: z.int(),
  upperThreshold: z.int(),
  lowerThreshold: z.int(),
});

const tables = z.object({
  services: z.array(
    z.object({
      index: z.int(),
      protocol: z.enum(['tcp', 'udp']),
      address: z.string(),
      port: z.int(),
      scheduler: z.enum(SCHEDULER_NAMES),
      schedulerFlags: z.array(z.string()),
      persistence: z.object({ timeoutSeconds: z.int(), prefixLength: z.int() }).optional(),
      /** In the order of adding. */
      servers: z.array(server),
    }),
  ),
});

export type SavedTables = z.infer<typeof tables>;

export function saveTables(path: string, saved: SavedTables): void {
  writeFileSync(`${path}.new`, JSON.stringify(saved), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Undefined when there is none, or none that can be read: then nothing is taken over. */
export function loadTables(path: string): SavedTables | undefined {
  try {
    return tables.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return undefined;
  }
}
