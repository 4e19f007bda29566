/** `vipwright status` for people: what this director owns, what it forwards, what is wrong. */
import type { RouterStatusReport, ServiceHealthReport, StatusReport } from '../../api/index.ts';

export function formatStatus(report: StatusReport): string {
  const lines = [
    `vipwright ${report.version} on ${report.routerId}, up ${formatUptime(report.uptimeSeconds)}, ${report.configurationFiles.join(' ')}`,
    `failover process ${report.failover.alive ? 'alive' : 'DEAD'}; data plane ${formatDataPlane(report)}`,
  ];
  for (const group of report.vrrp.groups) lines.push('', `sync group ${group.name}  ${group.state}  (${group.members.join(', ')})`);
  for (const router of report.vrrp.routers) lines.push('', ...formatRouter(router));
  for (const service of report.services) lines.push('', ...formatService(service));
  const reasons = Object.entries(report.dataPlane.reasons);
  if (reasons.length > 0) lines.push('', 'packets not simply forwarded', ...reasons.map(([reason, count]) => `  ${reason}  ${count}`));
  return `${lines.join('\n')}\n`;
}

function formatDataPlane(report: StatusReport): string {
  const { kind, interfaces, repairs } = report.dataPlane;
  const places = interfaces.map((entry) => `${entry.name} (${entry.mode})`).join(', ');
  return `${kind}${places ? ` on ${places}` : ''}${repairs > 0 ? `, ${repairs} repairs of changes made by others` : ''}`;
}

function formatRouter(router: RouterStatusReport): string[] {
  const priority =
    router.effectivePriority === router.basePriority
      ? `priority ${router.basePriority}`
      : `priority ${router.effectivePriority} (configured ${router.basePriority})`;
  const master = router.state === 'BACKUP' && router.masterAddress ? `, master is ${router.masterAddress}` : '';
  const rejected = Object.entries(router.rejected).map(([reason, count]) => `${reason} ${count}`);
  return [
    `virtual router ${router.name}  ${router.state}  VRID ${router.vrid} on ${router.interface}, ${priority}${master}`,
    `  VIPs ${router.vips.join(' ')}`,
    `  adverts sent ${router.advertsSent}, received ${router.advertsReceived}; transitions to MASTER ${router.becameMaster}`,
    ...(rejected.length > 0 ? [`  rejected: ${rejected.join(', ')}`] : []),
  ];
}

function formatService(service: ServiceHealthReport): string[] {
  const up = service.servers.filter((server) => server.verdict === 'up').length;
  const sorry = service.sorryServer;
  return [
    `virtual service ${service.service}  quorum ${service.quorum}, ${up} of ${service.servers.length} real servers up`,
    ...service.servers.map(
      (server) => `  ${server.verdict.padEnd(9)} ${server.server}  ${formatWeight(server)}${server.reason ? `  ${server.reason}` : ''}`,
    ),
    ...(sorry ? [`  sorry     ${sorry.server}  ${sorry.active ? 'in use' : 'standing by'}`] : []),
  ];
}

function formatWeight({ weight, configuredWeight }: ServiceHealthReport['servers'][number]): string {
  if (weight === undefined) return 'not in the table';
  return weight === configuredWeight ? `weight ${weight}` : `weight ${weight} (configured ${configuredWeight})`;
}

function formatUptime(uptimeSeconds: number): string {
  const whole = Math.floor(uptimeSeconds);
  const days = Math.floor(whole / 86400);
  const clock = [Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60, whole % 60].map((part) => String(part).padStart(2, '0'));
  return `${days > 0 ? `${days}d ` : ''}${clock.join(':')}`;
}
