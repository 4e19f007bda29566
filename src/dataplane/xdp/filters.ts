/** Which packets are looked at closely at all: the filters of addresses, and the rules that give firewall marks. */
import type { IpAddress } from '../../base/index.ts';
import type { MarkRule, ServiceKey } from '../../model/index.ts';
import { writeFilter } from './address-filter.ts';
import { markedDestinations, writeMarkRules } from './marks.ts';
import type { PacketPath } from './program.ts';

/** FTP's sessions are those to its port, whatever services they are of. */
const FTP_PORT = 21;

export interface FilteredAddresses {
  readonly services: readonly ServiceKey[];
  readonly masqueraded: readonly IpAddress[];
  readonly locals: readonly IpAddress[];
  readonly tunnels: readonly IpAddress[];
}

export class Filters {
  private readonly path: PacketPath;
  private readonly indexOf: (name: string) => number | undefined;
  /** Undefined before they were read for the first time: then those of an earlier process are in use, if there was one. */
  private rules: readonly MarkRule[] | undefined;
  private written = '';

  constructor(path: PacketPath, indexOf: (name: string) => number | undefined) {
    this.path = path;
    this.indexOf = indexOf;
  }

  /** Throws DataPlaneError `full` for more rules than there is room for; those in use stay then. */
  setRules(rules: readonly MarkRule[]): void {
    const before = this.rules;
    this.rules = rules;
    try {
      this.writeRules(rules);
    } catch (error) {
      this.rules = before;
      throw error;
    }
  }

  /**
   * `services`: those that packets may belong to. `masqueraded`: addresses of servers whose replies come by. `locals`: where those of full NAT
   * go. `tunnels`: where tunnels start, and errors about their packets go.
   */
  write({ services, masqueraded, locals, tunnels }: FilteredAddresses): void {
    const { settings } = this.path;
    const isMarked = services.some((key) => key.kind === 'fwmark');
    const marked = !isMarked ? [] : this.rules ? markedDestinations(this.rules) : 'every';
    const virtual = services.flatMap((key) => (key.kind === 'address' ? [key.address] : []));
    writeFilter(settings, 'address_filter', marked === 'every' ? virtual : [...virtual, ...marked]);
    writeFilter(settings, 'reply_filter', [...masqueraded, ...locals, ...tunnels]);
    this.writeFlags({
      SETTING_MASQUERADE: masqueraded.length > 0,
      SETTING_EVERY_ADDRESS: marked === 'every',
      SETTING_TUNNEL: tunnels.length > 0,
      SETTING_FTP: services.some((key) => isFtp(key) || (masqueraded.length > 0 && isForAllPorts(key))),
    });
  }

  /** The same rules may be other ones where interfaces came or went. */
  private writeRules(rules: readonly MarkRule[]): void {
    const names = rules.map(({ interface: name }) => name && this.indexOf(name));
    const text = JSON.stringify([rules, names]);
    if (text === this.written) return;
    writeMarkRules(this.path, rules, this.indexOf);
    this.written = text;
  }

  private writeFlags(switches: Readonly<Record<string, boolean>>): void {
    const { settings, numbers } = this.path;
    let flags = settings.u32(0, 'flags');
    for (const [name, on] of Object.entries(switches)) {
      const bit = numbers.settingsFlag[name] as number;
      flags = on ? flags | bit : flags & ~bit;
    }
    settings.setU32(0, 'flags', flags >>> 0);
  }
}

function isFtp(key: ServiceKey): boolean {
  return key.kind === 'address' && key.protocol === 'tcp' && key.port === FTP_PORT;
}

function isForAllPorts(key: ServiceKey): boolean {
  return key.kind === 'fwmark' || (key.protocol === 'tcp' && key.port === 0);
}
