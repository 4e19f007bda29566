/** Everything that `vipwright status` shows, gathered. */
import {
  NO_VRRP_STATUS,
  type ServiceHealthReport,
  STATUS_SCHEMA_VERSION,
  type StatusReport,
  settingsToJson,
  type VrrpStatusReport,
} from '../../api/index.ts';
import { VERSION } from '../../base/index.ts';
import type { CheckedServerSnapshot } from '../../check/index.ts';
import type { ServiceSnapshot } from '../../director/index.ts';
import { type ConnectionTableSizes, type RealServerKey, type ServiceKey, serverKeyText, serviceKeyText } from '../../model/index.ts';
import type { DataPlane } from '../../ports/index.ts';

export interface StatusParts {
  readonly routerId: string;
  readonly uptimeSeconds: number;
  readonly files: readonly string[];
  readonly plane: {
    readonly kind: string;
    readonly current: Pick<DataPlane, 'settings'>;
    tableSizes(): ConnectionTableSizes | undefined;
    attachments(): StatusReport['dataPlane']['interfaces'];
    reasons(): Readonly<Record<string, number>>;
  };
  readonly repairs: number;
  /** Undefined when the failover process did not answer. */
  readonly vrrp: VrrpStatusReport | undefined;
  readonly services: readonly ServiceSnapshot[];
  readonly checks: readonly CheckedServerSnapshot[];
}

export function buildStatus(parts: StatusParts): StatusReport {
  const { plane } = parts;
  const tableSizes = plane.tableSizes();
  const checks = new Map(parts.checks.map((checked) => [serverId(checked.service, checked.server), checked]));
  return {
    schemaVersion: STATUS_SCHEMA_VERSION,
    version: VERSION,
    routerId: parts.routerId,
    uptimeSeconds: parts.uptimeSeconds,
    configurationFiles: [...parts.files],
    dataPlane: {
      kind: plane.kind,
      interfaces: plane.attachments(),
      repairs: parts.repairs,
      ...(tableSizes && { tableSizes }),
      settings: settingsToJson(plane.current.settings()),
      reasons: { ...plane.reasons() },
    },
    failover: { alive: parts.vrrp !== undefined },
    vrrp: parts.vrrp ?? NO_VRRP_STATUS,
    services: parts.services.map((service) => serviceStatus(service, checks)),
  };
}

function serviceStatus(service: ServiceSnapshot, checks: ReadonlyMap<string, CheckedServerSnapshot>): ServiceHealthReport {
  const { key, group, quorum, sorryServer } = service;
  return {
    service: serviceKeyText(key),
    ...(group !== undefined && { group }),
    quorum: quorum.state,
    requiredWeight: quorum.required,
    hysteresis: quorum.hysteresis,
    liveWeight: quorum.liveWeight,
    ...(sorryServer && { sorryServer: { server: serverKeyText(sorryServer), active: sorryServer.active } }),
    servers: service.servers.map((server) => {
      const checked = checks.get(serverId(key, server));
      return {
        server: serverKeyText(server),
        method: server.method,
        ...(server.tunnel && { tunnel: server.tunnel }),
        verdict: server.health,
        configuredWeight: server.weight,
        ...(server.measured !== undefined && { measuredWeight: server.measured }),
        ...(server.override !== undefined && { overrideWeight: server.override }),
        ...(server.effectiveWeight !== undefined && { weight: server.effectiveWeight }),
        ...(server.lastChange && { reason: server.lastChange.reason }),
        suspended: checked?.suspended ?? false,
        checks: checked?.checks.map((check) => ({ ...check })) ?? [],
      };
    }),
  };
}

function serverId(service: ServiceKey, server: RealServerKey): string {
  return `${serviceKeyText(service)} ${serverKeyText(server)}`;
}
