/** global_defs to the model: how the daemon itself runs, what it writes, and what it asks of the kernel. */
import { IpAddress, seconds } from '../../base/index.ts';
import type {
  Configuration,
  DumpSettings,
  FirewallSettings,
  MarkSettings,
  NotifyFifo,
  ProcessSettings,
  ScriptCommand,
  SyncDaemon,
  VirtualRouter,
} from '../../model/index.ts';
import { groupName, readInteger } from './arguments.ts';
import { type BoundBlock, isText, linePart, placeOf, wordsOf } from './bind.ts';
import { type Context, commandOf } from './context.ts';
import { wordValue } from './lexer.ts';
import { tokenPlace } from './syntax.ts';

const SCRIPT_TIMEOUT = 10;
const CHILD_WAIT = 5;
const MAX_CPU = 1023;
const SYNC_PORT = 8848;
const SYNC_GROUP = IpAddress.parse('224.0.0.81') as IpAddress;

type DaemonSettings = Pick<
  Configuration,
  | 'instance'
  | 'networkNamespace'
  | 'startupScript'
  | 'shutdownScript'
  | 'delayAfterBoot'
  | 'dynamicInterfaces'
  | 'logUnknownVrids'
  | 'notifyFifo'
  | 'vrrpNotifyFifo'
  | 'lvsNotifyFifo'
  | 'fifoStatesOnReload'
  | 'vrrpProcess'
  | 'checkerProcess'
  | 'bfdProcess'
  | 'childWaitTime'
  | 'dumps'
  | 'reloadCheckLog'
  | 'firewall'
  | 'groupMarks'
  | 'flushAtStart'
  | 'flushAtStop'
  | 'initialNotifies'
>;

export function readDaemon(root: BoundBlock, globals: BoundBlock, context: Context): DaemonSettings {
  const instance = root.text('instance');
  const networkNamespace = root.text('net_namespace');
  const startupScript = timedScript(globals, 'startup_script', context);
  const shutdownScript = timedScript(globals, 'shutdown_script', context);
  const reloadCheckLog = globals.text('reload_check_config');
  const groupMarks = readMarks(globals);
  return {
    ...(instance !== undefined && { instance }),
    ...(networkNamespace !== undefined && { networkNamespace }),
    ...(startupScript && { startupScript }),
    ...(shutdownScript && { shutdownScript }),
    delayAfterBoot: globals.number('vrrp_delay_after_boot') ?? 0,
    dynamicInterfaces: globals.has('dynamic_interfaces'),
    logUnknownVrids: globals.has('log_unknown_vrids'),
    ...readFifos(globals, context),
    fifoStatesOnReload: globals.has('fifo_write_vrrp_states_on_reload'),
    vrrpProcess: readProcess(globals, 'vrrp', context),
    checkerProcess: readProcess(globals, 'checker', context),
    bfdProcess: readProcess(globals, 'bfd', context),
    childWaitTime: seconds(root.number('child_wait_time') ?? CHILD_WAIT),
    dumps: readDumps(globals),
    ...(reloadCheckLog !== undefined && { reloadCheckLog }),
    firewall: readFirewall(globals),
    ...(groupMarks && { groupMarks }),
    flushAtStart: globals.has('lvs_flush'),
    flushAtStop: globals.has('lvs_flush_on_stop'),
    initialNotifies: globals.flag('rs_init_notifies') ?? false,
  };
}

function timedScript(globals: BoundBlock, name: string, context: Context): Configuration['startupScript'] {
  const command = commandOf(globals, name, context);
  return command && { command, timeout: seconds(globals.number(`${name}_timeout`) ?? SCRIPT_TIMEOUT) };
}

