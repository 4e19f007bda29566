/** The door to native libraries. Files in this folder are the only ones that import koffi. */
import koffi, { type LibraryHandle } from 'koffi';

/** Opens a shared library by its soname, for example `libbpf.so.1`. Throws an Error with its name when it cannot be loaded. */
export function loadLibrary(name: string): LibraryHandle {
  try {
    return koffi.load(name);
  } catch (cause) {
    throw new Error(`${name}: ${(cause as Error).message}`, { cause });
  }
}

/** Node's own process image: every symbol of the C library is reachable through it, whichever C library that is. */
export const libc: LibraryHandle = koffi.load(null);

/** The address of a buffer's memory, for structures that hold pointers. Keep a reference to the buffer for as long as the address is used. */
export function addressOf(buffer: Uint8Array): bigint {
  return koffi.address(buffer);
}

/** `errno` as the last native call of this thread left it. */
export function lastErrno(): number {
  return koffi.errno();
}

/** Reads a 32-bit unsigned number from native memory. */
export function readNativeU32(address: bigint, offset: number): number {
  return koffi.decode(address, offset, 'uint32_t') as number;
}
