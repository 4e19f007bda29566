/** Which options may, must and must not stand with which command and which tunnel type. */
import { type CommandName, OPTION_NAMES, type OptionName } from './options.ts';
import { UsageError } from './usage.ts';

interface Rule {
  readonly required?: readonly OptionName[];
  readonly optional?: readonly OptionName[];
  /** At most one of these. */
  readonly oneOf?: readonly OptionName[];
}

const SERVICE: Rule = {
  required: ['service-address'],
  optional: ['scheduler', 'persistent', 'netmask', 'ops', 'pe', 'sched-flags'],
};

const SERVER: Rule = {
  required: ['service-address', 'real-server'],
  optional: ['forwarding-method', 'weight', 'u-threshold', 'l-threshold', 'tun-type', 'tun-port', 'tun-nocsum', 'tun-csum', 'tun-remcsum'],
};

const LOCAL_ADDRESS: Rule = { required: ['service-address', 'local-address'] };

const COMMAND_RULES: Readonly<Record<CommandName, Rule>> = {
  'add-service': SERVICE,
  'edit-service': SERVICE,
  'delete-service': { required: ['service-address'] },
  flush: {},
  list: {
    optional: ['numeric', 'stats', 'rate', 'thresholds', 'persistent-conn', 'nosort', 'syncid', 'exact', 'tun-info'],
    oneOf: ['connection', 'service-address', 'timeout', 'daemon'],
  },
  'add-server': SERVER,
  'edit-server': SERVER,
  'delete-server': { required: ['service-address', 'real-server'] },
  set: {},
  'start-daemon': { optional: ['mcast-interface', 'syncid', 'mcast-group', 'mcast-port', 'mcast-ttl', 'sync-maxlen'] },
  'stop-daemon': { optional: ['syncid'] },
  restore: {},
  save: { optional: ['numeric'] },
  'add-laddr': LOCAL_ADDRESS,
  'del-laddr': LOCAL_ADDRESS,
  'get-laddr': { optional: ['service-address', 'numeric'] },
  zero: { optional: ['service-address'] },
  help: {},
  version: {},
};

const TUNNEL_RULES = {
  ipip: {},
  gue: { required: ['tun-port'], oneOf: ['tun-nocsum', 'tun-csum', 'tun-remcsum'] },
  gre: { oneOf: ['tun-nocsum', 'tun-csum'] },
} as const satisfies Record<string, Rule>;

export type TunnelType = keyof typeof TUNNEL_RULES;

const TUNNEL_OPTIONS: readonly OptionName[] = ['tun-port', 'tun-nocsum', 'tun-csum', 'tun-remcsum'];

export function checkCommand(command: CommandName, given: ReadonlySet<OptionName>): void {
  check(COMMAND_RULES[command], OPTION_NAMES, given, `'${command}' command`);
  if (command === 'list') checkList(given);
}

export function checkTunnel(type: TunnelType, given: ReadonlySet<OptionName>): void {
  check(TUNNEL_RULES[type], TUNNEL_OPTIONS, given, `'${type}' tunnel type`);
}

/** Some listings have no such columns. */
function checkList(given: ReadonlySet<OptionName>): void {
  const any = (...names: OptionName[]): boolean => names.some((name) => given.has(name));
  const withoutFigures = any('connection', 'timeout', 'daemon') && any('stats', 'rate', 'thresholds');
  const withoutTable = any('timeout', 'daemon') && any('persistent-conn');
  if (withoutFigures || withoutTable) throw new UsageError('options conflicts in the list command');
}

function check(rule: Rule, names: readonly OptionName[], given: ReadonlySet<OptionName>, place: string): void {
  let chosen: OptionName | undefined;
  for (const name of names) {
    if (!given.has(name)) {
      if (rule.required?.includes(name)) throw new UsageError(`You need to supply the '${name}' option for the ${place}`);
    } else if (rule.oneOf?.includes(name)) {
      if (chosen) throw new UsageError(`The option '${name}' conflicts with the '${chosen}' option in the ${place}`);
      chosen = name;
    } else if (!rule.required?.includes(name) && !rule.optional?.includes(name)) {
      throw new UsageError(`Illegal '${name}' option with the ${place}`);
    }
  }
}
