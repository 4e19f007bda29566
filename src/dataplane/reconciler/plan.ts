/** The shortest way from the tables that are to the tables that should be, as a list of operations in order. */
import {
  ownTimeoutsText,
  type RealServer,
  type ServiceDefence,
  type ServiceKey,
  type ServiceTable,
  serverKeyText,
  serviceKeyText,
  type VirtualService,
} from '../../model/index.ts';
import type { DataPlane } from '../../ports/index.ts';

/** One call of the data plane. */
export type Operation =
  | { readonly kind: 'add-service'; readonly service: VirtualService }
  | { readonly kind: 'edit-service'; readonly service: VirtualService }
  | { readonly kind: 'delete-service'; readonly key: ServiceKey }
  | { readonly kind: 'add-server'; readonly key: ServiceKey; readonly server: RealServer }
  | { readonly kind: 'edit-server'; readonly key: ServiceKey; readonly server: RealServer }
  | { readonly kind: 'delete-server'; readonly key: ServiceKey; readonly server: RealServer };

/** Tables by the text of their service's key. */
export type Tables = ReadonlyMap<string, ServiceTable>;

/**
 * Operations that turn `actual` into `desired`. Services in neither are not mentioned, so the caller leaves out of
 * `actual` what is none of its business. A server that is the same in both sees no operation, and the order of servers
 * is not a difference: to change it, connections would have to be given up. Within a service new servers come before
 * old ones go, so that it is never without any on the way from one set to another.
 */
export function plan(desired: Tables, actual: Tables): Operation[] {
  const operations: Operation[] = [];
  for (const [id, { key }] of actual) {
    if (!desired.has(id)) operations.push({ kind: 'delete-service', key });
  }
  for (const [id, { servers, ...service }] of desired) {
    const present = actual.get(id);
    if (!present) operations.push({ kind: 'add-service', service });
    else if (!isSameService(service, present)) operations.push({ kind: 'edit-service', service });
    operations.push(...planServers(service.key, servers, present?.servers ?? []));
  }
  return operations;
}

function planServers(key: ServiceKey, desired: readonly RealServer[], actual: readonly RealServer[]): Operation[] {
  const present = new Map(actual.map((server) => [serverKeyText(server), server]));
  const wanted = new Set(desired.map(serverKeyText));
  const operations: Operation[] = [];
  for (const server of desired) {
    const before = present.get(serverKeyText(server));
    if (!before) operations.push({ kind: 'add-server', key, server });
    else if (!isSameServer(server, before)) operations.push({ kind: 'edit-server', key, server });
  }
  for (const server of actual) {
    if (!wanted.has(serverKeyText(server))) operations.push({ kind: 'delete-server', key, server });
  }
  return operations;
}

/** Carries out one operation; throws what the data plane throws. */
export function perform(plane: DataPlane, operation: Operation): void {
  switch (operation.kind) {
    case 'add-service':
      plane.addService(operation.service);
      break;
    case 'edit-service':
      plane.editService(operation.service);
      break;
    case 'delete-service':
      plane.deleteService(operation.key);
      break;
    case 'add-server':
      plane.addServer(operation.key, operation.server);
      break;
    case 'edit-server':
      plane.editServer(operation.key, operation.server);
      break;
    case 'delete-server':
      plane.deleteServer(operation.key, operation.server);
      break;
  }
}

/** The table as it is after the operation, or undefined when the service is gone. */
export function after(table: ServiceTable | undefined, operation: Operation): ServiceTable | undefined {
  if (operation.kind === 'delete-service') return undefined;
  const servers = table?.servers ?? [];
  if (operation.kind === 'add-service' || operation.kind === 'edit-service') return { ...operation.service, servers };
  if (!table) return undefined;
  const id = serverKeyText(operation.server);
  const others = servers.filter((server) => serverKeyText(server) !== id);
  return { ...table, servers: operation.kind === 'delete-server' ? others : [...others, operation.server] };
}

