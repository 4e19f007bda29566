/** BPF programs on a control group: they are asked about the sockets of every process in it and below. */
import { closeSync, mkdtempSync, openSync, readFileSync, rmdirSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { close, MNT_DETACH, mount, unmount } from '../ffi/index.ts';
import { checkedBpf, libbpf } from '../ffi/libbpf.ts';
import { type LoadedProgram, openProgram, readInfo } from './loaded.ts';
import type { BpfProgram } from './program.ts';

const CGROUP2_MAGIC = 0x63677270;

/** enum bpf_attach_type (linux/bpf.h). */
export const CGROUP_HOOKS = { sockOps: 3, getPeerName4: 29, getPeerName6: 30 } as const;
export type CgroupHook = keyof typeof CGROUP_HOOKS;

/** struct bpf_link_info (linux/bpf.h) grows at its end only: type, identifier, program. */
const LINK_INFO = { size: 16, program: 8 };

/**
 * Runs `use` with the root of the cgroup2 hierarchy open: of this container, where it has a cgroup namespace of its own. A hierarchy that
 * is mounted nowhere to be seen is mounted for that long. Throws SystemError: ENODEV where the kernel has none, EPERM where that is not allowed.
 */
export function withRootCgroup<T>(use: (fd: number) => T): T {
  const fd = openRootCgroup();
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

function openRootCgroup(): number {
  const mounted = cgroup2Mounts(readFileSync('/proc/self/mounts', 'utf8')).find(isCgroup2);
  if (mounted !== undefined) return openSync(mounted, 'r');
  const place = mkdtempSync(join(tmpdir(), 'vipwright-cgroup-'));
  try {
    mount('cgroup2', place, 'cgroup2');
    try {
      return openSync(place, 'r');
    } finally {
      unmount(place, MNT_DETACH);
    }
  } finally {
    rmdirSync(place);
  }
}

/** Where the text of /proc/self/mounts has the hierarchy; something else may be mounted over it. */
export function cgroup2Mounts(mounts: string): string[] {
  return mounts.split('\n').flatMap((line) => {
    const [, path, type] = line.split(' ');
    // Blanks and the like are written in octal.
    return type === 'cgroup2' && path
      ? [path.replaceAll(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8)))]
      : [];
  });
}

function isCgroup2(path: string): boolean {
  try {
    return statfsSync(path).type === CGROUP2_MAGIC;
  } catch {
    return false;
  }
}

/** Puts the program on the control group, beside others, until nobody holds the pin any more. Throws SystemError. */
export function attachToCgroup(program: BpfProgram, cgroup: number, hook: CgroupHook, pinPath: string): void {
  const fd = checkedBpf('bpf_link_create', libbpf().linkCreate(program.fd, cgroup, CGROUP_HOOKS[hook], null) as number, () => program.name);
  try {
    checkedBpf('bpf_obj_pin', libbpf().pin(fd, pinPath) as number, () => pinPath);
  } finally {
    close(fd);
  }
}

/** The program of a pinned link; undefined where nothing is pinned. */
export function pinnedLinkProgram(pinPath: string): LoadedProgram | undefined {
  const fd = libbpf().openPinned(pinPath) as number;
  if (fd < 0) return undefined;
  try {
    const info = new Uint8Array(LINK_INFO.size);
    readInfo(fd, info);
    return openProgram(new DataView(info.buffer).getUint32(LINK_INFO.program, true));
  } finally {
    close(fd);
  }
}
