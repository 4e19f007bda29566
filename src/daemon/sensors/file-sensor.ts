/** Numbers in tracked files (`track_file`), read whenever a file has been written. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { TrackFile } from '../../model/index.ts';
import { FileWatcher } from '../../os/files/index.ts';
import type { AsyncPoller } from '../../os/reactor/index.ts';
import type { Logger } from '../../ports/index.ts';

export interface FileReading {
  readonly file: string;
  readonly value: number;
}

export class FileSensor {
  private readonly watcher = new FileWatcher();
  private readonly poller: AsyncPoller;
  private readonly logger: Logger;
  private readonly report: (reading: FileReading) => void;
  private files: readonly TrackFile[] = [];
  private watching = false;

  constructor(poller: AsyncPoller, logger: Logger, report: (reading: FileReading) => void) {
    this.poller = poller;
    this.logger = logger;
    this.report = report;
  }

  /** Writes initial values where asked for, watches exactly these files, and returns what they hold now. */
  configure(files: readonly TrackFile[]): FileReading[] {
    const known = new Set(this.files.map((file) => file.path));
    for (const file of files) if (!known.has(file.path)) this.initialize(file);
    this.files = files;
    for (const { directory, reason } of this.watcher.watch(files.map((file) => file.path))) {
      this.logger.log('error', `Cannot watch ${directory} for tracked files: ${reason}`);
    }
    this.setWatching(files.length > 0);
    return files.map((file) => this.reading(file));
  }

  close(): void {
    this.setWatching(false);
    this.watcher.close();
  }

  private setWatching(wanted: boolean): void {
    if (wanted && !this.watching) this.poller.add(this.watcher.fd, () => this.readChanges());
    if (!wanted && this.watching) this.poller.remove(this.watcher.fd);
    this.watching = wanted;
  }

  private readChanges(): void {
    const changed = new Set(this.watcher.read());
    for (const file of this.files) if (changed.has(file.path)) this.report(this.reading(file));
  }

  private initialize({ name, path, initial }: TrackFile): void {
    if (!initial || (!initial.overwrite && existsSync(path))) return;
    try {
      writeFileSync(path, `${initial.value}\n`);
    } catch (error) {
      this.logger.log('error', `Cannot initialise track file ${name}: ${(error as Error).message}`);
    }
  }

  private reading({ name, path }: TrackFile): FileReading {
    return { file: name, value: this.readNumber(path) };
  }

  /** As strtol(3): leading blanks, a sign, digits; anything else is 0. */
  private readNumber(path: string): number {
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch {
      return 0;
    }
    const value = Number.parseInt(text, 10);
    if (!Number.isNaN(value)) return value;
    if (text.trim() !== '') this.logger.log('warning', `Track file ${path} holds no number: it counts as 0`);
    return 0;
  }
}
