/** Local addresses of full NAT by their numbers in the packet path's maps, and which service sends from which. */
import { IpAddress } from '../../base/index.ts';
import type { PortRange } from '../../model/index.ts';
import { DataPlaneError, type Logger } from '../../ports/index.ts';
import type { PacketPath } from './program.ts';
import type { Run, SlotSpace } from './slot-space.ts';

export interface LocalAddressesOptions {
  readonly path: PacketPath;
  /** Where services' lists of addresses lie, beside the schedulers'. */
  readonly space: SlotSpace;
  readonly ports: () => PortRange;
  /** Whether it is on an interface of the director. */
  readonly isOurs: (address: IpAddress) => boolean;
  readonly logger: Logger;
}

/** An address that connections still have keeps its number, so that their replies are found; also when no service names it any more. */
export class LocalAddresses {
  private readonly path: PacketPath;
  private readonly space: SlotSpace;
  private readonly ports: () => PortRange;
  private readonly isOurs: (address: IpAddress) => boolean;
  private readonly logger: Logger;
  private readonly numbers = new Map<string, number>();
  /** What each service names, by the service's index. */
  private readonly named = new Map<number, readonly string[]>();
  private readonly runs = new Map<number, readonly Run[]>();

  constructor(options: LocalAddressesOptions) {
    this.path = options.path;
    this.space = options.space;
    this.ports = options.ports;
    this.isOurs = options.isOurs;
    this.logger = options.logger;
  }

  /** From now on the service's new connections are sent from these. Throws DataPlaneError, and changes nothing, where there is no room. */
  assign(service: number, addresses: readonly IpAddress[]): void {
    const texts = addresses.map(String);
    if (String(texts) === String(this.named.get(service) ?? [])) return;
    const run = this.space.allocate(texts.length);
    const numbers = addresses.map((address) => this.numberOf(address));
    this.path.slots.set(numbers, run.offset);
    this.named.set(service, texts);
    this.path.services.setU64(service, 'local_offset', (BigInt(run.length) << 32n) | BigInt(run.offset));
    // A packet may have read of the run before just now: it stays as it is until the next change.
    const [before, ...older] = this.runs.get(service) ?? [];
    for (const old of older) this.space.release(old);
    this.runs.set(service, before ? [run, before] : [run]);
    for (const address of addresses) {
      if (this.isOurs(address)) continue;
      // Servers answer there: somebody has to be there for them.
      this.logger.log('warning', `Local address ${address} is on no interface of this director: replies of real servers will not reach it`);
    }
  }

  /** The service is gone. */
  clear(service: number): void {
    for (const run of this.runs.get(service) ?? []) this.space.release(run);
    this.runs.delete(service);
    this.named.delete(service);
  }

  /** Goes on with what an earlier process wrote. */
  adopt(numbers: readonly { readonly address: string; readonly number: number }[]): void {
    for (const { address, number } of numbers) this.numbers.set(address, number);
  }

  adoptService(service: number, addresses: readonly IpAddress[]): void {
    const { services } = this.path;
    const run = { offset: services.u32(service, 'local_offset'), length: services.u32Of(service, 'local_offset', 1) };
    this.space.reserve(run);
    this.named.set(service, addresses.map(String));
    this.runs.set(service, [run]);
  }

  /** Takes the numbers of addresses that nobody names, and no connection has. True when there were some. */
  forgetIdle(): boolean {
    const named = new Set([...this.named.values()].flat());
    const idle = [...this.numbers].filter(
      ([text, number]) => !named.has(text) && this.path.localAddresses.u32(number, 'connections') === 0,
    );
    for (const [text, number] of idle) {
      this.path.localAddresses.clear(number);
      this.numbers.delete(text);
    }
    return idle.length > 0;
  }

  /** Every address that replies may come to. */
  all(): IpAddress[] {
    return [...this.numbers.keys()].map((text) => IpAddress.parse(text) as IpAddress);
  }

  describe(): { address: string; number: number }[] {
    return [...this.numbers].map(([address, number]) => ({ address, number }));
  }

  private numberOf(address: IpAddress): number {
    const records = this.path.localAddresses;
    const known = this.numbers.get(String(address));
    const number = known ?? this.freeNumber();
    this.numbers.set(String(address), number);
    if (known === undefined) {
      records.clear(number);
      records.setBytes(number, 'address', address.bytes);
    }
    const { first, last } = this.ports();
    records.setU16(number, 'first_port', first);
    records.setU16(number, 'port_count', last - first + 1);
    return number;
  }

  private freeNumber(): number {
    const used = new Set(this.numbers.values());
    const limit = this.path.localAddresses.bytes.length / this.path.localAddresses.layout.size;
    for (let number = 0; number < limit; number++) if (!used.has(number)) return number;
    throw new DataPlaneError('full', `the packet path has room for ${limit} local addresses`);
  }
}
