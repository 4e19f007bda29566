/** Everything that was bound, to the model. */
import type { Configuration } from '../../model/index.ts';
import type { BoundBlock } from './bind.ts';
import type { Context, InterfaceUse } from './context.ts';
import { readDaemon, readSyncDaemon } from './lower-daemon.ts';
import { mergeGlobals, readGlobals, readMail, readTimeouts } from './lower-global.ts';
import { readPacketPath } from './lower-packet-path.ts';
import { readServices } from './lower-service.ts';
import { readInterfaceDelays, readPacing, readStaticNetwork } from './lower-static.ts';
import { readGroups } from './lower-sync.ts';
import { readBfdSessions, readScripts, readTrackFiles, readTrackProcesses } from './lower-tracked.ts';
import { readRouters } from './lower-vrrp.ts';
import type { Reporter } from './report.ts';
import { type NameFile, RouteNames } from './route-names.ts';
import { reportRouters, withoutGroupWeights } from './vrrp-diagnostics.ts';

export interface LowerOptions {
  /** For defaults that contain it, such as the sender of mail. */
  readonly hostName?: string;
  /** The text of the files with the names of routing tables and protocols (`/etc/iproute2/rt_tables` …). */
  readonly nameFile?: NameFile;
}

export interface Lowered {
  readonly configuration: Configuration;
  readonly interfaces: readonly InterfaceUse[];
}

export function lower(root: BoundBlock, reporter: Reporter, options: LowerOptions): Lowered {
  const globalBlock = mergeGlobals(root);
  const globals = readGlobals(globalBlock, reporter);
  const directories = [
    globalBlock.text('iproute_etc_dir') ?? '/etc/iproute2',
    globalBlock.text('iproute_usr_dir') ?? '/usr/share/iproute2',
  ];
  const context: Context = {
    reporter,
    globals,
    interfaces: [],
    names: new RouteNames(directories, options.nameFile),
    unnumberedRules: { count: 0 },
  };
  const routerId = globalBlock.text('router_id');
  const tracked = {
    scripts: readScripts(root, context),
    files: readTrackFiles(root, context),
    processes: readTrackProcesses(root, context),
    sessions: readBfdSessions(root, context),
  };
  const read = readRouters(root, tracked, context);
  const groups = readGroups(root, read, tracked, context);
  reportRouters(read, groups, context);
  const routers = withoutGroupWeights(
    read.map(({ router }) => router),
    groups,
  );
  const syncDaemon = readSyncDaemon(globalBlock, routers, context);
  const configuration: Configuration = {
    ...(routerId !== undefined && { routerId }),
    mail: readMail(globalBlock, options.hostName ?? 'localhost'),
    scriptSecurity: globalBlock.has('enable_script_security'),
    ...(globals.scriptUser !== undefined && { scriptUser: globals.scriptUser }),
    ...(globals.scriptGroup !== undefined && { scriptGroup: globals.scriptGroup }),
    startupDelay: globals.startupDelay,
    ...readDaemon(root, globalBlock, context),
    scripts: tracked.scripts,
    trackFiles: tracked.files,
    trackProcesses: tracked.processes,
    bfdSessions: tracked.sessions,
    routers,
    groups,
    pacing: readPacing(root, globalBlock, context),
    interfaceDelays: readInterfaceDelays(root, context),
    staticNetwork: readStaticNetwork(root, routers, context),
    services: readServices(root, context, {
      trackFiles: tracked.files,
      bfdSessions: tracked.sessions.filter((session) => session.forChecks),
    }),
    ...(syncDaemon && { syncDaemon }),
    timeouts: readTimeouts(globalBlock),
    ...readPacketPath(root),
  };
  return { configuration, interfaces: context.interfaces };
}
