/** Programs that the kernel runs already, and their maps. */
import { addressOf, close } from '../ffi/index.ts';
import { checkedBpf, libbpf } from '../ffi/libbpf.ts';
import { BpfMap } from './map.ts';

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

/** By its number in the kernel. Throws SystemError. */
export function openProgram(id: number): LoadedProgram {
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

/** What the kernel tells of a program, map or link. */
export function readInfo(fd: number, info: Uint8Array): void {
  checkedBpf('bpf_obj_get_info_by_fd', libbpf().objectInfo(fd, info, new Uint8Array(Uint32Array.of(info.length).buffer)) as number);
}

function nameAt(info: Uint8Array, at: number): string {
  const bytes = info.subarray(at, at + NAME_SIZE);
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}
