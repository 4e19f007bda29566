/** Keeps the table that drops packets to VIPs in step with the configuration. */
import type { FirewallSettings } from '../../model/index.ts';
import { runNft } from '../../os/nftables/index.ts';
import type { Logger } from '../../ports/index.ts';
import { blockedVips, firewallScript, removalScript } from './firewall.ts';
import type { ReactorSettings } from './thread-messages.ts';

export class FirewallKeeper {
  private readonly logger: Logger;
  /** What stands in the kernel, and where; undefined while there is nothing of ours. */
  private applied: { readonly script: string; readonly settings: FirewallSettings } | undefined;

  /** Told the table's name before it is made, and undefined when it is gone. */
  private readonly note: (table: string | undefined) => void;

  constructor(logger: Logger, note: (table: string | undefined) => void) {
    this.logger = logger;
    this.note = note;
  }

  async configure({ firewall, vrrp: { routers } }: Pick<ReactorSettings, 'firewall' | 'vrrp'>): Promise<void> {
    if (blockedVips(routers).length === 0) return this.close();
    const script = firewallScript(firewall, routers);
    if (script === this.applied?.script) return;
    if (this.applied && this.applied.settings.table !== firewall.table) await this.close();
    this.note(firewall.table);
    const problem = await runNft(script);
    if (problem) this.logger.log('error', `Packets to VIPs with no_accept are not dropped: ${problem}`);
    else this.applied = { script, settings: firewall };
  }

  async close(): Promise<void> {
    if (!this.applied) return;
    const problem = await runNft(removalScript(this.applied.settings));
    if (problem) this.logger.log('error', `Cannot remove the nftables table ${this.applied.settings.table}: ${problem}`);
    else this.note(undefined);
    this.applied = undefined;
  }
}
