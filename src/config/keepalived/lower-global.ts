/** global_defs and vrrp_script to the model. */
import { IpAddress, MICROS_PER_SECOND, type Micros, seconds } from '../../base/index.ts';
import type { MailSettings, Timeouts, TrackerWeight, VrrpScript } from '../../model/index.ts';
import { readInteger } from './arguments.ts';
import { BoundBlock, type BoundStatement, nameOf, placeOf, wordsOf } from './bind.ts';
import { type Context, commandOf, type Globals } from './context.ts';
import { wordValue } from './lexer.ts';
import type { Reporter } from './report.ts';
import { tokenPlace } from './syntax.ts';

const VRRP_GROUP = IpAddress.fromV4Number(0xe0000012);

/** Several global_defs blocks count as one. */
export function mergeGlobals(root: BoundBlock): BoundBlock {
  const merged = new BoundBlock();
  for (const { block } of root.all('global_defs')) for (const bound of block?.statements ?? []) merged.add(bound);
  return merged;
}

export function readGlobals(block: BoundBlock, reporter: Reporter): Globals {
  const all = block.flag('smtp_alert');
  const checkers = block.flag('smtp_alert_checker') ?? all;
  const [user, group] = block.words('script_user')?.map(wordValue) ?? [];
  return {
    version: readVersion(block, reporter),
    multicastGroup: readGroup(block.last('vrrp_mcast_group4'), reporter) ?? VRRP_GROUP,
    garp: readGarp(block),
    // A real server's mail is on unless somebody turns it off; everything else is the other way round.
    alerts: { vrrp: block.flag('smtp_alert_vrrp') ?? all ?? false, service: checkers ?? false, server: checkers ?? true },
    ...(user !== undefined && { scriptUser: user }),
    ...(group !== undefined && { scriptGroup: group }),
    startupDelay: block.number('vrrp_startup_delay') ?? 0,
  };
}

export function readVersion(block: BoundBlock, reporter: Reporter): 2 {
  for (const name of ['vrrp_version', 'version']) {
    const bound = block.last(name);
    if (bound?.value === 3)
      reporter.report(
        'config/unsupported',
        placeOf(bound),
        'VRRP version 3 is understood but not acted on in this version, and version 2 does not speak with it.',
        { help: 'Use version 2 on all directors of this virtual router.' },
      );
  }
  return 2;
}

/** An IPv4 multicast group, or undefined after reporting what is wrong with it. */
export function readGroup(bound: BoundStatement | undefined, reporter: Reporter): IpAddress | undefined {
  const token = bound?.statement.words[1];
  if (!bound || !token) return undefined;
  const group = IpAddress.parse(wordValue(token));
  if (group?.family === 4 && group.isMulticast()) return group;
  reporter.report(
    'config/bad-address',
    tokenPlace(bound.source, token),
    `${bound.keyword.name} takes an IPv4 multicast group (224.0.0.0 to 239.255.255.255), not ${token.text}.`,
  );
  return undefined;
}

function readGarp(block: BoundBlock): Globals['garp'] {
  const minimal = block.flag('vrrp_min_garp') === true;
  const repeat = Math.max(block.number('vrrp_garp_master_repeat') ?? (minimal ? 1 : 5), 1);
  const secondBurstDelay = block.number('vrrp_garp_master_delay') ?? (minimal ? 0 : seconds(5));
  return {
    repeat,
    secondBurstDelay,
    refresh: block.number('vrrp_garp_master_refresh') ?? 0,
    refreshRepeat: Math.max(block.number('vrrp_garp_master_refresh_repeat') ?? 1, 1),
    lowerPriorityRepeat: block.number('vrrp_garp_lower_prio_repeat') ?? repeat,
    lowerPriorityDelay: block.number('vrrp_garp_lower_prio_delay') ?? secondBurstDelay,
  };
}

