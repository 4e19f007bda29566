/** Draining real servers for operators: the drains' engine beside the director's, the data plane and the clock. */
import type { DrainReport, DrainRequest } from '../../api/index.ts';
import { seconds, toSeconds } from '../../base/index.ts';
import { type DrainEffect, Drains, type DrainTarget } from '../../director/index.ts';
import { serverKeyText, serviceKeyText } from '../../model/index.ts';
import { type DataPlane, DataPlaneError, type Logger, type ServerStatus } from '../../ports/index.ts';
import { monotonicClock } from '../checks/index.ts';

export interface DrainDeskOptions {
  /** The plane in use. */
  readonly plane: () => DataPlane;
  /** Sets an operator's weight, or gives the file's back; false when the file has no such server. */
  readonly override: (target: DrainTarget, weight: 0 | undefined) => boolean;
  readonly logger: Logger;
}

export class DrainDesk {
  private readonly options: DrainDeskOptions;
  private readonly drains = new Drains();

  constructor(options: DrainDeskOptions) {
    this.options = options;
  }

  /** Throws DataPlaneError `no-such-server` for a server that the configuration does not have. */
  request({ service, server, deadlineSeconds, restore }: DrainRequest): DrainReport {
    const now = monotonicClock.now();
    const target = { service, server };
    if (!this.options.override(target, restore ? undefined : 0)) {
      const where = `${serverKeyText(server)} of ${serviceKeyText(service)}`;
      throw new DataPlaneError('no-such-server', `the configuration has no real server ${where}`);
    }
    const deadline = deadlineSeconds === undefined ? undefined : now + seconds(deadlineSeconds);
    if (restore) this.drains.handle({ type: 'restore', ...target }, now);
    else this.drains.handle({ type: 'drain', ...target, ...(deadline !== undefined && { deadline }) }, now);
    this.performAll();
    return this.report();
  }

  /** Called about once a second. */
  tick(): void {
    const now = monotonicClock.now();
    for (const target of this.drains.snapshot()) {
      if (target.state !== 'draining') continue;
      const status = this.statusOf(target);
      const connections = status ? status.activeConnections + status.inactiveConnections : 0;
      this.drains.handle({ type: 'counted', connections, ...target }, now);
    }
    this.drains.handle({ type: 'time' }, now);
    this.performAll();
  }

  report(): DrainReport {
    const now = monotonicClock.now();
    return this.drains.snapshot().map(({ service, server, state, deadline }) => {
      const status = this.statusOf({ service, server });
      return {
        service,
        server,
        state,
        ...(deadline !== undefined && state === 'draining' && { secondsLeft: Math.max(0, toSeconds(deadline - now)) }),
        activeConnections: status?.activeConnections ?? 0,
        inactiveConnections: status?.inactiveConnections ?? 0,
      };
    });
  }

  /** Undefined when it is not in the table, and so has no connections there. */
  private statusOf({ service, server }: DrainTarget): ServerStatus | undefined {
    const [key, name] = [serviceKeyText(service), serverKeyText(server)];
    const found = this.options
      .plane()
      .services()
      .find((candidate) => serviceKeyText(candidate.key) === key);
    return found?.servers.find((candidate) => serverKeyText(candidate) === name);
  }

  private performAll(): void {
    for (const effect of this.drains.drain()) this.perform(effect);
  }

  private perform(effect: DrainEffect): void {
    switch (effect.type) {
      case 'weight':
        this.options.override(effect, effect.weight);
        break;
      case 'end-connections':
        if (this.statusOf(effect)) this.options.plane().endConnections(effect.service, effect.server);
        break;
      case 'log':
        this.options.logger.log('info', effect.message);
    }
  }
}
