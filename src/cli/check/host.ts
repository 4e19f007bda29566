/** This host, as `vipwright check` sees it. */
import { readdirSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { CheckIo } from './check.ts';

/** Lists the interfaces of the network namespace that we are in; sysfs may be mounted from another one, procfs cannot. */
const INTERFACES = '/proc/self/net/dev';

export function linuxCheckIo(): CheckIo {
  const hostInterfaces = readInterfaces();
  return {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    readFile: (path) => readFileSync(path, 'utf8'),
    listDirectory: (path) => readdirSync(path),
    hostInterfaces,
    hostName: hostname(),
  };
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
