/** Everything about the virtual routers in the form of keepalived 2.2.7's `keepalived.data`. Passwords are left out. */
import { type Micros, toSeconds } from '../../../base/index.ts';
import type { ScriptCommand, VirtualRouter } from '../../../model/index.ts';
import type { RouterSnapshot } from '../../../vrrp/index.ts';
import { formatMac } from '../../../wire/index.ts';
import type { LinkDump } from '../thread-messages.ts';
import { type DumpSubject, dumpedRouters, STATE_WORDS, wallTime } from './subject.ts';
import { commandWords, routeWords, ruleWords, vipWords } from './words.ts';

type Line = string | false | undefined;

export function formatData(subject: DumpSubject): string {
  const { settings } = subject;
  const lines: Line[] = [
    '------< Global definitions >------',
    ...globalLines(subject),
    '------< VRRP Topology >------',
    ...dumpedRouters(subject).flatMap(({ router, state }) => [
      ...routerLines(router, state),
      ...timeLines(state, subject),
      ...settingLines(router, state),
      ...contentLines(router, subject),
    ]),
    settings.groups.length > 0 && '------< VRRP Sync groups >------',
    ...groupLines(subject),
    settings.scripts.length > 0 && '------< VRRP Scripts >------',
    ...scriptLines(subject),
    settings.files.length > 0 && '------< VRRP Track files >------',
    ...fileLines(subject),
    settings.processes.length > 0 && '------< VRRP Track processes >------',
    ...processLines(subject),
    '------< Interfaces >------',
    ...subject.dump.links.flatMap(linkLines),
  ];
  return `${lines.filter((line) => typeof line === 'string').join('\n')}\n`;
}

function globalLines({ configuration }: DumpSubject): Line[] {
  const { mail, firewall } = configuration;
  return [
    ` Network namespace = ${configuration.networkNamespace ?? '(default)'}`,
    configuration.instance !== undefined && ` Instance name = ${configuration.instance}`,
    ` Router ID = ${configuration.routerId ?? ''}`,
    mail.recipients.length > 0 && ` Smtp server = ${mail.server}`,
    mail.recipients.length > 0 && ` Smtp server port = ${mail.port}`,
    mail.recipients.length > 0 && ` Email notification from = ${mail.from}`,
    mail.recipients.length > 0 && ' Email notification to:',
    ...mail.recipients.map((recipient) => `  ${recipient}`),
    ` Dynamic interfaces = ${configuration.dynamicInterfaces}`,
    ` FIFO write vrrp states on reload = ${configuration.fifoStatesOnReload}`,
    ` nftables table name = ${firewall.table}`,
    ` nftables base chain priority = ${firewall.chainPriority}`,
    ` nftables with${firewall.counters ? '' : 'out'} counters`,
    ` VRRP process priority = ${configuration.vrrpProcess.nice ?? 0}`,
    ` VRRP realtime priority = ${configuration.vrrpProcess.realTimePriority ?? 0}`,
    ` Script security ${configuration.scriptSecurity ? 'enabled' : 'disabled'}`,
  ];
}

function routerLines(router: VirtualRouter, state: RouterSnapshot): Line[] {
  return [
    ` VRRP Instance = ${router.name}`,
    `   VRRP Version = ${router.version}`,
    state.group !== undefined && `   Sync group = ${state.group}`,
    router.family === 6 && '   Using Native IPv6',
    `   State = ${STATE_WORDS[state.state]}`,
    `   Wantstate = ${state.wantsActive ? 'MASTER' : STATE_WORDS[state.state]}`,
    state.faultCause !== undefined && `   Fault cause = ${state.faultCause}`,
  ];
}

function timeLines(state: RouterSnapshot, subject: DumpSubject): Line[] {
  const dated = (at: number): string => `${at.toFixed(6)} (${dateText(at)})`;
  const master = state.state === 'backup' && state.masterAddress;
  return [
    state.lastTransition !== undefined && `   Last transition = ${dated(wallTime(state.lastTransition, subject))}`,
    state.nextDeadline !== undefined && `   Read timeout = ${dated(wallTime(state.nextDeadline, subject))}`,
    `   Master down timer = ${state.masterDownTime} usecs`,
    master && `   Master router = ${state.masterAddress}`,
    master && `   Master priority = ${state.masterPriority}`,
  ];
}

