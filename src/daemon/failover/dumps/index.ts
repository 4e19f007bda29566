/** The files that signals ask for, in keepalived's places, forms and mode (0600). */
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration, DumpSettings } from '../../../model/index.ts';
import type { Logger } from '../../../ports/index.ts';
import { formatData } from './data.ts';
import { formatJson } from './json.ts';
import { formatStats } from './stats.ts';
import type { DumpSubject } from './subject.ts';

export type DumpKind = 'data' | 'stats' | 'json';

/** keepalived's name: with `data_use_instance` the instance and the namespace stand before the last dot. */
export function dumpPath(kind: DumpKind, { dumps, instance, networkNamespace }: Configuration, directory: string): string {
  const configured: Record<DumpKind, keyof DumpSettings> = { data: 'stateFile', stats: 'statsFile', json: 'jsonFile' };
  const path = dumps[configured[kind]];
  if (typeof path === 'string') return path.endsWith('/') ? join(path, `keepalived.${kind}`) : path;
  const labels = dumps.useInstance ? [instance, networkNamespace].filter((label) => label !== undefined) : [];
  return join(directory, `keepalived${labels.map((label) => `_${label}`).join('')}.${kind}`);
}

export function formatDump(kind: DumpKind, subject: DumpSubject): string {
  switch (kind) {
    case 'data':
      return formatData(subject);
    case 'stats':
      return formatStats(subject.dump.snapshot.routers);
    case 'json':
      return formatJson(subject);
  }
}

export class DumpWriter {
  private readonly logger: Logger;

  constructor(logger: Logger) {
    this.logger = logger;
  }

  write(kind: DumpKind, subject: DumpSubject): void {
    const path = dumpPath(kind, subject.configuration, process.env.TMPDIR ?? '/tmp');
    try {
      // Never through a link that somebody put into a directory that everybody may write.
      const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW, 0o600);
      try {
        writeSync(fd, formatDump(kind, subject));
      } finally {
        closeSync(fd);
      }
      this.logger.log('info', `Printing VRRP ${kind} for process(${process.pid}) on signal`);
    } catch (error) {
      this.logger.log('error', `Cannot write ${path}: ${(error as Error).message}`);
    }
  }
}
