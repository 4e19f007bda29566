/** The schedulers that fill the server of the greatest weight first: fo, ovf. */
import { isUsable, type SchedulableServer, StatelessScheduler } from './scheduler.ts';

/** Weighted fail-over: always the server of the greatest weight; of equals the first in the list. */
export class FoScheduler<S extends SchedulableServer> extends StatelessScheduler<S> {
  override schedule(): S | undefined {
    return greatest(this.servers, isUsable);
  }
}

/** Weighted overflow: as fo, but a server with more active connections than its weight is full. (So it takes weight + 1.) */
export class OvfScheduler<S extends SchedulableServer> extends StatelessScheduler<S> {
  override schedule(): S | undefined {
    return greatest(this.servers, (server) => isUsable(server) && server.activeConnections <= server.weight);
  }
}

function greatest<S extends SchedulableServer>(servers: readonly S[], isCandidate: (server: S) => boolean): S | undefined {
  let best: S | undefined;
  for (const server of servers) {
    if (isCandidate(server) && (!best || server.weight > best.weight)) best = server;
  }
  return best;
}
