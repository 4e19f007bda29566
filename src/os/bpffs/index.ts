/** A BPF file system of our own to pin maps and links in. */
import { mkdirSync, rmdirSync, statfsSync } from 'node:fs';
import { MNT_DETACH, mount, unmount } from '../ffi/index.ts';

const BPF_FS_MAGIC = 0xcafe4a11;

export interface BpfFileSystem {
  readonly path: string;
  /** False when a BPF file system was mounted there (or above) before; it is then left alone. */
  readonly mountedHere: boolean;
  /** Unmounts it, with everything pinned in it, and removes the directory if we mounted it; otherwise nothing. */
  unmount(): void;
}

/** Makes sure that `path` lies in a BPF file system, mounting one on it where needed. Throws SystemError (EPERM without CAP_SYS_ADMIN). */
export function ensureBpfFileSystem(path: string): BpfFileSystem {
  mkdirSync(path, { recursive: true });
  if (isBpfFileSystem(path)) return { path, mountedHere: false, unmount: () => undefined };
  mount('bpf', path, 'bpf', 0, 'mode=0700');
  return {
    path,
    mountedHere: true,
    unmount: () => {
      unmount(path, MNT_DETACH);
      rmdirSync(path);
    },
  };
}

export function isBpfFileSystem(path: string): boolean {
  return statfsSync(path).type === BPF_FS_MAGIC;
}

/** Takes away a BPF file system that `ensureBpfFileSystem` of any process mounted on exactly this path. */
export function removeBpfFileSystem(path: string): void {
  unmount(path, MNT_DETACH);
  rmdirSync(path);
}
