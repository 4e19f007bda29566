/** One configuration file with everything that it includes, read and held against this host. */
import type { Diagnostic } from '../../base/index.ts';
import {
  type ConfigurationSource,
  checkAgainstHost,
  checkScripts,
  createIncludeResolver,
  type KeepalivedReading,
  readKeepalived,
} from '../../config/index.ts';
import type { FileIo } from './io.ts';

export interface CheckedFile {
  readonly file: string;
  readonly reading: KeepalivedReading;
  /** Of the text, then of what it asks of this host. */
  readonly diagnostics: readonly Diagnostic[];
  readonly sources: readonly ConfigurationSource[];
}

/** Throws when the file itself cannot be read; an include that cannot be is a diagnostic. */
export function readConfigurationFile(file: string, io: FileIo): CheckedFile {
  return checkText(file, readFile(file, io), io);
}

function readFile(file: string, io: FileIo): string {
  try {
    return io.readFile(file);
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as Error).message}`);
  }
}

/** `replaced` are texts that stand in for those on the disk: what a fix would leave there. */
export function checkText(file: string, text: string, io: FileIo, replaced: ReadonlyMap<string, string> = new Map()): CheckedFile {
  const include = createIncludeResolver({
    readFile: (path) => replaced.get(path) ?? orElse(() => io.readFile(path), undefined),
    listDirectory: (path) => orElse(() => io.listDirectory(path), []),
  });
  const { hostName, configId, environment, workingDirectory } = io;
  const reading = readKeepalived(text, {
    file,
    include,
    nameFile: (path) => orElse(() => io.readFile(path), undefined),
    ...(hostName !== undefined && { hostName }),
    ...(configId !== undefined && { configId }),
    ...(environment && { environment }),
    ...(workingDirectory !== undefined && { workingDirectory }),
  });
  // With `net_namespace` the daemon looks for its interfaces in another place than we are in.
  const isHere = reading.configuration.networkNamespace === undefined;
  const host = io.hostInterfaces && isHere ? checkAgainstHost(reading, { interfaces: io.hostInterfaces }) : [];
  const scripts = io.findProgram ? checkScripts(reading, io.findProgram) : [];
  return { file, reading, diagnostics: [...reading.diagnostics, ...host, ...scripts], sources: reading.sources };
}

function orElse<T, U>(attempt: () => T, otherwise: U): T | U {
  try {
    return attempt();
  } catch {
    return otherwise;
  }
}
