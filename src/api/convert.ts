/** Between the model's values (addresses, bigints) and the plain values of the schemas. */
import type { z } from 'zod';
import { IpAddress, seconds, toSeconds } from '../base/index.ts';
import type {
  ForwardingSettings,
  RealServer,
  RealServerKey,
  ServiceDefence,
  ServiceKey,
  Timeouts,
  VirtualService,
} from '../model/index.ts';
import type { ConnectionStatus, Counters, ServerStatus, ServiceStatus, TraceFlow } from '../ports/index.ts';
import type {
  connectionSchema,
  DrainJson,
  DrainRequestJson,
  defenceSchema,
  realServerSchema,
  StatusReport,
  serverKeySchema,
  serverStatusSchema,
  serviceKeySchema,
  serviceStatusSchema,
  timeoutsSchema,
  traceRequestSchema,
  virtualServiceSchema,
} from './schema.ts';

/** Text that the schema let through but that names no address: a client's mistake, answered with status 400. */
export class AddressError extends Error {
  override readonly name = 'AddressError';
}

function address(text: string): IpAddress {
  const parsed = IpAddress.parse(text);
  if (!parsed) throw new AddressError(`'${text}' is not an IP address`);
  return parsed;
}

export function serviceKeyToJson(key: ServiceKey): z.infer<typeof serviceKeySchema> {
  return key.kind === 'fwmark' ? key : { ...key, address: String(key.address) };
}

export function serviceKeyFromJson(json: z.infer<typeof serviceKeySchema>): ServiceKey {
  return json.kind === 'fwmark' ? json : { ...json, address: address(json.address) };
}

export function serverKeyToJson(key: RealServerKey): z.infer<typeof serverKeySchema> {
  return { address: String(key.address), port: key.port };
}

export function serverKeyFromJson(json: z.infer<typeof serverKeySchema>): RealServerKey {
  return { address: address(json.address), port: json.port };
}

export function realServerToJson(server: RealServer): z.infer<typeof realServerSchema> {
  const { port, method, tunnel, weight, upperThreshold, lowerThreshold } = server;
  return { address: String(server.address), port, method, ...(tunnel && { tunnel }), weight, upperThreshold, lowerThreshold };
}

export function realServerFromJson(json: z.infer<typeof realServerSchema>): RealServer {
  const { port, method, tunnel, weight, upperThreshold, lowerThreshold } = json;
  return { address: address(json.address), port, method, ...(tunnel && { tunnel }), weight, upperThreshold, lowerThreshold };
}

export function virtualServiceToJson(service: VirtualService): z.infer<typeof virtualServiceSchema> {
  const { scheduler, schedulerFlags, persistence, onePacket, persistenceEngine, defence, localAddresses, timeouts } = service;
  return {
    key: serviceKeyToJson(service.key),
    scheduler,
    schedulerFlags: [...schedulerFlags],
    ...(persistence && { persistence }),
    onePacket,
    ...(persistenceEngine !== undefined && { persistenceEngine }),
    ...(defence && { defence }),
    ...(localAddresses && { localAddresses: localAddresses.map(String) }),
    ...(timeouts && { timeouts: ownTimeoutsToJson(timeouts) }),
  };
}

function defenceFromJson({ synProxy, sourceLimit }: z.infer<typeof defenceSchema>): ServiceDefence {
  return { synProxy, ...(sourceLimit && { sourceLimit }) };
}

export function virtualServiceFromJson(json: z.infer<typeof virtualServiceSchema>): VirtualService {
  return {
    key: serviceKeyFromJson(json.key),
    scheduler: json.scheduler,
    schedulerFlags: json.schedulerFlags,
    ...(json.persistence && { persistence: json.persistence }),
    onePacket: json.onePacket,
    ...(json.persistenceEngine !== undefined && { persistenceEngine: json.persistenceEngine }),
    ...(json.defence && { defence: defenceFromJson(json.defence) }),
    ...(json.localAddresses && { localAddresses: json.localAddresses.map(address) }),
    ...(json.timeouts && { timeouts: timeoutsFromJson(json.timeouts) }),
  };
}

function countersToJson(counters: Counters) {
  return {
    connections: Number(counters.connections),
    inPackets: Number(counters.inPackets),
    outPackets: Number(counters.outPackets),
    inBytes: Number(counters.inBytes),
    outBytes: Number(counters.outBytes),
  };
}

function countersFromJson(json: ReturnType<typeof countersToJson>): Counters {
  return {
    connections: BigInt(json.connections),
    inPackets: BigInt(json.inPackets),
    outPackets: BigInt(json.outPackets),
    inBytes: BigInt(json.inBytes),
    outBytes: BigInt(json.outBytes),
  };
}

