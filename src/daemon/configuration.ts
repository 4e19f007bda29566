/** Reads configuration files from disk and says everything that is wrong with them, before anything is started or changed. */
import { readdirSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { type Diagnostic, hasErrors } from '../base/index.ts';
import { checkAgainstHost, createIncludeResolver, formatDiagnostic, readKeepalivedFiles } from '../config/index.ts';
import type { Configuration } from '../model/index.ts';
import type { VrrpSettings } from '../vrrp/index.ts';

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

/** Throws when a file cannot be read; everything else is a diagnostic. `interfaces` are the host's. */
export function loadConfiguration(paths: readonly string[], interfaces: Iterable<string>): LoadedConfiguration {
  const sources = paths.map((file) => ({ file, text: readFileSync(file, 'utf8') }));
  const reading = readKeepalivedFiles(sources, { hostName: hostname(), include });
  const diagnostics = [...reading.diagnostics, ...checkAgainstHost(reading, { interfaces })];
  return { configuration: reading.configuration, diagnostics, usable: !hasErrors(diagnostics) };
}

/** The virtual routers' part; none without `-P`. */
export function vrrpSettings(configuration: Configuration, parts: Parts): VrrpSettings {
  if (!parts.vrrp) return { routers: [], groups: [], scripts: [], startupDelay: 0 };
  const { routers, groups, scripts, startupDelay } = configuration;
  return { routers, groups, scripts, startupDelay };
}

/** One diagnostic as one line of the log. */
export function diagnosticLine(diagnostic: Diagnostic): string {
  return `${formatDiagnostic(diagnostic)}${diagnostic.help ? ` ${diagnostic.help}` : ''}`;
}

const include = createIncludeResolver({
  readFile: (path) => orElse(() => readFileSync(path, 'utf8'), undefined),
  listDirectory: (path) => orElse(() => readdirSync(path), []),
});

function orElse<T, U>(attempt: () => T, otherwise: U): T | U {
  try {
    return attempt();
  } catch {
    return otherwise;
  }
}