export function serviceOf(operation: Operation): ServiceKey {
  return operation.kind === 'add-service' || operation.kind === 'edit-service' ? operation.service.key : operation.key;
}

/** For a log line: what the operation does. */
export function describeOperation(operation: Operation): string {
  const service = `virtual service ${serviceKeyText(serviceOf(operation))}`;
  switch (operation.kind) {
    case 'add-service':
      return `add ${service}`;
    case 'edit-service':
      return `change ${service}`;
    case 'delete-service':
      return `delete ${service}`;
    case 'add-server':
      return `add real server ${serverKeyText(operation.server)} to ${service}`;
    case 'edit-server':
      return `change real server ${serverKeyText(operation.server)} of ${service}`;
    case 'delete-server':
      return `delete real server ${serverKeyText(operation.server)} from ${service}`;
  }
}

/** For a log line: what somebody else did to the table, told by the operation that would undo it. */
export function describeDrift(undo: Operation): string {
  const service = `Virtual service ${serviceKeyText(serviceOf(undo))}`;
  switch (undo.kind) {
    case 'add-service':
      return `${service} is missing from the table`;
    case 'edit-service':
      return `${service} has other settings in the table (wanted: ${describeService(undo.service)})`;
    case 'delete-service':
      return `${service} is in the table again`;
    case 'add-server':
      return `${service}: real server ${serverKeyText(undo.server)} is missing from the table`;
    case 'edit-server':
      return `${service}: real server ${serverKeyText(undo.server)} has other settings in the table (wanted: ${describeServer(undo.server)})`;
    case 'delete-server':
      return `${service}: real server ${serverKeyText(undo.server)} in the table is none of ours`;
  }
}

function describeService({ scheduler, persistence }: VirtualService): string {
  return persistence ? `${scheduler}, persistent ${persistence.timeoutSeconds} s /${persistence.prefixLength}` : scheduler;
}

function describeServer({ method, weight, upperThreshold, lowerThreshold }: RealServer): string {
  return `${method}, weight ${weight}${upperThreshold > 0 ? `, thresholds ${upperThreshold}/${lowerThreshold}` : ''}`;
}

function isSameService(a: VirtualService, b: VirtualService): boolean {
  return (
    a.scheduler === b.scheduler &&
    a.onePacket === b.onePacket &&
    a.persistenceEngine === b.persistenceEngine &&
    String(a.localAddresses ?? []) === String(b.localAddresses ?? []) &&
    a.persistence?.timeoutSeconds === b.persistence?.timeoutSeconds &&
    a.persistence?.prefixLength === b.persistence?.prefixLength &&
    isSameDefence(a.defence, b.defence) &&
    ownTimeoutsText(a.timeouts) === ownTimeoutsText(b.timeouts) &&
    [...a.schedulerFlags].sort().join() === [...b.schedulerFlags].sort().join()
  );
}

function isSameDefence(a: ServiceDefence | undefined, b: ServiceDefence | undefined): boolean {
  return (
    a?.synProxy === b?.synProxy &&
    a?.sourceLimit?.perSecond === b?.sourceLimit?.perSecond &&
    a?.sourceLimit?.burst === b?.sourceLimit?.burst
  );
}

function isSameServer(a: RealServer, b: RealServer): boolean {
  return (
    a.method === b.method &&
    a.weight === b.weight &&
    a.upperThreshold === b.upperThreshold &&
    a.lowerThreshold === b.lowerThreshold &&
    tunnelText(a) === tunnelText(b)
  );
}

/** No tunnel said is IPIP said; without the method `tun` nothing said matters. */
function tunnelText({ method, tunnel }: RealServer): string {
  if (method !== 'tun') return '';
  return tunnel ? `${tunnel.type} ${tunnel.port} ${tunnel.checksum}` : 'ipip 0 none';
}
