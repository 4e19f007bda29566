/** Follows the operator's firewall: which marks it gives to packets. Looks now and then, for there is no one way to be told by all of them. */
import { type FirewallProblem, readFirewall } from '../../config/index.ts';
import type { MarkRule } from '../../model/index.ts';
import { listFirewall } from '../../os/firewall/index.ts';
import type { Logger } from '../../ports/index.ts';

/** In ticks of a second. */
const EVERY = 5;

export interface MarkedPlane {
  /** Whether some service goes by a mark: else nobody asks the firewall. */
  readonly hasMarks: boolean;
  setMarkRules(rules: readonly MarkRule[]): void;
}

export class MarkWatch {
  private readonly plane: MarkedPlane;
  private readonly logger: Logger;
  private readonly list: typeof listFirewall;
  private reported = new Set<string>();
  private ticks = 0;
  private asking = false;

  constructor(plane: MarkedPlane, logger: Logger, list = listFirewall) {
    this.plane = plane;
    this.logger = logger;
    this.list = list;
  }

  /** Once a second. */
  tick(): void {
    this.ticks++;
    if (this.ticks % EVERY === 1) void this.look();
  }

  /** At once: at the start, and when the configuration changed. */
  async look(): Promise<void> {
    if (this.asking || !this.plane.hasMarks) return;
    this.asking = true;
    try {
      const { rules, problems } = readFirewall(await this.list());
      this.report(problems, rules);
      this.plane.setMarkRules(rules);
    } catch (error) {
      this.logger.log('error', `The firewall's marks stay as they were: ${(error as Error).message}`);
    } finally {
      this.asking = false;
    }
  }

  /** Each once, until it is gone. */
  private report(problems: readonly FirewallProblem[], rules: readonly MarkRule[]): void {
    const lines = problems.map(({ rule, reason }) => `The packet path does not follow the firewall rule "${rule}": ${reason}`);
    if (!rules.some(({ set }) => set))
      lines.push('No firewall rule that can be followed gives a mark: the services by mark get no packets');
    for (const line of lines) if (!this.reported.has(line)) this.logger.log('warning', line);
    this.reported = new Set(lines);
  }
}
