/** Reads configuration files from disk and says everything that is wrong with them, before anything is started or changed. */
import { randomInt } from 'node:crypto';
import { closeSync, constants, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { type Diagnostic, hasErrors, type Micros } from '../base/index.ts';
import {
  checkAgainstHost,
  checkScripts,
  createIncludeResolver,
  decodeConfiguration,
  formatDiagnostic,
  readKeepalivedFiles,
} from '../config/index.ts';
import type { Configuration, StaticNetwork } from '../model/index.ts';
import { EMPTY_VRRP_SETTINGS, type VrrpSettings } from '../vrrp/index.ts';
import type { ReactorSettings } from './failover/thread-messages.ts';
import { lookUpProgram } from './programs.ts';

export interface LoadedConfiguration {
  readonly configuration: Configuration;
  readonly diagnostics: readonly Diagnostic[];
  /** False when a diagnostic is an error: then nothing may be started or changed. */
  readonly usable: boolean;
}

/** What the daemon is asked to run of a configuration (`-P`, `-C`). */
export interface Parts {
  readonly vrrp: boolean;
  readonly checks: boolean;
}

/** Throws when a file cannot be read; everything else is a diagnostic. `interfacesOf` lists those of a network namespace, by default our own. */
export function loadConfiguration(
  paths: readonly string[],
  interfacesOf: (networkNamespace: string | undefined) => Iterable<string>,
): LoadedConfiguration {
  const sources = paths.map((file) => ({ file, text: readText(file) }));
  const reading = readKeepalivedFiles(sources, {
    hostName: hostname(),
    include,
    nameFile: readIfThere,
    environment: process.env,
    workingDirectory: process.cwd(),
    randomSeed: randomInt(2 ** 32),
  });
  const diagnostics = [
    ...reading.diagnostics,
    ...checkAgainstHost(reading, { interfaces: interfacesOf(reading.configuration.networkNamespace) }),
    ...checkScripts(reading, lookUpProgram),
  ];
  return { configuration: reading.configuration, diagnostics, usable: !hasErrors(diagnostics) };
}

/** What the reactor's thread runs; without `-P` only the BFD sessions, which checks follow, too. `uptime` is the time since the machine was started. */
export function reactorSettings(configuration: Configuration, parts: Parts, uptime: Micros): ReactorSettings {
  const { staticNetwork, firewall, pacing, bfdSessions } = configuration;
  if (!parts.vrrp) return { vrrp: EMPTY_VRRP_SETTINGS, staticNetwork: NO_STATIC_NETWORK, firewall, pacing: [], bfdSessions };
  const { routers, groups, scripts, trackFiles: files, trackProcesses: processes, interfaceDelays, syncDaemon } = configuration;
  const startupDelay = Math.max(configuration.startupDelay, configuration.delayAfterBoot - uptime);
  const { trackGroups } = staticNetwork;
  const vrrp: VrrpSettings = {
    routers,
    groups,
    scripts,
    files,
    processes,
    interfaceDelays,
    trackGroups,
    startupDelay,
    logUnknownVrids: configuration.logUnknownVrids,
    ...(syncDaemon?.router !== undefined && { syncDaemonRouter: syncDaemon.router }),
  };
  return { vrrp, staticNetwork, firewall, pacing, bfdSessions };
}

const NO_STATIC_NETWORK: StaticNetwork = { addresses: [], routes: [], rules: [], trackGroups: [] };

/** One diagnostic as one line of the log. */
export function diagnosticLine(diagnostic: Diagnostic): string {
  return `${formatDiagnostic(diagnostic)}${diagnostic.help ? ` ${diagnostic.help}` : ''}`;
}

/** Writes what a reload found wrong with the files where `reload_check_config` wants it. Throws when that cannot be written. */
export function writeCheckLog(path: string, { diagnostics, usable }: LoadedConfiguration): void {
  const outcome = usable ? 'The configuration can be used' : 'The configuration has errors: the running one stays as it is';
  const text = [...diagnostics.map(diagnosticLine), outcome].map((line) => `${line}\n`).join('');
  // Never through a link that somebody put into a directory that everybody may write.
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW, 0o600);
  try {
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
}

const include = createIncludeResolver({
  readFile: readIfThere,
  listDirectory: (path) => orElse(() => readdirSync(path), []),
});

/** Whatever its bytes are. */
function readText(path: string): string {
  return decodeConfiguration(readFileSync(path));
}

function readIfThere(path: string): string | undefined {
  return orElse(() => readText(path), undefined);
}

function orElse<T, U>(attempt: () => T, otherwise: U): T | U {
  try {
    return attempt();
  } catch {
    return otherwise;
  }
}
