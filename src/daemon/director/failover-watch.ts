/**
 * Watches a failover process that is alive and does not run: stopped by a signal or a debugger. It sends no advertisements, so that
 * its peers take over; its VIPs, which the kernel goes on answering for, must be gone by then.
 */
import { toMillis } from '../../base/index.ts';
import type { VirtualRouter } from '../../model/index.ts';
import { processState } from '../../os/process/index.ts';
import type { Logger } from '../../ports/index.ts';
import { peersPatience } from '../../vrrp/index.ts';

const PERIOD_MS = 50;
const OWNER = 255;

export class FailoverWatch {
  private readonly pid: number;
  private readonly logger: Logger;
  private readonly remove: (routers: readonly VirtualRouter[]) => void;
  private readonly timer: NodeJS.Timeout;
  private stoppedAt: number | undefined;
  /** Routers whose VIPs have been taken away during this stop. */
  private readonly done = new Set<string>();
  routers: readonly VirtualRouter[] = [];

  constructor(pid: number, logger: Logger, remove: (routers: readonly VirtualRouter[]) => void) {
    this.pid = pid;
    this.logger = logger;
    this.remove = remove;
    this.timer = setInterval(() => this.look(performance.now()), PERIOD_MS);
  }

  close(): void {
    clearInterval(this.timer);
  }

  private look(nowMs: number): void {
    if (!isStopped(this.pid)) {
      if (this.done.size > 0) this.logger.log('warning', 'The failover process runs again');
      this.stoppedAt = undefined;
      this.done.clear();
      return;
    }
    this.stoppedAt ??= nowMs;
    const since = this.stoppedAt;
    const lost = this.routers.filter((router) => this.isLost(router, nowMs - since));
    if (lost.length === 0) return;
    if (this.done.size === 0) this.logger.log('error', 'The failover process is stopped: removing its VIPs before its peers take over');
    for (const router of lost) this.done.add(router.name);
    this.remove(lost);
  }

  /** Its peers have borne the silence as long as they do. Each router has its own interval. */
  private isLost(router: VirtualRouter, stoppedMs: number): boolean {
    return (
      router.priority !== OWNER && !this.done.has(router.name) && stoppedMs >= toMillis(peersPatience(router.advertInterval)) - PERIOD_MS
    );
  }
}

function isStopped(pid: number): boolean {
  const state = processState(pid);
  return state === 'T' || state === 't';
}
