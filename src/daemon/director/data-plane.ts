/** The data plane of this host. INTERIM: memory only until the packet path lands. */
import { MemoryDataPlane } from '../../dataplane/index.ts';
import type { Configuration } from '../../model/index.ts';
import type { DataPlane, Logger } from '../../ports/index.ts';
import { monotonicClock } from '../checks/index.ts';

export class HostedDataPlane {
  readonly current: DataPlane;

  private constructor(current: DataPlane) {
    this.current = current;
  }

  static open(_configuration: Configuration, _runDir: string, _logger: Logger): HostedDataPlane {
    return new HostedDataPlane(new MemoryDataPlane({ clock: monotonicClock }));
  }

  configure(_configuration: Configuration): void {}

  get kind(): string {
    return this.current.kind;
  }

  attachments(): { name: string; mode: string }[] {
    return [];
  }

  drops(): Record<string, number> {
    return {};
  }

  close(): void {
    this.current.close();
  }
}
