/** The data plane of a director without virtual services: nothing is loaded until the first one comes. */
import { MemoryDataPlane } from '../../dataplane/index.ts';
import type { VirtualService } from '../../model/index.ts';
import { monotonicClock } from '../checks/index.ts';

export class EmptyPlane extends MemoryDataPlane {
  private readonly first: (service: VirtualService) => void;

  /** `first` takes the first service somewhere else, where packets are; what it throws is the refusal. */
  constructor(first: (service: VirtualService) => void) {
    super({ clock: monotonicClock });
    this.first = first;
  }

  override addService(service: VirtualService): void {
    this.first(service);
  }
}
