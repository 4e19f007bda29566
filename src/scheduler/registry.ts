/** Makes the reference scheduler of a service. A further scheduler is a class, one line here and one in path.ts. */
import type { SchedulerName } from '../model/index.ts';
import { FoScheduler, OvfScheduler } from './greatest.ts';
import { HashedScheduler } from './hashed.ts';
import { LcScheduler, NqScheduler, SedScheduler, WlcScheduler } from './least.ts';
import { LblcrScheduler, LblcScheduler } from './locality.ts';
import { RrScheduler } from './rr.ts';
import type { SchedulableServer, Scheduler, SchedulerOptions } from './scheduler.ts';
import { TwosScheduler } from './twos.ts';
import { WrrScheduler } from './wrr.ts';

/** `servers` is the service's live list, newest first. */
export function makeScheduler<S extends SchedulableServer>(
  name: SchedulerName,
  servers: readonly S[],
  options: SchedulerOptions,
): Scheduler<S> {
  switch (name) {
    case 'rr':
      return new RrScheduler(servers);
    case 'wrr':
      return new WrrScheduler(servers);
    case 'lc':
      return new LcScheduler(servers);
    case 'wlc':
      return new WlcScheduler(servers);
    case 'sed':
      return new SedScheduler(servers);
    case 'nq':
      return new NqScheduler(servers);
    case 'fo':
      return new FoScheduler(servers);
    case 'ovf':
      return new OvfScheduler(servers);
    case 'twos':
      return new TwosScheduler(servers, options.random);
    case 'lblc':
      return new LblcScheduler(servers, options);
    case 'lblcr':
      return new LblcrScheduler(servers, options);
    case 'dh':
    case 'sh':
    case 'mh':
      return new HashedScheduler(name, servers, options);
  }
}
