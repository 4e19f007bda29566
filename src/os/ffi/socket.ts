/** Sockets of every family. Descriptors are plain numbers; who opens one closes it. */
import { HOST_IS_LITTLE_ENDIAN, viewOf } from '../../wire/index.ts';
import { checked, EAGAIN, EINTR, SystemError } from './errno.ts';
import { lastErrno, libc } from './library.ts';

export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;

export const MSG_TRUNC = 0x20;
const MSG_NOSIGNAL = 0x4000;

const native = {
  socket: libc.func('socket', 'int', ['int', 'int', 'int']),
  bind: libc.func('bind', 'int', ['int', 'const void *', 'uint32_t']),
  setsockopt: libc.func('setsockopt', 'int', ['int', 'int', 'int', 'const void *', 'uint32_t']),
  getsockopt: libc.func('getsockopt', 'int', ['int', 'int', 'int', 'void *', 'void *']),
  getsockname: libc.func('getsockname', 'int', ['int', 'void *', 'void *']),
  sendto: libc.func('sendto', 'long', ['int', 'const void *', 'size_t', 'int', 'const void *', 'uint32_t']),
  recv: libc.func('recv', 'long', ['int', 'void *', 'size_t', 'int']),
  close: libc.func('close', 'int', ['int']),
};

/** A new socket, closed on exec. Non-blocking unless `blocking` is asked for. */
export function socket(family: number, type: number, protocol: number, options: { readonly blocking?: boolean } = {}): number {
  const flags = SOCK_CLOEXEC | (options.blocking ? 0 : SOCK_NONBLOCK);
  return checked('socket', native.socket(family, type | flags, protocol));
}

export function bind(fd: number, address: Uint8Array): void {
  checked('bind', native.bind(fd, address, address.length));
}

export function setSocketOption(fd: number, level: number, option: number, value: number | Uint8Array): void {
  const bytes = typeof value === 'number' ? intBytes(value) : value;
  checked('setsockopt', native.setsockopt(fd, level, option, bytes, bytes.length), `level ${level} option ${option}`);
}

/** Fills `value` and returns it. */
export function socketOption(fd: number, level: number, option: number, value: Uint8Array): Uint8Array {
  checked('getsockopt', native.getsockopt(fd, level, option, value, intBytes(value.length)), `level ${level} option ${option}`);
  return value;
}

/** The address that the socket is bound to, as a sockaddr. */
export function socketName(fd: number): Uint8Array {
  const address = new Uint8Array(128);
  const length = intBytes(address.length);
  checked('getsockname', native.getsockname(fd, address, length));
  return address.subarray(0, viewOf(length).getInt32(0, HOST_IS_LITTLE_ENDIAN));
}

/** Sends one datagram. Failures are the caller's to weigh, so they come back as values: undefined means sent. */
export function sendTo(fd: number, data: Uint8Array, address: Uint8Array, flags = 0): SystemError | undefined {
  const sent = native.sendto(fd, data, data.length, flags | MSG_NOSIGNAL, address, address.length) as number;
  return sent < 0 ? new SystemError('sendto', lastErrno()) : undefined;
}

/**
 * Receives one datagram into `buffer`. The length is the datagram's own when flags hold MSG_TRUNC, even if the buffer was shorter.
 * Undefined when nothing is waiting (or a signal came first, on a blocking socket with a time-out: when that ran out).
 */
export function receive(fd: number, buffer: Uint8Array, flags = 0): number | undefined {
  const length = native.recv(fd, buffer, buffer.length, flags) as number;
  if (length >= 0) return length;
  const errno = lastErrno();
  if (errno === EAGAIN || errno === EINTR) return undefined;
  throw new SystemError('recv', errno);
}

export function close(fd: number): void {
  checked('close', native.close(fd));
}

function intBytes(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}
