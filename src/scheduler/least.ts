/** The schedulers that look for the least loaded server: lc, wlc, sed, nq. */
import { expectedDelay, leastPerWeight, overhead } from './cost.ts';
import { isUsable, type SchedulableServer, StatelessScheduler } from './scheduler.ts';

/** Least connection: weights gate but do not weigh. */
export class LcScheduler<S extends SchedulableServer> extends StatelessScheduler<S> {
  override schedule(): S | undefined {
    let least: S | undefined;
    for (const server of this.servers) {
      if (isUsable(server) && (!least || overhead(server) < overhead(least))) least = server;
    }
    return least;
  }
}

/** Weighted least connection, ipvsadm's default. */
export class WlcScheduler<S extends SchedulableServer> extends StatelessScheduler<S> {
  override schedule(): S | undefined {
    return leastPerWeight(this.servers, overhead, isUsable);
  }
}

/** Shortest expected delay. */
export class SedScheduler<S extends SchedulableServer> extends StatelessScheduler<S> {
  override schedule(): S | undefined {
    return leastPerWeight(this.servers, expectedDelay, isUsable);
  }
}

/** Never queue: the first server without active connections, else the shortest expected delay. */
export class NqScheduler<S extends SchedulableServer> extends StatelessScheduler<S> {
  override schedule(): S | undefined {
    const idle = this.servers.find((server) => isUsable(server) && server.activeConnections === 0);
    return idle ?? leastPerWeight(this.servers, expectedDelay, isUsable);
  }
}