function serverStatusToJson(server: ServerStatus): z.infer<typeof serverStatusSchema> {
  const { activeConnections, inactiveConnections, persistentConnections, rates } = server;
  const counters = countersToJson(server.counters);
  return { ...realServerToJson(server), activeConnections, inactiveConnections, persistentConnections, counters, rates };
}

function serverStatusFromJson(json: z.infer<typeof serverStatusSchema>): ServerStatus {
  const { activeConnections, inactiveConnections, persistentConnections, rates } = json;
  const counters = countersFromJson(json.counters);
  return { ...realServerFromJson(json), activeConnections, inactiveConnections, persistentConnections, counters, rates };
}

export function serviceStatusToJson(service: ServiceStatus): z.infer<typeof serviceStatusSchema> {
  return {
    ...virtualServiceToJson(service),
    servers: service.servers.map(serverStatusToJson),
    counters: countersToJson(service.counters),
    rates: service.rates,
  };
}

export function serviceStatusFromJson(json: z.infer<typeof serviceStatusSchema>): ServiceStatus {
  return {
    ...virtualServiceFromJson(json),
    servers: json.servers.map(serverStatusFromJson),
    counters: countersFromJson(json.counters),
    rates: json.rates,
  };
}

export function connectionToJson(connection: ConnectionStatus): z.infer<typeof connectionSchema> {
  const { client, virtual, server, local, ...rest } = connection;
  const ends = { client: String(client), virtual: String(virtual), server: String(server) };
  return { ...rest, ...ends, ...(local && { local: { address: String(local.address), port: local.port } }) };
}

export function connectionFromJson(json: z.infer<typeof connectionSchema>): ConnectionStatus {
  const { client, virtual, server, local, ...rest } = json;
  const ends = { client: address(client), virtual: address(virtual), server: address(server) };
  return { ...rest, ...ends, ...(local && { local: { address: address(local.address), port: local.port } }) };
}

/** A drain as an operator asks for it. */
export interface DrainRequest {
  readonly service: ServiceKey;
  readonly server: RealServerKey;
  readonly deadlineSeconds?: number;
  readonly restore?: boolean;
}

export type DrainReport = readonly (Omit<DrainJson, 'service' | 'server'> & Pick<DrainRequest, 'service' | 'server'>)[];

export function drainRequestFromJson({ service, server, deadlineSeconds, restore }: DrainRequestJson): DrainRequest {
  return {
    service: serviceKeyFromJson(service),
    server: serverKeyFromJson(server),
    ...(deadlineSeconds !== undefined && { deadlineSeconds }),
    ...(restore !== undefined && { restore }),
  };
}

export function drainToJson({ service, server, ...rest }: DrainReport[number]): DrainJson {
  return { service: serviceKeyToJson(service), server: serverKeyToJson(server), ...rest };
}

export function settingsToJson(settings: ForwardingSettings): StatusReport['dataPlane']['settings'] {
  return { ...settings, lblcExpiration: toSeconds(settings.lblcExpiration), lblcrExpiration: toSeconds(settings.lblcrExpiration) };
}

export function timeoutsToJson(timeouts: Timeouts): z.infer<typeof timeoutsSchema> {
  return { tcp: toSeconds(timeouts.tcp), tcpFin: toSeconds(timeouts.tcpFin), udp: toSeconds(timeouts.udp) };
}

function ownTimeoutsToJson({ tcp, tcpFin, udp }: Partial<Timeouts>): Partial<z.infer<typeof timeoutsSchema>> {
  return {
    ...(tcp !== undefined && { tcp: toSeconds(tcp) }),
    ...(tcpFin !== undefined && { tcpFin: toSeconds(tcpFin) }),
    ...(udp !== undefined && { udp: toSeconds(udp) }),
  };
}

export function timeoutsFromJson(json: Partial<z.infer<typeof timeoutsSchema>>): Partial<Timeouts> {
  return {
    ...(json.tcp !== undefined && { tcp: seconds(json.tcp) }),
    ...(json.tcpFin !== undefined && { tcpFin: seconds(json.tcpFin) }),
    ...(json.udp !== undefined && { udp: seconds(json.udp) }),
  };
}

export function traceFlowFromJson(json: z.infer<typeof traceRequestSchema>): TraceFlow {
  const { flag, length, hops, interface: name, ...rest } = json;
  return {
    ...rest,
    source: address(json.source),
    destination: address(json.destination),
    ...(flag !== undefined && { flag }),
    ...(name !== undefined && { interface: name }),
    ...(length !== undefined && { length }),
    ...(hops !== undefined && { hops }),
  };
}
