import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, readlinkSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { type IpAddress, maxPrefixLength } from '../../base/index.ts';
import { acquireInstanceLock } from '../../os/lock/index.ts';
import { Rtnetlink } from '../../os/netlink/index.ts';
import { readSysctl, writeSysctl } from '../../os/sysctl/index.ts';
import type { RealServerHost } from './host.ts';
import { type HostState, type InterfaceState, LOOPBACK } from './plan.ts';

const LOCK_TRY_INTERVAL_MS = 50;
const LOCK_PATIENCE_MS = 10_000;

/** This machine, or rather the network namespace that the calling thread is in. */
export class LinuxRealServerHost implements RealServerHost {
  readonly recordPath: string;
  private readonly netlink = new Rtnetlink();

  constructor(recordPath: string) {
    this.recordPath = recordPath;
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
    return {
      bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
      namespace: readlinkSync('/proc/thread-self/ns/net'),
      all: arpSettings('all'),
      interfaces: links.filter((link) => !link.loopback).map((link): InterfaceState => ({ name: link.name, ...arpSettings(link.name) })),
      addresses: this.netlink.addresses().map((address) => ({
        interface: names.get(address.interfaceIndex) ?? String(address.interfaceIndex),
        prefix: address.prefix,
        ...(address.label !== undefined && { label: address.label }),
      })),
    };
  }

  setSysctl(name: string, value: string): void {
    writeSysctl(name.split('.'), value);
  }

  addAddress(address: IpAddress, label: string | undefined): void {
    this.netlink.addAddress(this.loopbackAddress(address, label));
  }

  removeAddress(address: IpAddress, label: string | undefined): void {
    this.netlink.deleteAddress(this.loopbackAddress(address, label));
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

  private loopbackAddress(address: IpAddress, label: string | undefined) {
    const loopback = this.netlink.link(LOOPBACK);
    if (!loopback) throw new Error(`This network namespace has no interface ${LOOPBACK}.`);
    const prefix = { address, length: maxPrefixLength(address.family) };
    return { interfaceIndex: loopback.index, prefix, ...(label !== undefined && { label }) };
  }
}

/** Values that this kernel does not show count as 0, which is what it then does. */
function arpSettings(name: string): Omit<InterfaceState, 'name'> {
  const read = (setting: string) => readSysctl(['net', 'ipv4', 'conf', name, setting]) ?? '0';
  return { arpAnnounce: read('arp_announce'), arpIgnore: read('arp_ignore') };
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
