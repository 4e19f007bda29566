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

const countOfConnections = z.int().min(1).max(1_000_000);

export const defenceSchema = z.object({
  synProxy: z.boolean(),
  sourceLimit: z.object({ perSecond: countOfConnections, burst: countOfConnections }).optional(),
});

/** Seconds. */
export const timeoutsSchema = z.object({ tcp: z.number(), tcpFin: z.number(), udp: z.number() });

export const virtualServiceSchema = z.object({
  key: serviceKeySchema,
  scheduler: z.enum(SCHEDULER_NAMES),
  schedulerFlags: z.array(z.string()),
  persistence: z.object({ timeoutSeconds: z.int(), prefixLength: z.int() }).optional(),
  onePacket: z.boolean(),
  persistenceEngine: z.string().optional(),
  defence: defenceSchema.optional(),
  localAddresses: z.array(z.string()).optional(),
  timeouts: timeoutsSchema.partial().optional(),
});

const method = z.enum(['dr', 'tun', 'nat', 'fullnat']);

/** Absent means IPIP, and nothing with another method than `tun`. */
const tunnel = z.object({
  type: z.enum(['ipip', 'gue', 'gre']),
  port: z.int().min(0).max(65535),
  checksum: z.enum(['none', 'csum', 'remcsum']),
});

export const serverKeySchema = z.object({ address: z.string(), port: z.int().min(0).max(65535) });

export const realServerSchema = serverKeySchema.extend({
  method,
  tunnel: tunnel.optional(),
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
  /** Full NAT: where the server sees the connection come from. */
  local: z.object({ address: z.string(), port: z.int() }).optional(),
});

export const connectionsSchema = z.object({ connections: z.array(connectionSchema) });

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

/** A packet that could come: where would it go? */
export const traceRequestSchema = z.object({
  protocol: z.enum(['tcp', 'udp', 'sctp', 'icmp']),
  source: z.string(),
  sourcePort: z.int().min(0).max(65535),
  destination: z.string(),
  destinationPort: z.int().min(0).max(65535),
  flag: z.enum(['syn', 'ack', 'fin', 'rst']).optional(),
  interface: z.string().optional(),
  /** Bytes from the IP header on. */
  length: z.int().optional(),
  /** TTL or hop limit. */
  hops: z.int().optional(),
});

/** See TraceReport of the data plane's port. */
export const traceReportSchema = z.object({
  interface: z.string(),
  packet: z.array(z.string()),
  fate: z.enum(['forwarded', 'answered', 'passed', 'dropped']),
  reason: z.object({ number: z.int().optional(), name: z.string().optional(), meaning: z.string(), remedy: z.string() }).optional(),
  service: z.string().optional(),
  scheduler: z.string().optional(),
  connection: z
    .object({
      kind: z.enum(['existing', 'new']),
      state: z.string().optional(),
      secondsLeft: z.number().optional(),
      nextState: z.string().optional(),
      nextSecondsLeft: z.number().optional(),
      local: z.string().optional(),
      synProxy: z.enum(['awaits-server', 'translates']).optional(),
    })
    .optional(),
  template: z.object({ kind: z.enum(['existing', 'new']), client: z.string(), secondsLeft: z.number() }).optional(),
  server: z
    .object({ server: z.string(), method, tunnel: tunnel.optional(), by: z.enum(['connection', 'template', 'scheduler', 'reply']) })
    .optional(),
  candidates: z
    .array(
      z.object({
        server: z.string(),
        weight: z.int(),
        activeConnections: z.int(),
        inactiveConnections: z.int(),
        overloaded: z.boolean(),
      }),
    )
    .optional(),
  out: z.object({ interface: z.string(), packet: z.array(z.string()) }).optional(),
});

/** Weight 0 now, and the end of the connections that are left at the deadline; or with `restore` the file's weight again. */
export const drainRequestSchema = z.object({
  service: serviceKeySchema,
  server: serverKeySchema,
  deadlineSeconds: z.number().min(0).max(31_536_000).optional(),
  restore: z.boolean().optional(),
});

export const drainsSchema = z.object({
  drains: z.array(
    z.object({
      service: serviceKeySchema,
      server: serverKeySchema,
      /** `empty`: no connection is left. `ended`: the deadline came first. */
      state: z.enum(['draining', 'empty', 'ended']),
      secondsLeft: z.number().optional(),
      activeConnections: z.int(),
      inactiveConnections: z.int(),
    }),
  ),
});

/** keepalived's words for the states, because operators read them. */
const vrrpStateSchema = z.enum(['INIT', 'BACKUP', 'MASTER', 'FAULT']);

export const routerStatusSchema = z.object({
  name: z.string(),
  interface: z.string(),
  /** The macvlan with the virtual MAC address, where there is one. */
  vmac: z.string().optional(),
  vrid: z.int(),
  version: z.union([z.literal(2), z.literal(3)]),
  family,
  group: z.string().optional(),
  state: vrrpStateSchema,
  secondsInState: z.number().optional(),
  /** Why it is in FAULT. */
  faultCause: z.string().optional(),
  basePriority: z.int(),
  effectivePriority: z.int(),
  sourceAddress: z.string().optional(),
  masterAddress: z.string().optional(),
  masterPriority: z.int(),
  advertIntervalSeconds: z.number(),
  vips: z.array(z.string()),
  advertsSent: z.int(),
  advertsReceived: z.int(),
  becameMaster: z.int(),
  releasedMaster: z.int(),
  priorityZeroSent: z.int(),
  priorityZeroReceived: z.int(),
  rejected: z.record(z.string(), z.int()),
});

