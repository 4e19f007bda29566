/**
 * The FIFOs that get a line for every transition (`notify_fifo`, `vrrp_notify_fifo`, `lvs_notify_fifo`), and the programs that read
 * them. All of them live in the failover process, so that both halves of the daemon write into one, and a director that dies takes
 * no reader with it.
 */
import type { Configuration, NotifyFifo, ScriptCommand } from '../model/index.ts';
import { FifoWriter } from '../os/files/index.ts';
import { type RunningScript, resolveIdentity } from '../os/process/index.ts';
import type { Logger } from '../ports/index.ts';
import type { Parts } from './configuration.ts';

/** Whom a line is about: virtual routers and sync groups, or virtual services and real servers. */
type FifoSubject = 'vrrp' | 'services';

interface Wanted {
  readonly settings: NotifyFifo;
  readonly subjects: readonly FifoSubject[];
}

interface OpenFifo extends Wanted {
  readonly writer: FifoWriter;
  readonly reader: RunningScript | undefined;
}

/** `INSTANCE "VI_1" MASTER 150`, with its line break: keepalived's form. */
export function vrrpLine(subject: 'instance' | 'group', name: string, word: string, priority: number): string {
  return `${subject.toUpperCase()} "${name}" ${word} ${priority}\n`;
}

export class NotifyFifos {
  private readonly logger: Logger;
  private readonly start: (command: ScriptCommand, words: readonly string[]) => RunningScript | undefined;
  private open: OpenFifo[] = [];

  /** `start` runs a reader; it gives undefined when that is not allowed to run. */
  constructor(logger: Logger, start: (command: ScriptCommand, words: readonly string[]) => RunningScript | undefined) {
    this.logger = logger;
    this.start = start;
  }

  /** Opens exactly those of the configuration; one whose settings have not changed stays open, and its reader goes on. */
  configure(
    { notifyFifo, vrrpNotifyFifo, lvsNotifyFifo }: Pick<Configuration, 'notifyFifo' | 'vrrpNotifyFifo' | 'lvsNotifyFifo'>,
    parts: Parts,
  ): void {
    const vrrp: FifoSubject[] = parts.vrrp ? ['vrrp'] : [];
    const services: FifoSubject[] = parts.checks ? ['services'] : [];
    const wanted: Wanted[] = [];
    if (notifyFifo) wanted.push({ settings: notifyFifo, subjects: [...vrrp, ...services] });
    if (vrrpNotifyFifo && parts.vrrp) wanted.push({ settings: vrrpNotifyFifo, subjects: vrrp });
    if (lvsNotifyFifo && parts.checks) wanted.push({ settings: lvsNotifyFifo, subjects: services });
    for (const fifo of this.open) if (!wanted.some((one) => isSame(one, fifo))) this.closeOne(fifo);
    this.open = wanted.flatMap((one) => this.open.find((fifo) => isSame(one, fifo)) ?? this.openOne(one) ?? []);
  }

  write(subject: FifoSubject, line: string): void {
    for (const { subjects, writer } of this.open) {
      if (!subjects.includes(subject)) continue;
      try {
        if (!writer.write(line)) this.logger.log('warning', `FIFO ${writer.path} is full: nobody reads it, a line is lost`);
      } catch (error) {
        this.logger.log('error', `Cannot write to FIFO ${writer.path}: ${(error as Error).message}`);
      }
    }
  }

  close(): void {
    for (const fifo of this.open.splice(0)) this.closeOne(fifo);
  }

  private openOne({ settings, subjects }: Wanted): OpenFifo | undefined {
    const { path, user, group, reader } = settings;
    const owner = resolveIdentity(user, group);
    try {
      if ('unknown' in owner) throw new Error(`unknown ${owner.unknown}`);
      const writer = new FifoWriter(path, owner);
      return { settings, subjects, writer, reader: reader && this.startReader(reader, path) };
    } catch (error) {
      this.logger.log('error', `Cannot open notify FIFO ${path}: ${(error as Error).message}`);
      return undefined;
    }
  }

  private startReader(command: ScriptCommand, path: string): RunningScript | undefined {
    const reader = this.start(command, [path]);
    const name = command.argv[0] ?? '';
    void reader?.outcome.then((outcome) => {
      if (outcome.kind === 'failed') this.logger.log('error', `Cannot run FIFO reader ${name}: ${outcome.reason}`);
      else if (outcome.kind !== 'timed-out')
        this.logger.log('warning', `FIFO reader ${name} has ended; it is started again at a reload that changes it`);
    });
    return reader;
  }

  private closeOne({ writer, reader }: OpenFifo): void {
    reader?.terminate();
    writer.close();
  }
}

function isSame(a: Wanted, b: Wanted): boolean {
  return JSON.stringify([a.settings, a.subjects]) === JSON.stringify([b.settings, b.subjects]);
}
