/** A compiled BPF object, loaded into the kernel. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastErrno, SystemError } from '../ffi/index.ts';
import { checkedBpf, collectMessages, type Handle, libbpf } from '../ffi/libbpf.ts';
import { Btf } from './btf.ts';
import { BpfMap } from './map.ts';
import { BpfProgram } from './program.ts';

export interface BpfObjectOptions {
  /** Entries of maps whose size is decided at load time. */
  readonly maxEntries?: Readonly<Record<string, number>>;
  /** A directory in a BPF file system: maps are pinned there, and taken over from there with their contents where they fit. */
  readonly pinDirectory?: string;
  /**
   * Maps that are made anew each time. Device maps must be: the kernel gives them a flag that was not asked for, so that libbpf takes the
   * pinned one for another kind of map.
   */
  readonly unpinned?: ReadonlySet<string>;
}

/** Names of the maps that hold one value for each CPU; their look-ups are longer. */
export type PerCpuNames = ReadonlySet<string>;

export class BpfObject {
  readonly btf: Btf;
  private readonly handle: Handle;
  private readonly perCpu: PerCpuNames;

  private constructor(handle: Handle, btf: Btf, perCpu: PerCpuNames) {
    this.handle = handle;
    this.btf = btf;
    this.perCpu = perCpu;
  }

  /**
   * Opens, sizes and loads an object file. Throws SystemError with the verifier's words when the kernel refuses it, EPERM without
   * CAP_BPF and CAP_NET_ADMIN, and EINVAL when pinned maps do not fit (see `unpinMaps`).
   */
  static load(path: string, perCpu: PerCpuNames, options: BpfObjectOptions = {}): BpfObject {
    const object = BpfObject.open(path, perCpu, options);
    try {
      const loaded = collectMessages(() => libbpf().load(object.handle) as number);
      checkedBpf('bpf_object__load', loaded.result, loaded.messages);
      return object;
    } catch (error) {
      object.close();
      throw error;
    }
  }

  /** The same in a thread of its own: the verifier takes a while. What libbpf has to say in words is lost. */
  static async loadAside(path: string, perCpu: PerCpuNames, options: BpfObjectOptions = {}): Promise<BpfObject> {
    const object = BpfObject.open(path, perCpu, options);
    const result = await new Promise<number>((resolve, reject) => {
      libbpf().load.async(object.handle, (error: Error | null, value: number) => (error ? reject(error) : resolve(value)));
    });
    if (result >= 0) return object;
    object.close();
    throw new SystemError('bpf_object__load', -result, path);
  }

  private static open(path: string, perCpu: PerCpuNames, options: BpfObjectOptions): BpfObject {
    const btf = new Btf(readFileSync(path));
    const opened = collectMessages(() => libbpf().openFile(path, null) as Handle | null);
    if (!opened.result) throw new SystemError('bpf_object__open_file', lastErrno(), `${path}: ${opened.messages()}`);
    const object = new BpfObject(opened.result, btf, perCpu);
    try {
      for (const [name, entries] of Object.entries(options.maxEntries ?? {})) {
        checkedBpf('bpf_map__set_max_entries', libbpf().setMaxEntries(object.mapHandle(name), entries) as number, () => name);
      }
      if (options.pinDirectory !== undefined) object.setPinPaths(options.pinDirectory, options.unpinned ?? new Set());
      return object;
    } catch (error) {
      object.close();
      throw error;
    }
  }

  map(name: string): BpfMap {
    const handle = this.mapHandle(name);
    const lib = libbpf();
    const shape = {
      keySize: lib.keySize(handle) as number,
      valueSize: lib.valueSize(handle) as number,
      maxEntries: lib.maxEntries(handle) as number,
    };
    return new BpfMap(name, lib.mapFd(handle) as number, shape, this.perCpu.has(name));
  }

  program(name: string): BpfProgram {
    const handle = libbpf().findProgram(this.handle, name) as Handle | null;
    if (!handle) throw new Error(`the BPF object has no program ${name}`);
    return new BpfProgram(name, libbpf().programFd(handle) as number);
  }

  /** Gives up our descriptors; what is attached or pinned stays. */
  close(): void {
    libbpf().closeObject(this.handle);
  }

  private mapHandle(name: string): Handle {
    const handle = libbpf().findMap(this.handle, name) as Handle | null;
    if (!handle) throw new Error(`the BPF object has no map ${name}`);
    return handle;
  }

  /** Constants belong to the compiled program, not to what it remembers: they are never taken over. */
  private setPinPaths(directory: string, unpinned: ReadonlySet<string>): void {
    const lib = libbpf();
    for (let map = lib.nextMap(this.handle, null) as Handle | null; map; map = lib.nextMap(this.handle, map) as Handle | null) {
      const name = lib.mapName(map) as string;
      if (name.startsWith('.rodata') || unpinned.has(name)) continue;
      checkedBpf('bpf_map__set_pin_path', lib.setPinPath(map, pinPath(directory, name)) as number, () => name);
    }
  }
}

/** Where a map is pinned; a BPF file system allows no dots in names. */
function pinPath(directory: string, mapName: string): string {
  return join(directory, mapName.replaceAll('.', '_'));
}
