/**
 * What the daemon says and accepts on its socket, as schemas: one source for the server's answers, the client's types and the documents.
 * Addresses are text, times are seconds, counters are numbers.
 */
import { z } from 'zod';
import { SCHEDULER_NAMES } from '../model/index.ts';

const family = z.union([z.literal(4), z.literal(6)]);
const protocol = z.enum(['tcp', 'udp', 'sctp']);

export const serviceKeySchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('address'), protocol, address: z.string(), port: z.int().min(0).max(65535) }),
  z.object({ kind: z.literal('fwmark'), mark: z.int().min(1), family }),
]);

export const virtualServiceSchema = z.object({
  key: serviceKeySchema,
  scheduler: z.enum(SCHEDULER_NAMES),
  schedulerFlags: z.array(z.string()),
  persistence: z.object({ timeoutSeconds: z.int(), prefixLength: z.int() }).optional(),
  onePacket: z.boolean(),
});

export const serverKeySchema = z.object({ address: z.string(), port: z.int().min(0).max(65535) });

export const realServerSchema = serverKeySchema.extend({
  method: z.enum(['dr', 'tun', 'nat', 'fullnat']),
  weight: z.int().min(0).max(2147483647),
  upperThreshold: z.int().min(0),
  lowerThreshold: z.int().min(0),
});

const fiveNumbers = z.object({
  connections: z.number(),
  inPackets: z.number(),
  outPackets: z.number(),
  inBytes: z.number(),
  outBytes: z.number(),
});

export const serverStatusSchema = realServerSchema.extend({
  activeConnections: z.int(),
  inactiveConnections: z.int(),
  persistentConnections: z.int(),
  counters: fiveNumbers,
  rates: fiveNumbers,
});

export const serviceStatusSchema = virtualServiceSchema.extend({
  servers: z.array(serverStatusSchema),
  counters: fiveNumbers,
  rates: fiveNumbers,
});

export const tablesSchema = z.object({ tableSize: z.int(), services: z.array(serviceStatusSchema) });

export const connectionSchema = z.object({
  protocol: z.enum(['tcp', 'udp', 'sctp', 'ip']),
  state: z.string(),
  expiresSeconds: z.number(),
  client: z.string(),
  clientPort: z.int(),
  virtual: z.string(),
  virtualPort: z.int(),
  server: z.string(),
  serverPort: z.int(),
});

export const connectionsSchema = z.object({ connections: z.array(connectionSchema) });

/** Seconds. */
export const timeoutsSchema = z.object({ tcp: z.number(), tcpFin: z.number(), udp: z.number() });

/** A change to the tables, one for each of the data plane's operations. */
export const tableChangeSchema = z.discriminatedUnion('operation', [
  z.object({ operation: z.literal('add-service'), service: virtualServiceSchema }),
  z.object({ operation: z.literal('edit-service'), service: virtualServiceSchema }),
  z.object({ operation: z.literal('delete-service'), key: serviceKeySchema }),
  z.object({ operation: z.literal('add-server'), key: serviceKeySchema, server: realServerSchema }),
  z.object({ operation: z.literal('edit-server'), key: serviceKeySchema, server: realServerSchema }),
  z.object({ operation: z.literal('delete-server'), key: serviceKeySchema, server: serverKeySchema }),
  z.object({ operation: z.literal('flush') }),
  z.object({ operation: z.literal('zero'), key: serviceKeySchema.optional() }),
  z.object({ operation: z.literal('set-timeouts'), timeouts: timeoutsSchema.partial() }),
]);

/** keepalived's words for the states, because operators read them. */
const vrrpStateSchema = z.enum(['INIT', 'BACKUP', 'MASTER', 'FAULT']);

export const routerStatusSchema = z.object({
  name: z.string(),
  interface: z.string(),
  vrid: z.int(),
  state: vrrpStateSchema,
  basePriority: z.int(),
  effectivePriority: z.int(),
  masterAddress: z.string().optional(),
  vips: z.array(z.string()),
  advertsSent: z.int(),
  advertsReceived: z.int(),
  becameMaster: z.int(),
  releasedMaster: z.int(),
  rejected: z.record(z.string(), z.int()),
});

export const groupStatusSchema = z.object({ name: z.string(), state: vrrpStateSchema, members: z.array(z.string()) });

export const vrrpStatusSchema = z.object({ routers: z.array(routerStatusSchema), groups: z.array(groupStatusSchema) });

const checkedServerSchema = z.object({
  server: z.string(),
  verdict: z.enum(['up', 'down', 'undecided']),
  configuredWeight: z.int(),
  /** In the data plane; absent while the server is not in the table. */
  weight: z.int().optional(),
  reason: z.string().optional(),
});

export const serviceHealthSchema = z.object({
  service: z.string(),
  quorum: z.enum(['undecided', 'up', 'lost']),
  sorryServer: z.object({ server: z.string(), active: z.boolean() }).optional(),
  servers: z.array(checkedServerSchema),
});

export const statusSchema = z.object({
  version: z.string(),
  routerId: z.string(),
  uptimeSeconds: z.number(),
  configurationFiles: z.array(z.string()),
  dataPlane: z.object({
    kind: z.string(),
    interfaces: z.array(z.object({ name: z.string(), mode: z.string() })),
    repairs: z.int(),
    /** Packets that did not simply go to a real server, by numbered reason. */
    reasons: z.record(z.string(), z.int()),
  }),
  failover: z.object({ alive: z.boolean() }),
  vrrp: vrrpStatusSchema,
  services: z.array(serviceHealthSchema),
});

/** Every refusal, with a stable code; for a table change the data plane's own code. */
export const errorSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

export type TablesReport = z.infer<typeof tablesSchema>;
export type TableChange = z.infer<typeof tableChangeSchema>;
export type StatusReport = z.infer<typeof statusSchema>;
export type VrrpStatusReport = z.infer<typeof vrrpStatusSchema>;
export type RouterStatusReport = z.infer<typeof routerStatusSchema>;
export type ServiceHealthReport = z.infer<typeof serviceHealthSchema>;
