/** Everything that `vipwright status` shows, gathered. */
import type { StatusReport, VrrpStatusReport } from '../../api/index.ts';
import { VERSION } from '../../base/index.ts';
import type { ServiceSnapshot } from '../../director/index.ts';
import { serverKeyText, serviceKeyText } from '../../model/index.ts';

export interface StatusParts {
  readonly routerId: string;
  readonly uptimeSeconds: number;
  readonly files: readonly string[];
  readonly plane: {
    readonly kind: string;
    attachments(): StatusReport['dataPlane']['interfaces'];
    reasons(): Readonly<Record<string, number>>;
  };
  readonly repairs: number;
  /** Undefined when the failover process did not answer. */
  readonly vrrp: VrrpStatusReport | undefined;
  readonly services: readonly ServiceSnapshot[];
}

export function buildStatus(parts: StatusParts): StatusReport {
  const { plane } = parts;
  return {
    version: VERSION,
    routerId: parts.routerId,
    uptimeSeconds: parts.uptimeSeconds,
    configurationFiles: [...parts.files],
    dataPlane: { kind: plane.kind, interfaces: plane.attachments(), repairs: parts.repairs, reasons: { ...plane.reasons() } },
    failover: { alive: parts.vrrp !== undefined },
    vrrp: parts.vrrp ?? { routers: [], groups: [] },
    services: parts.services.map((service) => ({
      service: serviceKeyText(service.key),
      quorum: service.quorum.state,
      ...(service.sorryServer && {
        sorryServer: { server: serverKeyText(service.sorryServer), active: service.sorryServer.active },
      }),
      servers: service.servers.map((server) => ({
        server: serverKeyText(server),
        verdict: server.health,
        configuredWeight: server.weight,
        ...(server.effectiveWeight !== undefined && { weight: server.effectiveWeight }),
        ...(server.lastChange && { reason: server.lastChange.reason }),
      })),
    })),
  };
}