/** Two pipes of one path would get each other's lines. */
function readFifos(globals: BoundBlock, context: Context): Pick<Configuration, 'notifyFifo' | 'vrrpNotifyFifo' | 'lvsNotifyFifo'> {
  const names = { notifyFifo: 'notify_fifo', vrrpNotifyFifo: 'vrrp_notify_fifo', lvsNotifyFifo: 'lvs_notify_fifo' } as const;
  const fifos: { -readonly [K in keyof typeof names]?: NotifyFifo } = {};
  const taken = new Set<string>();
  for (const [key, name] of Object.entries(names) as [keyof typeof names, string][]) {
    const bound = globals.last(name);
    const line = globals.line(name);
    const path = linePart(line, 0, isText);
    if (!bound || path === undefined) continue;
    if (taken.has(path)) {
      context.reporter.report('config/duplicate-name', placeOf(bound), `Another notify pipe has the path ${path} already.`, {
        help: 'Give every notify pipe its own path.',
      });
      continue;
    }
    taken.add(path);
    const user = linePart(line, 1, isText);
    const group = linePart(line, 2, isText);
    const reader: ScriptCommand | undefined = commandOf(globals, `${name}_script`, context);
    fifos[key] = {
      path,
      ...(user !== undefined && { user }),
      ...(group !== undefined && { group: groupName(group) }),
      ...(reader && { reader }),
    };
  }
  return fifos;
}

function readProcess(globals: BoundBlock, prefix: string, { reporter }: Context): ProcessSettings {
  const nice = globals.number(`${prefix}_priority`);
  const realTimePriority = globals.number(`${prefix}_rt_priority`);
  const affinity = globals.last(`${prefix}_cpu_affinity`);
  const cpus = affinity
    ? wordsOf(affinity).flatMap((token) => readInteger(token, 0, MAX_CPU, `${prefix}_cpu_affinity`, affinity.source, reporter) ?? [])
    : [];
  return { ...(nice !== undefined && { nice }), ...(realTimePriority !== undefined && { realTimePriority }), cpus };
}

function readDumps(globals: BoundBlock): DumpSettings {
  const stateFile = globals.text('state_dump_file');
  const statsFile = globals.text('stats_dump_file');
  const jsonFile = globals.text('json_dump_file');
  return {
    ...(stateFile !== undefined && { stateFile }),
    ...(statsFile !== undefined && { statsFile }),
    ...(jsonFile !== undefined && { jsonFile }),
    jsonVersion: globals.number('json_version') === 2 ? 2 : 1,
    useInstance: globals.flag('data_use_instance') ?? false,
  };
}

function readFirewall(globals: BoundBlock): FirewallSettings {
  return {
    table: globals.text('nftables') ?? 'keepalived',
    chainPriority: globals.number('nftables_priority') ?? -1,
    counters: globals.has('nftables_counters'),
  };
}

function readMarks(globals: BoundBlock): MarkSettings | undefined {
  const table = globals.textOrBare('nftables_ipvs');
  if (table === undefined) return undefined;
  return {
    table: table === true ? 'keepalived_ipvs' : table,
    chainPriority: globals.number('nftables_ipvs_priority') ?? -1,
    firstMark: globals.number('nftables_ipvs_start_fwmark') ?? 1000,
  };
}

/** `lvs_sync_daemon IF [[inst] INSTANCE] [id N] …`. */
export function readSyncDaemon(globals: BoundBlock, routers: readonly VirtualRouter[], { reporter }: Context): SyncDaemon | undefined {
  const bound = globals.last('lvs_sync_daemon');
  const line = globals.line('lvs_sync_daemon');
  const interfaceName = linePart(line, 0, isText);
  if (!bound || !line || interfaceName === undefined) return undefined;
  const word = line.words.get('inst');
  const token = word?.valueToken ?? line.parts[1]?.token;
  const name = token && wordValue(token);
  const router = routers.find((candidate) => candidate.name === name);
  if (token && !router && !reporter.lostNames.has(wordValue(token)))
    reporter.report('config/unknown-reference', tokenPlace(bound.source, token), `There is no vrrp_instance ${name}.`, {
      help: 'Names are case-sensitive.',
    });
  const number = (key: string): number | undefined => line.words.get(key)?.value as number | undefined;
  const maxLength = number('maxlen');
  return {
    interface: interfaceName,
    ...(router && { router: router.name }),
    id: number('id') ?? router?.vrid ?? 0,
    ...(maxLength !== undefined && { maxLength }),
    port: number('port') ?? SYNC_PORT,
    ttl: number('ttl') ?? 1,
    group: (line.words.get('group')?.value as IpAddress | undefined) ?? SYNC_GROUP,
  };
}