export function readMail(block: BoundBlock, hostName: string, reporter: Reporter): MailSettings {
  const recipients = block
    .all('notification_email')
    .flatMap((bound) => bound.block?.entries.flatMap((entry) => entry.words.map(wordValue)) ?? []);
  const server = block.last('smtp_server');
  const [host, port] = block.words('smtp_server') ?? [];
  const heloName = block.text('smtp_helo_name');
  return {
    recipients,
    from: block.text('notification_email_from') ?? `keepalived@${hostName}`,
    server: host ? wordValue(host) : '127.0.0.1',
    port: (server && port && readInteger(port, 1, 65535, 'The port of smtp_server', server.source, reporter)) ?? 25,
    ...(heloName !== undefined && { heloName }),
    timeout: block.number('smtp_connect_timeout') ?? seconds(30),
  };
}

/** `lvs_timeouts tcp 900 tcpfin 120 udp 300`, any part absent. */
export function readTimeouts(block: BoundBlock, reporter: Reporter): Partial<Timeouts> {
  const names = { tcp: 'tcp', tcpfin: 'tcpFin', udp: 'udp' } as const;
  const timeouts: { -readonly [K in keyof Timeouts]?: Micros } = {};
  const bound = block.last('lvs_timeouts');
  const words = bound ? wordsOf(bound) : [];
  for (let i = 0; bound && i < words.length; i += 2) {
    const [nameToken, valueToken] = [words[i], words[i + 1]];
    const name = nameToken && wordValue(nameToken);
    if (name !== 'tcp' && name !== 'tcpfin' && name !== 'udp') {
      if (nameToken)
        reporter.report(
          'config/bad-value',
          tokenPlace(bound.source, nameToken),
          `lvs_timeouts takes tcp, tcpfin and udp, not ${nameToken.text}.`,
        );
      break;
    }
    const value = valueToken && readInteger(valueToken, 0, 2678400, `lvs_timeouts ${name}`, bound.source, reporter);
    if (!valueToken) reporter.report('config/missing-value', placeOf(bound), `lvs_timeouts ${name} needs a number of seconds.`);
    // 0 means "leave the present value", as it does for ipvsadm --set.
    if (value) timeouts[names[name]] = value * MICROS_PER_SECOND;
  }
  return timeouts;
}

export function readScripts(root: BoundBlock, context: Context): VrrpScript[] {
  const scripts = new Map<string, VrrpScript>();
  for (const bound of root.all('vrrp_script')) {
    const name = nameOf(bound);
    if (!bound.block || name === '') continue;
    if (scripts.has(name)) {
      context.reporter.report(
        'config/duplicate-name',
        placeOf(bound),
        `There is a vrrp_script ${name} already. keepalived would take the first and ignore this one.`,
        { help: 'Give one of them another name.' },
      );
      continue;
    }
    const script = readScript(name, bound.block, context);
    if (script) scripts.set(name, script);
    else context.reporter.lostNames.add(name);
  }
  return [...scripts.values()];
}

function readScript(name: string, block: BoundBlock, context: Context): VrrpScript | undefined {
  const command = commandOf(block, 'script', context);
  if (!command) return undefined;
  const interval = block.number('interval') ?? seconds(1);
  const [user, group] = block.words('user')?.map(wordValue) ?? [];
  const weight = block.last('weight');
  return {
    name,
    command: { ...command, ...(user !== undefined && { user }), ...(group !== undefined && { group }) },
    interval,
    timeout: block.number('timeout') ?? interval,
    weight: (weight && readWeight(weight, context.reporter)) ?? { weight: 0, reverse: false },
    rise: block.number('rise') ?? 1,
    fall: block.number('fall') ?? 1,
    initFail: block.has('init_fail'),
  };
}

function readWeight(bound: BoundStatement, reporter: Reporter): TrackerWeight | undefined {
  const [number, reverse] = wordsOf(bound);
  const weight = number && readInteger(number, -253, 253, 'weight', bound.source, reporter);
  if (weight === undefined) return undefined;
  const text = reverse && wordValue(reverse);
  if (reverse && text !== 'reverse' && text !== 'noreverse')
    reporter.report('config/bad-value', tokenPlace(bound.source, reverse), `After the weight may stand reverse, not ${reverse.text}.`);
  return { weight, reverse: text === 'reverse' };
}
