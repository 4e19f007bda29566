/** An ICMP echo socket (icmp(7), `SOCK_DGRAM`): the kernel fills in identifier and checksum and hands over only what answers us. */
import type { IpAddress } from '../../base/index.ts';
import { AF_INET, AF_INET6 } from '../../wire/index.ts';
import { bind, close, encodeInetAddress, receive, SOCK_DGRAM, SystemError, sendTo, socket } from '../ffi/index.ts';
import { readSysctl, writeSysctl } from '../sysctl/index.ts';

const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;
const GROUP_RANGE = ['net', 'ipv4', 'ping_group_range'];
/** An echo reply is as long as its request; more than this is none of ours. */
const MAX_MESSAGE = 1500;

export class PingSocket {
  readonly fd: number;
  private readonly target: Uint8Array;

  /** Throws SystemError when the kernel refuses. */
  constructor(target: IpAddress, source?: IpAddress) {
    this.fd = openEcho(target);
    this.target = encodeInetAddress(target);
    if (!source) return;
    try {
      bind(this.fd, encodeInetAddress(source));
    } catch (error) {
      close(this.fd);
      throw error;
    }
  }

  send(message: Uint8Array): SystemError | undefined {
    return sendTo(this.fd, message, this.target);
  }

  /** The next message without its IP header; undefined when nothing waits. */
  receive(): Uint8Array | undefined {
    const buffer = new Uint8Array(MAX_MESSAGE);
    const length = receive(this.fd, buffer);
    return length === undefined ? undefined : buffer.subarray(0, length);
  }

  close(): void {
    close(this.fd);
  }
}

/** The kernel lets nobody have such sockets, root included, until a range of groups says who may: then our own group is added, as keepalived does. */
function openEcho(target: IpAddress): number {
  const open = () => (target.family === 4 ? socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP) : socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6));
  try {
    return open();
  } catch (error) {
    if (!(error instanceof SystemError) || error.code !== 'EACCES' || !admitOwnGroup()) throw error;
    return open();
  }
}

function admitOwnGroup(): boolean {
  const own = process.getegid?.() ?? 0;
  const [low = 1, high = 0] = (readSysctl(GROUP_RANGE) ?? '').split(/\s+/).map(Number);
  const range = low > high ? [own, own] : [Math.min(low, own), Math.max(high, own)];
  try {
    writeSysctl(GROUP_RANGE, range.join('\t'));
    return true;
  } catch {
    return false;
  }
}
