/** `vipwright status` for people: what this director owns, what it forwards, what is wrong. */
import type { RouterStatusReport, ServiceHealthReport, StatusReport } from '../../api/index.ts';

export function formatStatus(report: StatusReport): string {
  const lines = [
    `vipwright ${report.version} on ${report.routerId}, up ${formatUptime(report.uptimeSeconds)}, ${report.configurationFiles.join(' ')}`,
    `failover process ${report.failover.alive ? 'alive' : 'DEAD'}; data plane ${formatDataPlane(report)}`,
  ];
  for (const group of report.vrrp.groups) lines.push('', `sync group ${group.name}  ${group.state}  (${group.members.join(', ')})`);
  for (const router of report.vrrp.routers) lines.push('', ...formatRouter(router));
  const trackers = formatTrackers(report.vrrp.trackers);
  if (trackers.length > 0) lines.push('', 'tracked', ...trackers);
  for (const service of report.services) lines.push('', ...formatService(service));
  lines.push(...formatPacketPath(report.dataPlane));
  const reasons = Object.entries(report.dataPlane.reasons);
  if (reasons.length > 0) lines.push('', 'packets not simply forwarded', ...reasons.map(([reason, count]) => `  ${reason}  ${count}`));
  return `${lines.join('\n')}\n`;
}

function formatDataPlane(report: StatusReport): string {
  const { kind, interfaces, repairs } = report.dataPlane;
  const places = interfaces.map((entry) => `${entry.name} (${entry.mode})`).join(', ');
  return `${kind}${places ? ` on ${places}` : ''}${repairs > 0 ? `, ${repairs} repairs of changes made by others` : ''}`;
}

/** Of a defence, with what the number means. */
function modeText(mode: number): string {
  return `${mode} (${['off', 'automatic, off now', 'automatic, on now', 'on'][mode]})`;
}

/** Every switch by the name that it has as a sysctl and in keepalived.conf. */
function formatPacketPath({ tableSizes, settings }: StatusReport['dataPlane']): string[] {
  if (!tableSizes) return [];
  const onOff = (on: boolean): string => (on ? 'on' : 'off');
  const { expireConnectionsOfDeleted, expireTemplatesOfQuiescent, connectionReuse, localOut, localPorts } = settings;
  return [
    '',
    'packet path',
    `  connections ${tableSizes.connections}, connections6 ${tableSizes.connections6}`,
    `  conn_reuse_mode ${connectionReuse}, expire_nodest_conn ${onOff(expireConnectionsOfDeleted)}, expire_quiescent_template ${onOff(expireTemplatesOfQuiescent)}`,
    `  sloppy_tcp ${onOff(settings.sloppyTcp)}, sloppy_sctp ${onOff(settings.sloppySctp)}, cache_bypass ${onOff(settings.cacheBypass)}`,
    `  drop_entry ${modeText(settings.dropEntry)}, drop_packet ${modeText(settings.dropPacket)}, secure_tcp ${modeText(settings.secureTcp)}`,
    `  amemthresh ${settings.memoryThreshold}, am_droprate ${settings.dropRate}, table_threshold ${settings.tableThreshold}`,
    `  local_out ${onOff(localOut)}, local_ports ${localPorts.first} ${localPorts.last}`,
    `  lblc_expiration ${settings.lblcExpiration}, lblcr_expiration ${settings.lblcrExpiration}`,
  ];
}

function formatRouter(router: RouterStatusReport): string[] {
  const priority =
    router.effectivePriority === router.basePriority
      ? `priority ${router.basePriority}`
      : `priority ${router.effectivePriority} (configured ${router.basePriority})`;
  const master = router.state === 'BACKUP' && router.masterAddress ? `, master is ${router.masterAddress}` : '';
  const since = router.secondsInState === undefined ? '' : ` for ${formatUptime(router.secondsInState)}`;
  const rejected = Object.entries(router.rejected).map(([reason, count]) => `${reason} ${count}`);
  return [
    `virtual router ${router.name}  ${router.state}${since}  VRID ${router.vrid} on ${router.vmac ?? router.interface}, ${priority}${master}`,
    ...(router.faultCause === undefined ? [] : [`  fault: ${router.faultCause}`]),
    `  VIPs ${router.vips.join(' ')}`,
    `  adverts sent ${router.advertsSent}, received ${router.advertsReceived}; transitions to MASTER ${router.becameMaster}`,
    ...(rejected.length > 0 ? [`  rejected: ${rejected.join(', ')}`] : []),
  ];
}

/** What virtual routers follow, apart from their own interfaces. */
function formatTrackers({ scripts, files, processes, bfdSessions }: StatusReport['vrrp']['trackers']): string[] {
  return [
    ...scripts.map(
      ({ name, state, lastStatus }) => `  script ${name}  ${state}${lastStatus === undefined ? '' : `, last status ${lastStatus}`}`,
    ),
    ...files.map(({ name, value }) => `  file ${name}  ${value}`),
    ...processes.map(({ name, state, count }) => `  process ${name}  ${state}, ${count} running`),
    ...bfdSessions.map(({ name, neighbor, state }) => `  BFD session ${name} with ${neighbor}  ${state}`),
  ];
}

function formatService(service: ServiceHealthReport): string[] {
  const up = service.servers.filter((server) => server.verdict === 'up').length;
  const sorry = service.sorryServer;
  const group = service.group === undefined ? '' : ` of group ${service.group}`;
  return [
    `virtual service ${service.service}${group}  quorum ${service.quorum}, ${up} of ${service.servers.length} real servers up`,
    ...(service.servers.some((server) => server.suspended) ? ['  checks suspended: the VIP is not on this host'] : []),
    ...service.servers.flatMap(formatServer),
    ...(sorry ? [`  sorry     ${sorry.server}  ${sorry.active ? 'in use' : 'standing by'}`] : []),
  ];
}

type ServerReport = ServiceHealthReport['servers'][number];

function formatServer(server: ServerReport): string[] {
  const { verdict, reason, checks } = server;
  return [
    `  ${verdict.padEnd(9)} ${server.server}  ${formatMethod(server)}, ${formatWeight(server)}${reason ? `  ${reason}` : ''}`,
    // The reason of a server with one check is that check's.
    ...(checks.length < 2 ? [] : checks.map((check) => `            ${check.name} ${check.verdict}: ${check.reason}`)),
  ];
}

function formatMethod({ method, tunnel }: ServerReport): string {
  if (!tunnel) return method;
  return `${method} ${tunnel.type}${tunnel.port > 0 ? ` port ${tunnel.port}` : ''}`;
}

function formatWeight({ weight, configuredWeight, measuredWeight, overrideWeight }: ServerReport): string {
  if (weight === undefined) return 'not in the table';
  if (weight === configuredWeight) return `weight ${weight}`;
  const origin = overrideWeight === weight ? 'set by an operator, ' : measuredWeight === weight ? 'measured, ' : '';
  return `weight ${weight} (${origin}configured ${configuredWeight})`;
}

function formatUptime(uptimeSeconds: number): string {
  const whole = Math.floor(uptimeSeconds);
  const days = Math.floor(whole / 86400);
  const clock = [Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60, whole % 60].map((part) => String(part).padStart(2, '0'));
  return `${days > 0 ? `${days}d ` : ''}${clock.join(':')}`;
}