export const groupStatusSchema = z.object({ name: z.string(), state: vrrpStateSchema, members: z.array(z.string()) });

/** `pending`: not known yet. */
const trackerState = z.enum(['pending', 'up', 'down']);

export const trackersStatusSchema = z.object({
  interfaces: z.array(z.object({ name: z.string(), up: z.boolean(), present: z.boolean(), addresses: z.array(z.string()) })),
  scripts: z.array(z.object({ name: z.string(), state: trackerState, running: z.boolean(), lastStatus: z.int().optional() })),
  files: z.array(z.object({ name: z.string(), value: z.int() })),
  processes: z.array(z.object({ name: z.string(), state: trackerState, count: z.int() })),
  bfdSessions: z.array(
    z.object({
      name: z.string(),
      neighbor: z.string(),
      state: z.enum(['admin-down', 'down', 'init', 'up']),
      remoteState: z.enum(['admin-down', 'down', 'init', 'up']),
      packetsSent: z.int(),
      packetsReceived: z.int(),
      detectionsExpired: z.int(),
    }),
  ),
});

export const vrrpStatusSchema = z.object({
  routers: z.array(routerStatusSchema),
  groups: z.array(groupStatusSchema),
  trackers: trackersStatusSchema,
  /** Packets that no virtual router could be blamed for, by numbered reason. */
  rejected: z.record(z.string(), z.int()),
  /** How often the failover process did not run for a while. */
  pauses: z.int(),
});

const verdict = z.enum(['up', 'down', 'undecided']);

const checkSchema = z.object({
  /** `HTTP_CHECK`, `SSL_CHECK`, `MISC_CHECK` … */
  name: z.string(),
  verdict,
  reason: z.string(),
  /** Failures since the last success, short of a verdict. */
  retries: z.int(),
});

const checkedServerSchema = z.object({
  server: z.string(),
  method,
  tunnel: tunnel.optional(),
  verdict,
  configuredWeight: z.int(),
  /** What its checks make of the weight (`misc_dynamic`, FILE_CHECK), where they do. */
  measuredWeight: z.int().optional(),
  /** An operator's weight, while one is set; it goes before the others. */
  overrideWeight: z.int().optional(),
  /** In the data plane; absent while the server is not in the table. */
  weight: z.int().optional(),
  reason: z.string().optional(),
  /** The checks pause, because the VIP is not on this host (`ha_suspend`). */
  suspended: z.boolean(),
  checks: z.array(checkSchema),
});

export const serviceHealthSchema = z.object({
  service: z.string(),
  /** The virtual_server_group that it is a member of. */
  group: z.string().optional(),
  quorum: z.enum(['undecided', 'up', 'lost']),
  requiredWeight: z.int(),
  hysteresis: z.int(),
  liveWeight: z.int(),
  sorryServer: z.object({ server: z.string(), active: z.boolean() }).optional(),
  servers: z.array(checkedServerSchema),
});

/** Goes up when a field of the status changes its meaning or disappears; a new field is no reason. */
export const STATUS_SCHEMA_VERSION = 1;

/** IPVS's switches; the expirations in seconds. */
const forwardingSettingsSchema = z.object({
  expireConnectionsOfDeleted: z.boolean(),
  expireTemplatesOfQuiescent: z.boolean(),
  connectionReuse: z.int(),
  sloppyTcp: z.boolean(),
  sloppySctp: z.boolean(),
  cacheBypass: z.boolean(),
  dropEntry: z.int(),
  dropPacket: z.int(),
  secureTcp: z.int(),
  memoryThreshold: z.int(),
  dropRate: z.int(),
  tableThreshold: z.int(),
  localOut: z.boolean(),
  localPorts: z.object({ first: z.int(), last: z.int() }),
  lblcExpiration: z.number(),
  lblcrExpiration: z.number(),
});

export const statusSchema = z.object({
  schemaVersion: z.int(),
  version: z.string(),
  routerId: z.string(),
  uptimeSeconds: z.number(),
  configurationFiles: z.array(z.string()),
  dataPlane: z.object({
    kind: z.string(),
    interfaces: z.array(z.object({ name: z.string(), mode: z.string() })),
    repairs: z.int(),
    /** Connections that the tables of the packet path have room for. */
    tableSizes: z.object({ connections: z.int(), connections6: z.int() }).optional(),
    settings: forwardingSettingsSchema,
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
export type TraceRequest = z.infer<typeof traceRequestSchema>;
export type TraceAnswer = z.infer<typeof traceReportSchema>;
export type DrainRequestJson = z.infer<typeof drainRequestSchema>;
export type DrainJson = z.infer<typeof drainsSchema>['drains'][number];
export type StatusReport = z.infer<typeof statusSchema>;
export type VrrpStatusReport = z.infer<typeof vrrpStatusSchema>;
export type RouterStatusReport = z.infer<typeof routerStatusSchema>;
export type ServiceHealthReport = z.infer<typeof serviceHealthSchema>;

/** Stands for the virtual routers while the process that has them does not answer. */
export const NO_VRRP_STATUS: VrrpStatusReport = {
  routers: [],
  groups: [],
  trackers: { interfaces: [], scripts: [], files: [], processes: [], bfdSessions: [] },
  rejected: {},
  pauses: 0,
};
