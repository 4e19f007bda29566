/** Network namespaces of the calling thread (setns(2)) and mounts (mount(2)). */
import { closeSync, openSync } from 'node:fs';
import { AF_INET, HOST_IS_LITTLE_ENDIAN } from '../../wire/index.ts';
import { checked } from './errno.ts';
import { libc } from './library.ts';
import { close, SOCK_DGRAM, socket, socketOption } from './socket.ts';

const SOL_SOCKET = 1;
const SO_NETNS_COOKIE = 71;
const CLONE_NEWNET = 0x40000000;
export const MNT_DETACH = 2;

const native = {
  setns: libc.func('setns', 'int', ['int', 'int']),
  mount: libc.func('mount', 'int', ['str', 'str', 'str', 'ulong', 'str']),
  umount2: libc.func('umount2', 'int', ['str', 'int']),
};

/** Moves the calling thread, and only it, into the network namespace that a file such as /run/netns/NAME stands for. */
export function enterNetworkNamespace(path: string): void {
  const fd = openSync(path, 'r');
  try {
    checked('setns', native.setns(fd, CLONE_NEWNET), path);
  } finally {
    closeSync(fd);
  }
}

/** Runs synchronous code with this thread inside a network namespace, and comes back. Sockets made inside stay there. */
export function inNetworkNamespace<T>(path: string, action: () => T): T {
  const home = openSync('/proc/thread-self/ns/net', 'r');
  try {
    enterNetworkNamespace(path);
    return action();
  } finally {
    enterNetworkNamespace(`/proc/self/fd/${home}`);
    closeSync(home);
  }
}

/** The number by which BPF programs know the calling thread's network namespace; no other one gets it until the next boot (Linux 5.14). */
export function networkNamespaceCookie(): bigint {
  const fd = socket(AF_INET, SOCK_DGRAM, 0);
  try {
    return new DataView(socketOption(fd, SOL_SOCKET, SO_NETNS_COOKIE, new Uint8Array(8)).buffer).getBigUint64(0, HOST_IS_LITTLE_ENDIAN);
  } finally {
    close(fd);
  }
}

export function mount(source: string, target: string, type: string, flags = 0, data = ''): void {
  checked('mount', native.mount(source, target, type, flags, data), target);
}

export function unmount(target: string, flags = 0): void {
  checked('umount2', native.umount2(target, flags), target);
}
