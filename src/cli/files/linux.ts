/** This host, as the commands that read configuration files see it. */
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { decodeConfiguration, encodeConfiguration, type ProgramFacts } from '../../config/index.ts';
import type { FileIo } from './io.ts';

/** Lists the interfaces of the network namespace that we are in; sysfs may be mounted from another one, procfs cannot. */
const INTERFACES = '/proc/self/net/dev';

/** `configId`: what `@id` lines are compared with, where the person says so. */
export function linuxFileIo(configId?: string): FileIo {
  return {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    readFile: (path) => decodeConfiguration(readFileSync(path)),
    listDirectory: (path) => readdirSync(path),
    replaceFile,
    hostInterfaces: readInterfaces(),
    findProgram,
    hostName: hostname(),
    configId,
    environment: process.env,
    workingDirectory: process.cwd(),
  };
}

/**
 * Writes a new file beside the old one and renames it over it, so that whoever reads sees the one or the other. A symbolic link
 * stays one. The temporary name begins with a dot: a pattern such as `include conf.d/*` does not match it.
 */
export function replaceFile(path: string, text: string): void {
  const target = realpathSync(path);
  const { mode, uid, gid } = statSync(target);
  const temporary = join(dirname(target), `.vipwright-${process.pid}.tmp`);
  const descriptor = openSync(temporary, 'wx', 0o600);
  try {
    try {
      const bytes = encodeConfiguration(text);
      for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
      fchownSync(descriptor, uid, gid);
      fchmodSync(descriptor, mode & 0o7777);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Where programs that are given by name are looked for when the environment says nothing. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function findProgram(program: string): ProgramFacts | undefined {
  const candidates = program.includes('/') ? [program] : (process.env.PATH ?? PATH).split(delimiter).map((folder) => join(folder, program));
  for (const candidate of candidates) {
    try {
      const path = realpathSync(candidate);
      const { mode } = statSync(path);
      const alterable = alterablePart(path);
      return { executable: (mode & 0o111) !== 0, ...(alterable !== undefined && { alterable }) };
    } catch {
      // Not here, or not for us to see.
    }
  }
  return undefined;
}

/** The first part of a path, from the root on, that somebody other than root owns or may write to. */
function alterablePart(path: string): string | undefined {
  if (!isAbsolute(path)) return undefined;
  const parts = path.split('/').map((_, index, all) => all.slice(0, index + 1).join('/') || '/');
  return parts.find((part) => {
    const { mode, uid, gid } = statSync(part);
    const byGroup = (mode & 0o020) !== 0 && gid !== 0;
    // In a folder with the sticky bit, others can add files and not replace ours.
    const byOthers = (mode & 0o002) !== 0 && (mode & 0o1000) === 0;
    return uid !== 0 || byGroup || byOthers;
  });
}

/** Two lines of heading, then `NAME: counters …`. Undefined where there is no procfs. */
function readInterfaces(): string[] | undefined {
  try {
    const lines = readFileSync(INTERFACES, 'utf8').split('\n').slice(2);
    return lines.flatMap((line) => /^\s*(\S+):/.exec(line)?.[1] ?? []);
  } catch {
    return undefined;
  }
}
