import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, readlinkSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type IpAddress, maxPrefixLength } from '../../base/index.ts';
import { acquireInstanceLock } from '../../os/lock/index.ts';
import { Rtnetlink } from '../../os/netlink/index.ts';
import { readSysctl, writeSysctl } from '../../os/sysctl/index.ts';
import { InterfaceDecapsulator, mayBeDecapsulator } from './decapsulator.ts';
import type { RealServerHost } from './host.ts';
import { type HostState, type InterfaceSettings, type InterfaceState, LOOPBACK } from './host-state.ts';
import type { ToaReader } from './toa.ts';
import { NamespaceToaReader } from './toa-reader.ts';
import type { Decapsulator } from './tunnel.ts';

/** Beside the compiled sources. */
const OBJECTS = fileURLToPath(new URL('../../../bpf', import.meta.url));
const TUNNEL_OBJECT = 'realserver.bpf.o';
const TOA_OBJECT = 'toa_reader.bpf.o';
/** Kinds of disciplines that have a hook for what is received. */
const HOOKED = new Set(['clsact', 'ingress']);

type Link = ReturnType<Rtnetlink['links']>[number];

const LOCK_TRY_INTERVAL_MS = 50;
const LOCK_PATIENCE_MS = 10_000;

/** This machine, or rather the network namespace that the calling thread is in. */
export class LinuxRealServerHost implements RealServerHost {
  readonly recordPath: string;
  private readonly netlink = new Rtnetlink();
  private readonly objects: string;

  constructor(recordPath: string, objects = OBJECTS) {
    this.recordPath = recordPath;
    this.objects = objects;
  }

  exclusively<T>(run: () => T): T {
    const lock = waitForLock(`${this.recordPath}.lock`);
    try {
      return run();
    } finally {
      lock.release();
    }
  }

  state(): HostState {
    const links = this.netlink.links();
    const names = new Map(links.map((link) => [link.index, link.name]));
    const toa = this.toaReader().read();
    const hooked = new Set(this.netlink.disciplines().flatMap(({ kind, interfaceIndex }) => (HOOKED.has(kind) ? [interfaceIndex] : [])));
    return {
      bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
      namespace: readlinkSync('/proc/thread-self/ns/net'),
      all: settingsOf('all'),
      interfaces: links.filter((link) => !link.loopback).map((link) => this.interfaceState(link, hooked.has(link.index))),
      addresses: this.netlink.addresses().map((address) => ({
        interface: names.get(address.interfaceIndex) ?? String(address.interfaceIndex),
        prefix: address.prefix,
        ...(address.label !== undefined && { label: address.label }),
      })),
      ...(toa && { toaReader: toa.settings, toaCounts: toa.counts }),
    };
  }

  interfaceTowards(address: IpAddress): string | undefined {
    const index = this.netlink.routeTo(address)?.interfaceIndex;
    return index === undefined ? undefined : this.netlink.link(index)?.name;
  }

  setSysctl(name: string, value: string): void {
    const elements = name.split('.').map((element) => element.replaceAll('/', '.'));
    writeSysctl(elements, value);
  }

  addAddress(address: IpAddress, label: string | undefined): void {
    this.netlink.addAddress(this.loopbackAddress(address, label));
  }

  removeAddress(address: IpAddress, label: string | undefined): void {
    this.netlink.deleteAddress(this.loopbackAddress(address, label));
  }

  attachDecapsulator(interfaceName: string, settings: Decapsulator): void {
    const link = this.netlink.link(interfaceName);
    if (!link) throw new Error(`There is no interface ${interfaceName} any more.`);
    this.decapsulator(link).attach(settings);
  }

  detachDecapsulator(interfaceName: string, withDiscipline: boolean): void {
    const link = this.netlink.link(interfaceName);
    if (!link) return;
    const decapsulator = this.decapsulator(link);
    decapsulator.detach();
    const isHooked = this.netlink.disciplines().some(({ kind, interfaceIndex }) => kind === 'clsact' && interfaceIndex === link.index);
    if (withDiscipline && isHooked && this.netlink.clsactFilters(link.index).length === 0) decapsulator.removeDiscipline();
  }

  attachToaReader(wanted: ToaReader): void {
    this.toaReader().attach(wanted);
  }

  detachToaReader(): void {
    this.toaReader().detach();
  }

  loadRecord(): string | undefined {
    try {
      return readFileSync(this.recordPath, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  saveRecord(text: string): void {
    const folder = dirname(this.recordPath);
    mkdirSync(folder, { recursive: true });
    const temporary = `${this.recordPath}.new`;
    withFile(temporary, 'w', (fd) => {
      writeSync(fd, text);
      fsyncSync(fd);
    });
    renameSync(temporary, this.recordPath);
    withFile(folder, 'r', fsyncSync);
  }

  deleteRecord(): void {
    rmSync(this.recordPath, { force: true });
  }

  close(): void {
    this.netlink.close();
  }

  private interfaceState(link: Link, hasDiscipline: boolean): InterfaceState {
    const { name, mtu } = link;
    // Hosts without such a filter need no libbpf.
    const isThere = hasDiscipline && this.netlink.clsactFilters(link.index).some(mayBeDecapsulator);
    const found = isThere ? this.decapsulator(link).read() : undefined;
    return { name, mtu, hasDiscipline, ...settingsOf(name), ...(found && { decapsulator: found.settings, counts: found.counts }) };
  }

  private decapsulator(link: Link): InterfaceDecapsulator {
    return new InterfaceDecapsulator(join(this.objects, TUNNEL_OBJECT), link.index);
  }

  private toaReader(): NamespaceToaReader {
    return new NamespaceToaReader(join(this.objects, TOA_OBJECT));
  }

  private loopbackAddress(address: IpAddress, label: string | undefined) {
    const loopback = this.netlink.link(LOOPBACK);
    if (!loopback) throw new Error(`This network namespace has no interface ${LOOPBACK}.`);
    const prefix = { address, length: maxPrefixLength(address.family) };
    const common = { interfaceIndex: loopback.index, prefix };
    // Nobody else may be asked whether he has the VIP too: the director has. And no connection of this host's own should begin with it.
    if (address.family === 6) return { ...common, noDuplicateDetection: true, deprecated: true };
    return { ...common, ...(label !== undefined && { label }) };
  }
}

/** Values that this kernel does not show count as 0, which is what it then does. */
function settingsOf(name: string): InterfaceSettings {
  const read = (setting: string) => readSysctl(['net', 'ipv4', 'conf', name, setting]) ?? '0';
  return { arpAnnounce: read('arp_announce'), arpIgnore: read('arp_ignore'), rpFilter: read('rp_filter') };
}

function waitForLock(path: string): { release(): void } {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; ; waited += LOCK_TRY_INTERVAL_MS) {
    const lock = acquireInstanceLock(path);
    if ('release' in lock) return lock;
    if (waited >= LOCK_PATIENCE_MS) throw new Error(`Another vipwright realserver (process ${lock.heldBy ?? 'unknown'}) holds ${path}.`);
    Atomics.wait(pause, 0, 0, LOCK_TRY_INTERVAL_MS);
  }
}

function withFile(path: string, flags: string, use: (fd: number) => void): void {
  const fd = openSync(path, flags, 0o644);
  try {
    use(fd);
  } finally {
    closeSync(fd);
  }
}
