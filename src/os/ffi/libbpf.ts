/** libbpf.so.1, bound when first used: a machine without it can still run everything that loads no BPF program. */
import koffi from 'koffi';
import { SystemError } from './errno.ts';
import { lastErrno, libc, loadLibrary } from './library.ts';

/** A libbpf object, map or program handle. */
export type Handle = bigint | object;

type Native = ReturnType<typeof bindLibrary>;
let library: Native | undefined;

function bindLibrary() {
  const lib = loadLibrary('libbpf.so.1');
  return {
    openFile: lib.func('bpf_object__open_file', 'void *', ['str', 'void *']),
    load: lib.func('bpf_object__load', 'int', ['void *']),
    closeObject: lib.func('bpf_object__close', 'void', ['void *']),
    findMap: lib.func('bpf_object__find_map_by_name', 'void *', ['void *', 'str']),
    findProgram: lib.func('bpf_object__find_program_by_name', 'void *', ['void *', 'str']),
    nextMap: lib.func('bpf_object__next_map', 'void *', ['void *', 'void *']),
    mapName: lib.func('bpf_map__name', 'str', ['void *']),
    mapFd: lib.func('bpf_map__fd', 'int', ['void *']),
    keySize: lib.func('bpf_map__key_size', 'uint32_t', ['void *']),
    valueSize: lib.func('bpf_map__value_size', 'uint32_t', ['void *']),
    maxEntries: lib.func('bpf_map__max_entries', 'uint32_t', ['void *']),
    setMaxEntries: lib.func('bpf_map__set_max_entries', 'int', ['void *', 'uint32_t']),
    setPinPath: lib.func('bpf_map__set_pin_path', 'int', ['void *', 'str']),
    programFd: lib.func('bpf_program__fd', 'int', ['void *']),
    lookup: lib.func('bpf_map_lookup_elem', 'int', ['int', 'void *', 'void *']),
    update: lib.func('bpf_map_update_elem', 'int', ['int', 'void *', 'void *', 'uint64_t']),
    remove: lib.func('bpf_map_delete_elem', 'int', ['int', 'void *']),
    nextKey: lib.func('bpf_map_get_next_key', 'int', ['int', 'void *', 'void *']),
    linkCreate: lib.func('bpf_link_create', 'int', ['int', 'int', 'int', 'void *']),
    linkUpdate: lib.func('bpf_link_update', 'int', ['int', 'int', 'void *']),
    pin: lib.func('bpf_obj_pin', 'int', ['int', 'str']),
    openPinned: lib.func('bpf_obj_get', 'int', ['str']),
    testRun: lib.func('bpf_prog_test_run_opts', 'int', ['int', 'void *']),
    tcHookCreate: lib.func('bpf_tc_hook_create', 'int', ['void *']),
    tcHookDestroy: lib.func('bpf_tc_hook_destroy', 'int', ['void *']),
    tcAttach: lib.func('bpf_tc_attach', 'int', ['void *', 'void *']),
    tcDetach: lib.func('bpf_tc_detach', 'int', ['void *', 'void *']),
    tcQuery: lib.func('bpf_tc_query', 'int', ['void *', 'void *']),
    programById: lib.func('bpf_prog_get_fd_by_id', 'int', ['uint32_t']),
    mapById: lib.func('bpf_map_get_fd_by_id', 'int', ['uint32_t']),
    objectInfo: lib.func('bpf_obj_get_info_by_fd', 'int', ['int', 'void *', 'void *']),
    possibleCpus: lib.func('libbpf_num_possible_cpus', 'int', []),
    setPrint: lib.func('libbpf_set_print', 'void *', ['void *']),
  };
}

/** The functions of libbpf. Throws an Error that names the library when the machine lacks it. */
export function libbpf(): Native {
  library ??= bindLibrary();
  return library;
}

/** libbpf returns negative errno values; throws SystemError for them. `detail` is asked only then. */
export function checkedBpf(name: string, result: number, detail?: () => string | undefined): number {
  if (result >= 0) return result;
  throw new SystemError(name, -result, detail?.());
}

const printCallback = koffi.pointer(koffi.proto('int BpfPrint(int level, const char *format, void *arguments)'));
const vsnprintf = libc.func('vsnprintf', 'int', ['void *', 'size_t', 'str', 'void *']);
const PRINT_LENGTH = 256 * 1024;

/** Collects what libbpf says (the verifier's words among it) while `action` runs; warnings and infos, not its debug output. */
export function collectMessages<T>(action: () => T): { readonly result: T; readonly messages: () => string } {
  const lines: string[] = [];
  const buffer = Buffer.alloc(PRINT_LENGTH);
  const DEBUG = 2;
  const callback = koffi.register((level: number, format: string, words: unknown) => {
    if (level >= DEBUG) return 0;
    const length = vsnprintf(buffer, buffer.length, format, words) as number;
    lines.push(buffer.toString('latin1', 0, Math.min(length, buffer.length - 1)));
    return 0;
  }, printCallback);
  try {
    libbpf().setPrint(callback);
    return { result: action(), messages: () => lines.join('') };
  } finally {
    libbpf().setPrint(null);
    koffi.unregister(callback);
  }
}

const mmap = libc.func('mmap', 'void *', ['void *', 'size_t', 'int', 'int', 'int', 'int64_t']);
const munmap = libc.func('munmap', 'int', ['void *', 'size_t']);
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_FAILED = 2n ** 64n - 1n;

export interface MappedMemory {
  readonly bytes: Uint8Array;
  /** The bytes must not be touched afterwards. */
  unmap(): void;
}

/** Maps a memory-mappable array map: reading and writing it are then plain memory accesses, shared with the packet path. */
export function mapMemory(fd: number, length: number): MappedMemory {
  const address = mmap(null, length, PROT_READ_WRITE, MAP_SHARED, fd, 0) as bigint | object | null;
  if (address === null || address === MAP_FAILED || koffi.address(address) === MAP_FAILED) throw new SystemError('mmap', lastErrno());
  return { bytes: new Uint8Array(koffi.view(address, length)), unmap: () => void munmap(address, length) };
}