/** `Sat Nov 21 06:56:46.178399 2026`. */
function dateText(at: number): string {
  const [day, month, date, year, time] = new Date(at * 1000).toString().split(' ') as [string, string, string, string, string];
  const micros = String(Math.round((at % 1) * 1e6) % 1e6).padStart(6, '0');
  return `${day} ${month} ${date.replace(/^0/, ' ')} ${time}.${micros} ${year}`;
}

function settingLines(router: VirtualRouter, state: RouterSnapshot): Line[] {
  const { vmac, garp, unicast } = router;
  return [
    vmac && `   Use VMAC, i/f name ${vmac.name}, xmit_base = ${vmac.transmitOnBase}`,
    `   Interface = ${vmac ? `${vmac.name}, vmac on ${router.interface}` : router.interface}`,
    !router.trackPrimary && '   VRRP interface tracking disabled',
    state.sourceAddress && `   Using src_ip = ${state.sourceAddress}${router.trackSourceAddress ? ' (tracked)' : ''}`,
    !unicast && `   Multicast address ${router.multicastGroup}`,
    `   Gratuitous ARP delay = ${toSeconds(garp.secondBurstDelay)}`,
    `   Gratuitous ARP repeat = ${garp.repeat}`,
    `   Gratuitous ARP refresh = ${toSeconds(garp.refresh)}`,
    `   Gratuitous ARP refresh repeat = ${garp.refreshRepeat}`,
    `   Gratuitous ARP lower priority delay = ${toSeconds(garp.lowerPriorityDelay)}`,
    `   Gratuitous ARP lower priority repeat = ${garp.lowerPriorityRepeat}`,
    `   Down timer adverts = ${router.downTimerAdverts}`,
    `   Send advert after receive lower priority advert = ${!router.lowerPriorityNoAdvert}`,
    `   Send advert after receive higher priority advert = ${router.higherPrioritySendAdvert}`,
    `   Virtual Router ID = ${router.vrid}`,
    `   Priority = ${router.priority}`,
    `   Effective priority = ${state.effectivePriority}`,
    `   Advert interval = ${intervalText(router)}`,
    `   Accept = ${enabled(router.accept)}`,
    `   Preempt = ${enabled(!router.noPreempt)}`,
    router.preemptDelay > 0 && `   Preempt delay = ${toSeconds(router.preemptDelay)} secs`,
    `   Promote_secondaries = ${enabled(router.promoteSecondaries)}`,
    router.authentication && `   Authentication type = ${router.authentication.type === 'pass' ? 'SIMPLE_PASSWORD' : 'IPSEC_AH'}`,
    router.strict && '   Strict mode = true',
  ];
}

function intervalText({ version, advertInterval }: { readonly version: 2 | 3; readonly advertInterval: Micros }): string {
  return version === 2 ? `${toSeconds(advertInterval)} sec` : `${advertInterval / 1000} milli-sec`;
}

function enabled(yes: boolean): string {
  return yes ? 'enabled' : 'disabled';
}

function contentLines(router: VirtualRouter, { dump }: DumpSubject): Line[] {
  const { vips, excludedVips, routes, rules, unicast, notify } = router;
  const held = new Set(dump.held);
  const list = (title: string, items: readonly string[]): Line[] =>
    items.length > 0 ? [`   ${title}:`, ...items.map((item) => `     ${item}`)] : [];
  const script = (title: string, command: ScriptCommand | true | undefined): Line =>
    command && command !== true && `   ${title} script = ${commandWords(command)}`;
  return [
    ...list(
      `Virtual IP (${vips.length})`,
      vips.map((vip) => vipWords(router, vip, held)),
    ),
    ...list(
      'Virtual IP Excluded ',
      excludedVips.map((vip) => vipWords(router, vip, held)),
    ),
    ...list('Unicast Peer ', unicast?.peers.map((peer) => String(peer.address)) ?? []),
    ...list('Virtual Routes ', routes.map(routeWords)),
    ...list('Virtual Rules ', rules.map(ruleWords)),
    ...list(
      'Tracked interfaces ',
      router.trackInterfaces.map((entry) => `${entry.interface} weight ${entry.weight}${entry.reverse ? ' reverse' : ''}`),
    ),
    ...list(
      'Tracked scripts ',
      router.trackScripts.map((entry) => `${entry.script} weight ${entry.weight}${entry.reverse ? ' reverse' : ''}`),
    ),
    `   Using smtp notification = ${router.smtpAlert ? 'yes' : 'no'}`,
    `   Notify deleted = ${notify.deleted === undefined ? 'Fault' : 'Deleted'}`,
    script('Backup state transition', notify.backup),
    script('Master state transition', notify.master),
    script('Fault state transition', notify.fault),
    script('State stop', notify.stop),
    script('Generic state transition', notify.any),
    `   Notify priority changes = ${router.notifyPriorityChanges}`,
  ];
}

