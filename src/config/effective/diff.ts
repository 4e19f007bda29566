/** What a reload from one configuration to another would change, in the words of whoever runs the system. */
import type { Configuration, PortRange } from '../../model/index.ts';
import { type Change, compareFields, type Fields } from './change.ts';
import { diffServices } from './diff-service.ts';
import { diffNamed, diffRouters } from './diff-vrrp.ts';
import { commandText, routeText, ruleText, secondsText, vipText } from './words.ts';

const AT_RESTART = 'it takes effect at the next start';

const SIZE_STAYS = 'the table keeps its size, with its connections, until the daemon is stopped and started';

const GLOBAL: Fields = {
  routerId: { name: 'router_id', effect: 'mail carries it from now on' },
  instance: { name: 'instance', effect: AT_RESTART },
  networkNamespace: { name: 'net_namespace', effect: AT_RESTART },
  'mail.recipients': { item: 'notification_email', each: (address: string) => address },
  'mail.from': { name: 'notification_email_from' },
  'mail.server': { name: 'smtp_server' },
  'mail.port': { name: 'smtp_server port' },
  'mail.timeout': { name: 'smtp_connect_timeout', text: secondsText },
  scriptSecurity: { name: 'enable_script_security' },
  'startupScript.command': { name: 'startup_script', text: commandText, effect: AT_RESTART },
  'shutdownScript.command': { name: 'shutdown_script', text: commandText },
  startupDelay: { name: 'vrrp_startup_delay', text: secondsText, effect: AT_RESTART },
  delayAfterBoot: { name: 'vrrp_delay_after_boot', text: secondsText, effect: AT_RESTART },
  childWaitTime: { name: 'child_wait_time', text: secondsText },
  dynamicInterfaces: { name: 'dynamic_interfaces' },
  flushAtStart: { name: 'lvs_flush', effect: AT_RESTART },
  flushAtStop: { name: 'lvs_flush_on_stop' },
  'timeouts.tcp': { name: 'lvs_timeouts tcp', text: secondsText },
  'timeouts.tcpFin': { name: 'lvs_timeouts tcpfin', text: secondsText },
  'timeouts.udp': { name: 'lvs_timeouts udp', text: secondsText },
  'tableSizes.connections': { name: 'packet_path connections', effect: SIZE_STAYS },
  'tableSizes.connections6': { name: 'packet_path connections6', effect: SIZE_STAYS },
  'forwarding.connectionReuse': { name: 'conn_reuse_mode' },
  'forwarding.expireConnectionsOfDeleted': { name: 'expire_nodest_conn' },
  'forwarding.expireTemplatesOfQuiescent': { name: 'expire_quiescent_template' },
  'forwarding.sloppyTcp': { name: 'sloppy_tcp' },
  'forwarding.sloppySctp': { name: 'sloppy_sctp' },
  'forwarding.cacheBypass': { name: 'cache_bypass' },
  'forwarding.dropEntry': { name: 'drop_entry' },
  'forwarding.dropPacket': { name: 'drop_packet' },
  'forwarding.secureTcp': { name: 'secure_tcp' },
  'forwarding.memoryThreshold': { name: 'amemthresh' },
  'forwarding.dropRate': { name: 'am_droprate' },
  'forwarding.tableThreshold': { name: 'table_threshold' },
  'forwarding.localOut': { name: 'local_out' },
  'forwarding.localPorts': { name: 'local_ports', text: ({ first, last }: PortRange) => `${first} ${last}` },
  'forwarding.lblcExpiration': { name: 'lblc_expiration', text: secondsText },
  'forwarding.lblcrExpiration': { name: 'lblcr_expiration', text: secondsText },
  'staticNetwork.addresses': { item: 'static address', each: vipText },
  'staticNetwork.routes': { item: 'static route', each: routeText },
  'staticNetwork.rules': { item: 'static rule', each: ruleText },
};

/** Every difference: what goes first, then what changes and comes, the virtual routers before the services. Empty when nothing changes. */
export function diffConfigurations(before: Configuration, after: Configuration): Change[] {
  return [
    ...compareFields('global settings', settingsOf(before), settingsOf(after), GLOBAL),
    ...diffNamed(before, after),
    ...diffRouters(before.routers, after.routers),
    ...diffServices(before.services, after.services),
  ];
}

/** Compared one by one. */
const OBJECTS: ReadonlySet<string> = new Set<keyof Configuration>([
  'routers',
  'groups',
  'scripts',
  'trackFiles',
  'trackProcesses',
  'bfdSessions',
  'interfaceDelays',
  'services',
]);

/** Everything else. */
function settingsOf(configuration: Configuration): object {
  return Object.fromEntries(Object.entries(configuration).filter(([key]) => !OBJECTS.has(key)));
}
