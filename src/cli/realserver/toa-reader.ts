/** bpf/toa_reader.bpf.c for the network namespace of the calling thread: put on the root control group, told what to go by, and read back. */
import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { formatPrefix, IpAddress, type IpPrefix, maxPrefixLength, parsePrefix } from '../../base/index.ts';
import {
  attachToCgroup,
  type BpfMap,
  BpfObject,
  Btf,
  type CgroupHook,
  indexKey,
  type LoadedProgram,
  pinnedLinkProgram,
  withRootCgroup,
} from '../../os/bpf/index.ts';
import { ensureBpfFileSystem, isBpfFileSystem } from '../../os/bpffs/index.ts';
import { networkNamespaceCookie } from '../../os/ffi/index.ts';
import { readCounts } from './decapsulator.ts';
import type { ToaCounts, ToaReader } from './toa.ts';

/** Where systemd mounts the BPF file system. */
const BPF_FILE_SYSTEM = '/sys/fs/bpf';
/** In this order: what servers ask is answered before there is anything to say. */
const PROGRAMS: readonly (readonly [string, CgroupHook])[] = [
  ['toa_peername4', 'getPeerName4'],
  ['toa_peername6', 'getPeerName6'],
  ['toa_established', 'sockOps'],
];
const MAPPED_BITS = 96;
const V4_MAPPED = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff);

export class NamespaceToaReader {
  private readonly objectPath: string;
  private readonly directory: string;

  constructor(objectPath: string) {
    this.objectPath = objectPath;
    this.directory = join(BPF_FILE_SYSTEM, `vipwright-toa-${networkNamespaceCookie()}`);
  }

  /** Puts the programs there, or tells those that are there to go by something else. Throws SystemError when the kernel refuses. */
  attach(wanted: ToaReader): void {
    const changed = this.withLocals((locals, btf) => writeLocals(btf, locals, wanted.localAddresses));
    if (changed) return;
    this.detach();
    requireLastingMounts();
    ensureBpfFileSystem(BPF_FILE_SYSTEM);
    const object = BpfObject.load(this.objectPath, new Set(['toa_counts']));
    try {
      object.map('toa_settings').update(indexKey(0), new Uint8Array(BigUint64Array.of(networkNamespaceCookie()).buffer));
      writeLocals(object.btf, object.map('toa_locals'), wanted.localAddresses);
      mkdirSync(this.directory, { mode: 0o700 });
      this.pinAll(object);
    } catch (error) {
      this.detach();
      throw error;
    } finally {
      object.close();
    }
  }

  /** What the programs go by and have counted; undefined where there are none. */
  read(): { readonly settings: ToaReader; readonly counts: ToaCounts } | undefined {
    if (!existsSync(this.directory)) return undefined;
    const found = this.withLocals((locals, btf, program) => ({
      settings: { localAddresses: readLocals(btf, locals) },
      counts: readCounts(btf, mapOf(program, 'toa_counts'), 'toa_count'),
    }));
    return found ?? { settings: { localAddresses: [] }, counts: {} };
  }

  /** Takes them off, as far as they are there. Sockets forget their clients. */
  detach(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  private pinAll(object: BpfObject): void {
    try {
      withRootCgroup((cgroup) => {
        for (const [name, hook] of PROGRAMS) attachToCgroup(object.program(name), cgroup, hook, join(this.directory, name));
      });
    } catch (error) {
      const advice = 'Who connects is told to servers by programs on the root of the cgroup2 hierarchy, which cannot be used here';
      throw new Error(`${advice}: ${(error as Error).message}`, { cause: error });
    }
  }

  /** Undefined where the programs are not all there. */
  private withLocals<T>(use: (locals: BpfMap, btf: Btf, program: LoadedProgram) => T): T | undefined {
    const programs = existsSync(this.directory) ? PROGRAMS.map(([name]) => pinnedLinkProgram(join(this.directory, name))) : [];
    try {
      const [reader] = programs.slice(-1);
      if (!reader || programs.includes(undefined)) return undefined;
      return use(mapOf(reader, 'toa_locals'), new Btf(readFileSync(this.objectPath)), reader);
    } finally {
      for (const program of programs) program?.close();
    }
  }
}

function mapOf(program: LoadedProgram, name: string): BpfMap {
  const found = program.maps.get(name);
  if (!found) throw new Error(`The program on the control group has no map ${name}: it is of another version. Stop it with that version.`);
  return found;
}

/** `ip netns exec` and the like give a command mounts of its own: what is pinned in one of those would end with the command. */
function requireLastingMounts(): void {
  if (existsSync(BPF_FILE_SYSTEM) && isBpfFileSystem(BPF_FILE_SYSTEM)) return;
  if (readlinkSync('/proc/self/ns/mnt') === readlinkSync('/proc/1/ns/mnt')) return;
  throw new Error(
    `There is no BPF file system at ${BPF_FILE_SYSTEM} in the mount namespace of this command, and one mounted now would end with it. Enter network namespaces with nsenter --net=FILE, which leaves the mounts as they are.`,
  );
}

/** New ones first: at no moment is one missing that was and will be there. */
function writeLocals(btf: Btf, map: BpfMap, wanted: readonly string[]): true {
  const before = readLocals(btf, map);
  for (const text of wanted) map.update(localKey(btf, text), indexKey(1));
  for (const text of before) if (!wanted.includes(text)) map.delete(localKey(btf, text));
  return true;
}

function readLocals(btf: Btf, map: BpfMap): string[] {
  return [...map.keys()].map((key) => formatPrefix(prefixFrom(btf, key))).sort();
}

function localKey(btf: Btf, text: string): Uint8Array {
  const layout = btf.struct('toa_prefix');
  const key = new Uint8Array(layout.size);
  const { address, length } = parsePrefix(text) as IpPrefix;
  const isV4 = address.family === 4;
  new DataView(key.buffer).setUint32(layout.fields.length?.offset as number, isV4 ? MAPPED_BITS + length : length, true);
  key.set(isV4 ? [...V4_MAPPED, ...address.bytes] : address.bytes, layout.fields.words?.offset);
  return key;
}

function prefixFrom(btf: Btf, key: Uint8Array): IpPrefix {
  const layout = btf.struct('toa_prefix');
  const at = layout.fields.words?.offset as number;
  const bytes = key.slice(at, at + V4_MAPPED.length + maxPrefixLength(4) / 8);
  const length = new DataView(key.buffer, key.byteOffset).getUint32(layout.fields.length?.offset as number, true);
  const isV4 = length >= MAPPED_BITS && V4_MAPPED.every((byte, index) => bytes[index] === byte);
  const address = IpAddress.fromBytes(isV4 ? bytes.slice(V4_MAPPED.length) : bytes) as IpAddress;
  return { address, length: isV4 ? length - MAPPED_BITS : length };
}
