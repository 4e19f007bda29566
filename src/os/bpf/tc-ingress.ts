/** A BPF program as a tc filter on what an interface receives. It stays there until it is taken off, whoever put it there has ended or not. */
import { addressOf, close, SystemError } from '../ffi/index.ts';
import { checkedBpf, collectMessages, libbpf } from '../ffi/libbpf.ts';
import { BpfMap } from './map.ts';
import type { BpfProgram } from './program.ts';

/** struct bpf_tc_hook of libbpf: size, interface, attach point, parent. */
const HOOK_SIZE = 24;
const INGRESS = 1;
const BOTH_DIRECTIONS = 3;
/** struct bpf_tc_opts: size, program's descriptor, flags, program's id, handle, priority. */
const OPTIONS_SIZE = 32;
const REPLACE = 1;
/** Where no such filter is, or not even a discipline for it, the kernel says one of these. */
const ABSENT = new Set(['ENOENT', 'EINVAL', 'ENODEV']);

/** struct bpf_prog_info and struct bpf_map_info (linux/bpf.h) grow at their ends only; these are the parts that we read. */
const PROGRAM_INFO = { size: 80, mapCount: 52, mapIds: 56, name: 64 };
const MAP_INFO = { size: 40, type: 0, keySize: 8, valueSize: 12, maxEntries: 16, name: 24 };
const NAME_SIZE = 16;
const MAX_MAPS = 64;
const PER_CPU_TYPES = new Set([5, 6, 10]); // hash, array, LRU hash

/** A program that the kernel runs, with the maps that it uses, by the first 15 letters of their names. */
export interface LoadedProgram {
  readonly name: string;
  readonly maps: ReadonlyMap<string, BpfMap>;
  close(): void;
}

export class TcIngress {
  private readonly interfaceIndex: number;
  private readonly handle: number;
  private readonly priority: number;

  /** Priority and handle tell filters of one interface apart; a lower priority comes earlier. */
  constructor(interfaceIndex: number, priority: number, handle: number) {
    this.interfaceIndex = interfaceIndex;
    this.priority = priority;
    this.handle = handle;
  }

  /** Puts the program there, in place of one that has the same priority and handle, and makes the `clsact` discipline where there is none. Throws SystemError. */
  attach(program: BpfProgram): void {
    const created = libbpf().tcHookCreate(this.hook(BOTH_DIRECTIONS)) as number;
    if (created < 0 && new SystemError('bpf_tc_hook_create', -created).code !== 'EEXIST') checkedBpf('bpf_tc_hook_create', created);
    const attached = collectMessages(
      () => libbpf().tcAttach(this.hook(INGRESS), this.options({ fd: program.fd, flags: REPLACE })) as number,
    );
    checkedBpf('bpf_tc_attach', attached.result, attached.messages);
  }

  /** The program that is there now. */
  current(): LoadedProgram | undefined {
    const options = this.options();
    const { result } = collectMessages(() => libbpf().tcQuery(this.hook(INGRESS), options) as number);
    if (result < 0 && ABSENT.has(new SystemError('bpf_tc_query', -result).code)) return undefined;
    checkedBpf('bpf_tc_query', result);
    return openProgram(new DataView(options.buffer).getUint32(16, true));
  }

  /** Takes it off, where it is there. */
  detach(): void {
    const { result } = collectMessages(() => libbpf().tcDetach(this.hook(INGRESS), this.options()) as number);
    if (result < 0 && !ABSENT.has(new SystemError('bpf_tc_detach', -result).code)) checkedBpf('bpf_tc_detach', result);
  }

  /** Takes the `clsact` discipline off, with every filter that is left on it. */
  removeDiscipline(): void {
    checkedBpf('bpf_tc_hook_destroy', libbpf().tcHookDestroy(this.hook(BOTH_DIRECTIONS)) as number);
  }

  private hook(attachPoint: number): Uint8Array {
    const bytes = new Uint8Array(HOOK_SIZE);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, BigInt(HOOK_SIZE), true);
    view.setInt32(8, this.interfaceIndex, true);
    view.setUint32(12, attachPoint, true);
    return bytes;
  }

  private options(program = { fd: 0, flags: 0 }): Uint8Array {
    const bytes = new Uint8Array(OPTIONS_SIZE);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, BigInt(OPTIONS_SIZE), true);
    view.setInt32(8, program.fd, true);
    view.setUint32(12, program.flags, true);
    view.setUint32(20, this.handle, true);
    view.setUint32(24, this.priority, true);
    return bytes;
  }
}

function openProgram(id: number): LoadedProgram {
  const fd = checkedBpf('bpf_prog_get_fd_by_id', libbpf().programById(id) as number);
  try {
    const ids = new Uint32Array(MAX_MAPS);
    const info = new Uint8Array(PROGRAM_INFO.size);
    const view = new DataView(info.buffer);
    view.setUint32(PROGRAM_INFO.mapCount, MAX_MAPS, true);
    view.setBigUint64(PROGRAM_INFO.mapIds, addressOf(new Uint8Array(ids.buffer)), true);
    readInfo(fd, info);
    const maps = new Map<string, BpfMap>();
    for (const map of ids.subarray(0, view.getUint32(PROGRAM_INFO.mapCount, true))) {
      const opened = openMap(map);
      maps.set(opened.name, opened);
    }
    const closeMaps = (): void => {
      for (const map of maps.values()) close(map.fd);
    };
    return { name: nameAt(info, PROGRAM_INFO.name), maps, close: closeMaps };
  } finally {
    close(fd);
  }
}

function openMap(id: number): BpfMap {
  const fd = checkedBpf('bpf_map_get_fd_by_id', libbpf().mapById(id) as number);
  const info = new Uint8Array(MAP_INFO.size);
  readInfo(fd, info);
  const word = (at: number) => new DataView(info.buffer).getUint32(at, true);
  const shape = { keySize: word(MAP_INFO.keySize), valueSize: word(MAP_INFO.valueSize), maxEntries: word(MAP_INFO.maxEntries) };
  return new BpfMap(nameAt(info, MAP_INFO.name), fd, shape, PER_CPU_TYPES.has(word(MAP_INFO.type)));
}

function readInfo(fd: number, info: Uint8Array): void {
  checkedBpf('bpf_obj_get_info_by_fd', libbpf().objectInfo(fd, info, new Uint8Array(Uint32Array.of(info.length).buffer)) as number);
}

function nameAt(info: Uint8Array, at: number): string {
  const bytes = info.subarray(at, at + NAME_SIZE);
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}
