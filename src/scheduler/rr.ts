/** Round robin (`ipvsadm -s rr`): a pointer to the last server chosen walks the list; weights gate but do not weigh. */
import { isUsable, type SchedulableServer, type Scheduler } from './scheduler.ts';

/** Index of the server chosen last; -1 is the head of the list, before the first server. */
export type RrPosition = number;

export const RR_INITIAL: RrPosition = -1;

/** A server came in at the head: the pointer stays with its server, which has moved down by one. From the head it stays at the head. */
export function rrAdded(position: RrPosition): RrPosition {
  return position < 0 ? position : position + 1;
}

/** A server left: the pointer stays with its server; when that was the one, it steps back to the predecessor. */
export function rrRemoved(position: RrPosition, index: number): RrPosition {
  return index <= position ? position - 1 : position;
}

export class RrScheduler<S extends SchedulableServer> implements Scheduler<S> {
  private readonly servers: readonly S[];
  private position = RR_INITIAL;

  constructor(servers: readonly S[]) {
    this.servers = servers;
  }

  added(): void {
    this.position = rrAdded(this.position);
  }

  edited(): void {
    // Weights are read at the time of choosing.
  }

  removed(_server: S, index: number): void {
    this.position = rrRemoved(this.position, index);
  }

  schedule(): S | undefined {
    const count = this.servers.length;
    for (let step = 1; step <= count; step++) {
      // Started at the head, index -1, this visits 0 to count-1; started at a server, the server itself comes last.
      const index = (this.position + step) % count;
      const server = this.servers[index] as S;
      if (isUsable(server)) {
        this.position = index;
        return server;
      }
    }
    return undefined;
  }
}
