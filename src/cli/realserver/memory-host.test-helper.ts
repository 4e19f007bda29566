/** For tests: a host that is nothing but its state. */
import { type IpAddress, maxPrefixLength } from '../../base/index.ts';
import type { RealServerHost } from './host.ts';
import { ARP_ANNOUNCE_ALL, ARP_IGNORE_ALL, type HostAddress, type HostState, type InterfaceState, rpFilterName } from './host-state.ts';
import { type RealServerError, type RealServerRequest, realServer } from './realserver.ts';
import type { ToaReader } from './toa.ts';
import type { Decapsulator } from './tunnel.ts';

type Interface = Omit<InterfaceState, 'hasDiscipline' | 'decapsulator'>;

/** A host in memory. After `budget` changes it is dead: every further call throws, as if the process had been killed there. */
export class MemoryHost implements RealServerHost {
  readonly recordPath = '/run/vipwright/realserver.json';
  readonly log: string[] = [];
  bootId = 'boot-1';
  namespace = 'net:[1]';
  sysctls = new Map([
    [ARP_ANNOUNCE_ALL, '0'],
    [ARP_IGNORE_ALL, '0'],
  ]);
  interfaces: Interface[] = [{ name: 'eth0', mtu: 1500, arpAnnounce: '0', arpIgnore: '0', rpFilter: '0' }];
  /** Interfaces with a tc discipline, and on those with our program what it goes by. */
  readonly disciplines = new Map<string, Decapsulator | undefined>();
  /** The interface by which every address is reached. */
  way: string | undefined = 'eth0';
  toaReader: ToaReader | undefined;
  addresses: HostAddress[] = [];
  record: string | undefined;
  budget = Number.POSITIVE_INFINITY;
  /** The change with this text fails once, as a refused system call does. */
  refuses: string | undefined;

  exclusively<T>(run: () => T): T {
    return run();
  }

  state(): HostState {
    this.alive();
    const read = (name: string) => this.sysctls.get(name) ?? '0';
    const all = { arpAnnounce: read(ARP_ANNOUNCE_ALL), arpIgnore: read(ARP_IGNORE_ALL), rpFilter: read('net.ipv4.conf.all.rp_filter') };
    const interfaces = this.interfaces.map((entry): InterfaceState => {
      const decapsulator = this.disciplines.get(entry.name);
      const rpFilter = this.sysctls.get(rpFilterName(entry.name)) ?? entry.rpFilter;
      return { ...entry, rpFilter, hasDiscipline: this.disciplines.has(entry.name), ...(decapsulator && { decapsulator }) };
    });
    const { bootId, namespace, toaReader } = this;
    return { bootId, namespace, all, interfaces, addresses: [...this.addresses], ...(toaReader && { toaReader }) };
  }

  interfaceTowards(): string | undefined {
    return this.way;
  }

  attachDecapsulator(name: string, settings: Decapsulator): void {
    this.change(`attach ${name}`, () => this.disciplines.set(name, settings));
  }

  detachDecapsulator(name: string, withDiscipline: boolean): void {
    this.change(`detach ${name}`, () => {
      if (withDiscipline) this.disciplines.delete(name);
      else this.disciplines.set(name, undefined);
    });
  }

  attachToaReader(wanted: ToaReader): void {
    this.change('attach toa reader', () => {
      this.toaReader = wanted;
    });
  }

  detachToaReader(): void {
    this.change('detach toa reader', () => {
      this.toaReader = undefined;
    });
  }

  setSysctl(name: string, value: string): void {
    this.change(`${name}=${value}`, () => this.sysctls.set(name, value));
  }

  addAddress(address: IpAddress, label: string | undefined): void {
    const entry = { interface: 'lo', prefix: { address, length: maxPrefixLength(address.family) }, ...(label !== undefined && { label }) };
    this.change(`add ${address}`, () => this.addresses.push(entry));
  }

  removeAddress(address: IpAddress): void {
    this.change(`remove ${address}`, () => {
      this.addresses = this.addresses.filter((entry) => !(entry.interface === 'lo' && entry.prefix.address.equals(address)));
    });
  }

  loadRecord(): string | undefined {
    return this.record;
  }

  saveRecord(text: string): void {
    this.change('save', () => {
      this.record = text;
    });
  }

  deleteRecord(): void {
    this.change('delete', () => {
      this.record = undefined;
    });
  }

  close(): void {}

  /** What `ip addr` and sysctl would show, and the record. */
  snapshot(): string {
    return JSON.stringify([[...this.sysctls], this.addresses, [...this.disciplines], this.toaReader, this.record]);
  }

  private alive(): void {
    if (this.budget <= 0) throw new Error('killed');
  }

  private change(text: string, make: () => void): void {
    this.alive();
    if (this.refuses === text) {
      this.refuses = undefined;
      throw new Error(`refused: ${text}`);
    }
    make();
    this.log.push(text);
    this.budget--;
  }
}

/** As `realServer`, with the request in a row. */
export function act(
  action: RealServerRequest['action'],
  vips: readonly IpAddress[] | undefined,
  host: RealServerHost,
  tunnel?: RealServerRequest['tunnel'],
  localAddresses?: readonly string[],
) {
  return realServer({ action, vips, tunnel, localAddresses }, host);
}

export function refusal(run: () => unknown): RealServerError {
  try {
    run();
  } catch (error) {
    return error as RealServerError;
  }
  throw new Error('nothing was refused');
}