function groupLines({ settings, dump }: DumpSubject): Line[] {
  const states = new Map(dump.snapshot.groups.map((group) => [group.name, group.state]));
  return settings.groups.flatMap((group) => [
    ` VRRP Sync Group = ${group.name}, ${STATE_WORDS[states.get(group.name) ?? 'initialize']}`,
    '   VRRP member instances :',
    ...group.members.map((member) => `     ${member}`),
    `   Using smtp notification = ${group.smtpAlert ? 'yes' : 'no'}`,
  ]);
}

function scriptLines({ settings, dump }: DumpSubject): Line[] {
  const states = new Map(dump.snapshot.scripts.map((script) => [script.name, script]));
  return settings.scripts.flatMap((script) => {
    const state = states.get(script.name);
    return [
      ` VRRP Script = ${script.name}`,
      `   Command = ${commandWords(script.command)}`,
      `   Interval = ${toSeconds(script.interval)} sec`,
      `   Timeout = ${toSeconds(script.timeout)} sec`,
      `   Weight = ${script.weight.weight}${script.weight.reverse ? ' reverse' : ''}`,
      `   Rise = ${script.rise}`,
      `   Fall = ${script.fall}`,
      `   Result = ${state?.result ?? 0}`,
      state?.lastStatus !== undefined && `   Last status = ${state.lastStatus}`,
      `   Script state = ${state?.running ? 'running' : 'idle'}`,
      `   Status = ${state?.state === 'up' ? 'GOOD' : state?.state === 'down' ? 'BAD' : 'INIT'}`,
    ];
  });
}

function fileLines({ settings, dump }: DumpSubject): Line[] {
  const values = new Map(dump.snapshot.files.map((file) => [file.name, file.value]));
  return settings.files.flatMap((file) => [
    ` VRRP Track file = ${file.name}`,
    `   File = ${file.path}`,
    `   Status = ${values.get(file.name) ?? 0}`,
    `   Weight = ${file.weight.weight}${file.weight.reverse ? ' reverse' : ''}`,
  ]);
}

function processLines({ settings, dump }: DumpSubject): Line[] {
  const states = new Map(dump.snapshot.processes.map((process) => [process.name, process]));
  return settings.processes.flatMap((process) => [
    ` VRRP Track process = ${process.name}`,
    `   Process = ${process.command}`,
    `   Min processes = ${process.quorum}`,
    process.quorumMax !== undefined && `   Max processes = ${process.quorumMax}`,
    `   Current processes = ${states.get(process.name)?.count ?? 0}`,
    `   Have quorum = ${states.get(process.name)?.state === 'up'}`,
    `   Weight = ${process.weight.weight}${process.weight.reverse ? ' reverse' : ''}`,
    `   Terminate delay = ${toSeconds(process.terminateDelay).toFixed(6)}s`,
    `   Fork delay = ${toSeconds(process.forkDelay).toFixed(6)}s`,
    `   Full command = ${process.fullCommand}`,
  ]);
}

function linkLines(link: LinkDump): Line[] {
  const state = [
    link.up ? 'UP' : 'DOWN',
    link.running ? 'RUNNING' : 'not RUNNING',
    ...(link.loopback ? ['loopback'] : []),
    ...(link.multicast ? [] : ['no multicast']),
  ];
  return [
    ` Name = ${link.name}`,
    `   index = ${link.index}`,
    `   IPv4 address = ${link.version4 || '(none)'}`,
    `   IPv6 address = ${link.version6 || '(none)'}`,
    link.mac && !link.loopback && `   MAC = ${formatMac(link.mac)}`,
    `   State = ${state.join(', ')}`,
    `   MTU = ${link.mtu}`,
  ];
}
