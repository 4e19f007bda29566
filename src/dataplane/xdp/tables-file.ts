/**
 * Which service and server has which number in the maps: written beside the pinned maps whenever it changes, so that a director that is
 * started again can go on with them.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { SCHEDULER_NAMES } from '../../model/index.ts';
import type { ServerEntry } from '../memory/index.ts';
import type { LocalAddresses } from './local-addresses.ts';
import type { PacketPath } from './program.ts';
import type { ServiceSlot } from './service-slot.ts';

const server = z.object({
  number: z.int(),
  address: z.string(),
  port: z.int(),
  method: z.enum(['dr', 'tun', 'nat', 'fullnat']),
  tunnel: z.object({ type: z.enum(['ipip', 'gue', 'gre']), port: z.int(), checksum: z.enum(['none', 'csum', 'remcsum']) }).optional(),
  weight: z.int(),
  upperThreshold: z.int(),
  lowerThreshold: z.int(),
});

const tables = z.object({
  /** Connections that the pinned tables have room for; a version before this one did not say. */
  sizes: z.object({ connections: z.int(), connections6: z.int() }).optional(),
  /** Of full NAT, those too that only connections still name. */
  localAddresses: z.array(z.object({ address: z.string(), number: z.int() })).optional(),
  services: z.array(
    z.object({
      index: z.int(),
      key: z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('address'), protocol: z.enum(['tcp', 'udp', 'sctp']), address: z.string(), port: z.int() }),
        z.object({ kind: z.literal('fwmark'), mark: z.int(), family: z.union([z.literal(4), z.literal(6)]) }),
      ]),
      scheduler: z.enum(SCHEDULER_NAMES),
      schedulerFlags: z.array(z.string()),
      onePacket: z.boolean().default(false),
      persistence: z.object({ timeoutSeconds: z.int(), prefixLength: z.int() }).optional(),
      defence: z.object({ synProxy: z.boolean(), sourceLimit: z.object({ perSecond: z.int(), burst: z.int() }).optional() }).optional(),
      localAddresses: z.array(z.string()).optional(),
      /** In microseconds. */
      timeouts: z.object({ tcp: z.int().optional(), tcpFin: z.int().optional(), udp: z.int().optional() }).optional(),
      /** In the order of adding. */
      servers: z.array(server),
    }),
  ),
});

export type SavedTables = z.infer<typeof tables>;

export function describeTables(
  path: PacketPath,
  slots: readonly ServiceSlot[],
  locals: LocalAddresses,
  numberOf: (server: ServerEntry) => number,
): SavedTables {
  return {
    localAddresses: locals.describe(),
    sizes: { connections: path.tableSize(4), connections6: path.tableSize(6) },
    services: slots.map(({ entry, index }) => {
      const { key, scheduler, schedulerFlags, persistence, onePacket, defence, localAddresses, timeouts } = entry.service;
      return {
        index,
        key: key.kind === 'fwmark' ? key : { ...key, address: String(key.address) },
        scheduler,
        schedulerFlags: [...schedulerFlags],
        onePacket,
        ...(persistence && { persistence }),
        ...(defence && { defence }),
        ...(timeouts && { timeouts }),
        ...(localAddresses && { localAddresses: localAddresses.map(String) }),
        servers: entry.servers.toReversed().map((server) => ({
          number: numberOf(server),
          address: String(server.address),
          port: server.port,
          method: server.method,
          ...(server.tunnel && { tunnel: server.tunnel }),
          weight: server.weight,
          upperThreshold: server.upperThreshold,
          lowerThreshold: server.lowerThreshold,
        })),
      };
    }),
  };
}

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
