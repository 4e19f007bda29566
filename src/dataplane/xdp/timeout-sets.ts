/**
 * Time-outs of services: the packet path has a number of sets, and each real server's record says which one its connections go by. Services
 * with the same time-outs share a set; the first one is that of `ipvsadm --set`.
 */
import { toSeconds } from '../../base/index.ts';
import { ownTimeoutsText, type Timeouts, type VirtualService } from '../../model/index.ts';
import { DataPlaneError } from '../../ports/index.ts';
import { SCTP_STATES, type ServiceEntry, sctpTimeout, type TcpState, tcpTimeout } from '../memory/index.ts';
import type { PacketPath } from './program.ts';

const WORD = 4;

/** One after the other; the first is that of services without time-outs of their own. */
type Sets = Map<string, { readonly number: number; readonly own: Partial<Timeouts> }>;

export class TimeoutSets {
  private readonly path: PacketPath;
  private readonly sets: Sets = new Map([['', { number: 0, own: {} }]]);
  private readonly users = new Map<ServiceEntry, string>();
  private defaults: Timeouts;

  constructor(path: PacketPath, defaults: Timeouts) {
    this.path = path;
    this.defaults = defaults;
    this.write(0, defaults);
  }

  /** What holds where a service has none of its own. */
  setDefaults(timeouts: Timeouts): void {
    this.defaults = timeouts;
    for (const { number, own } of this.sets.values()) this.write(number, { ...timeouts, ...own });
  }

  /** Throws DataPlaneError `full` where the service's time-outs find no set. */
  requireRoom({ timeouts }: VirtualService): void {
    if (!this.sets.has(ownTimeoutsText(timeouts))) this.freeNumber();
  }

  /** The service has the time-outs that it says from now on; its servers' records are the caller's to write. */
  assign(entry: ServiceEntry): void {
    const own = entry.service.timeouts ?? {};
    const text = ownTimeoutsText(own);
    if (!this.sets.has(text)) {
      const number = this.freeNumber();
      this.write(number, { ...this.defaults, ...own });
      this.sets.set(text, { number, own });
    }
    this.users.set(entry, text);
    this.changed();
  }

  /** Forgets a deleted service. */
  clear(entry: ServiceEntry): void {
    this.users.delete(entry);
    this.changed();
  }

  /** Which set the connections of a server go by. */
  writeServer(server: number, owner: ServiceEntry): void {
    const number = this.sets.get(this.users.get(owner) ?? '')?.number ?? 0;
    this.path.servers.setU16(server, 'timeouts', number * (this.path.numbers.state.TIMEOUT_COUNT as number));
  }

  /** Sets that nobody goes by are free again. */
  private changed(): void {
    const used = new Set(['', ...this.users.values()]);
    for (const text of this.sets.keys()) if (!used.has(text)) this.sets.delete(text);
    const { settings, numbers } = this.path;
    const bit = numbers.settingsFlag.SETTING_OWN_TIMEOUTS as number;
    const flags = settings.u32(0, 'flags');
    settings.setU32(0, 'flags', (this.sets.size > 1 ? flags | bit : flags & ~bit) >>> 0);
  }

  private freeNumber(): number {
    const used = new Set([...this.sets.values()].map(({ number }) => number));
    const limit = this.path.numbers.state.TIMEOUT_SETS as number;
    for (let number = 1; number < limit; number++) if (!used.has(number)) return number;
    throw new DataPlaneError('full', `the packet path has room for ${limit - 1} different time-outs of services`);
  }

  private write(set: number, timeouts: Timeouts): void {
    const { settings, numbers, hz } = this.path;
    const count = numbers.state.TIMEOUT_COUNT as number;
    const bytes = new Uint8Array(count * WORD);
    const view = new DataView(bytes.buffer);
    for (const [name, number] of Object.entries(numbers.state)) {
      if (!name.startsWith('STATE_') || name === 'STATE_COUNT') continue;
      const state = name.replace('STATE_', '');
      const timeout = state === 'UDP' ? timeouts.udp : tcpTimeout(state as TcpState, timeouts);
      view.setUint32(number * WORD, Math.max(1, Math.round(toSeconds(timeout) * hz)), true);
    }
    const first = numbers.state.TIMEOUT_SCTP as number;
    for (const [number, state] of SCTP_STATES.entries()) view.setUint32((first + number) * WORD, toSeconds(sctpTimeout(state)) * hz, true);
    settings.bytesOf(0, 'timeouts').set(bytes, set * bytes.length);
  }
}
