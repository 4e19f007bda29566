/** The defences that depend on how much is left of what connections take: drop_entry, drop_packet and secure_tcp. */
import type { IpFamily } from '../../base/index.ts';
import type { ForwardingSettings } from '../../model/index.ts';
import { defenceLevel, isOn, type ServerEntry, type Supply } from '../memory/index.ts';
import type { PacketPath } from './program.ts';

/** drop_entry looks at one part in so many of each table in a second. */
const DROP_SHARE = 32;

export class Pressure {
  private readonly path: PacketPath;
  private readonly freePages: (() => number) | undefined;
  private readonly nextLines: Record<IpFamily, number> = { 4: 0, 6: 0 };

  /** Without `freePages` the machine's memory counts as plenty. */
  constructor(path: PacketPath, freePages: (() => number) | undefined) {
    this.path = path;
    this.freePages = freePages;
  }

  /** The settings with the modes as they are now. `servers` are those with connections, whose counts were just read. */
  level(current: ForwardingSettings, servers: readonly ServerEntry[]): ForwardingSettings {
    const { dropEntry, dropPacket, secureTcp } = current;
    const isAutomatic = [dropEntry, dropPacket, secureTcp].some((mode) => mode === 1 || mode === 2);
    const level = defenceLevel(current, isAutomatic ? this.supplies(current, servers) : []);
    const { settings } = this.path;
    // The count first: a packet that sees the rate counts with it.
    if (level.countsAnew) settings.setU32(0, 'drop_count', level.dropRate);
    settings.setU32(0, 'drop_rate', level.dropRate);
    return { ...current, ...level.modes };
  }

  /**
   * Makes room in the next part of each table. The kernel picks lines by chance; here they go in turn, since by chance is how connections came
   * to their lines.
   */
  dropEntries({ dropEntry }: ForwardingSettings): void {
    if (!isOn(dropEntry)) return;
    for (const { family, lines } of this.path.tables) {
      const first = this.nextLines[family];
      const count = Math.ceil(lines / DROP_SHARE);
      this.path.sweep(family, first, count, first === 0, { kind: 'SWEEP_CROWDED' });
      this.nextLines[family] = first + count < lines ? first + count : 0;
    }
  }

  /** In pages, and in percent of each table. */
  private supplies({ memoryThreshold, tableThreshold }: ForwardingSettings, servers: readonly ServerEntry[]): Supply[] {
    const used: Record<IpFamily, number> = { 4: 0, 6: 0 };
    for (const server of servers) used[familyOf(server)] += entriesOf(server);
    const tables = ([4, 6] as const).map((family) => {
      const size = this.path.tableSize(family);
      return { available: (100 * Math.max(0, size - used[family])) / size, threshold: tableThreshold };
    });
    return this.freePages ? [{ available: this.freePages(), threshold: memoryThreshold }, ...tables] : tables;
  }
}

function familyOf({ owner: { service } }: ServerEntry): IpFamily {
  return service.key.kind === 'address' ? service.key.address.family : service.key.family;
}

/** A masqueraded connection has a second entry, by which its answers are found. */
function entriesOf({ method, activeConnections, inactiveConnections, persistentConnections }: ServerEntry): number {
  const each = method === 'nat' || method === 'fullnat' ? 2 : 1;
  return each * (activeConnections + inactiveConnections) + persistentConnections;
}
