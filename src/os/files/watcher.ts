/** Tells when the content of certain files changes, whether they are written in place, replaced, made or deleted. Nothing is polled. */
import { basename, dirname } from 'node:path';
import { close, createInotify, readInotify, unwatchDirectory, watchDirectory } from '../ffi/index.ts';

export class FileWatcher {
  /** Non-blocking; readable when `read` has something. */
  readonly fd = createInotify();
  private readonly watches = new Map<string, number>();
  private paths: readonly string[] = [];

  /** Watches exactly these files. The directories that cannot be watched (they must exist) are returned with the reason. */
  watch(paths: readonly string[]): { readonly directory: string; readonly reason: string }[] {
    this.paths = paths;
    const wanted = new Set(paths.map(dirname));
    for (const [directory, watch] of this.watches) {
      if (wanted.has(directory)) continue;
      unwatchDirectory(this.fd, watch);
      this.watches.delete(directory);
    }
    const problems: { directory: string; reason: string }[] = [];
    for (const directory of wanted) {
      if (this.watches.has(directory)) continue;
      try {
        this.watches.set(directory, watchDirectory(this.fd, directory));
      } catch (error) {
        problems.push({ directory, reason: (error as Error).message });
      }
    }
    return problems;
  }

  /** The files that have changed since the last call; all of them when the kernel lost count. */
  read(): readonly string[] {
    const changes = readInotify(this.fd);
    if (changes.some(({ watch }) => watch < 0)) return this.paths;
    return this.paths.filter((path) =>
      changes.some(({ watch, name }) => this.watches.get(dirname(path)) === watch && basename(path) === name),
    );
  }

  close(): void {
    close(this.fd);
  }
}
