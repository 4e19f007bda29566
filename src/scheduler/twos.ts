/** Power of two choices (`ipvsadm -s twos`): two servers drawn by weight, of which the less loaded one takes the connection. */
import type { Random } from '../base/index.ts';
import { overhead, productExceeds } from './cost.ts';
import { isUsable, type SchedulableServer, StatelessScheduler } from './scheduler.ts';

export class TwosScheduler<S extends SchedulableServer> extends StatelessScheduler<S> {
  private readonly random: Random;

  constructor(servers: readonly S[], random: Random) {
    super(servers);
    this.random = random;
  }

  override schedule(): S | undefined {
    const usable = this.servers.filter(isUsable);
    // The kernel draws from 0 up to and including the total, so the first server has one chance more than its weight.
    const chances = usable.reduce((sum, server) => sum + server.weight, 0) + 1;
    const first = drawn(usable, this.random.below(chances));
    const second = drawn(usable, this.random.below(chances));
    if (!first || !second) return undefined;
    return productExceeds(second.weight, overhead(first), first.weight, overhead(second)) ? second : first;
  }
}

/** The server at which the running sum of the weights reaches `mark`. */
export function drawn<S extends SchedulableServer>(usable: readonly S[], mark: number): S | undefined {
  let left = mark;
  return usable.find((server) => {
    left -= server.weight;
    return left <= 0;
  });
}
