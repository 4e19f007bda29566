/** The raw socket of one interface for IP protocol 112. */
import type { IpAddress } from '../../base/index.ts';
import { AF_INET, HOST_IS_LITTLE_ENDIAN, IP_PROTOCOL_VRRP, viewOf } from '../../wire/index.ts';
import { close, encodeInetAddress, receive, SOCK_RAW, SystemError, sendTo, setSocketOption, socket } from '../ffi/index.ts';

const SOL_SOCKET = 1;
const SO_PRIORITY = 12;
const SO_BINDTOIFINDEX = 62;
const IPPROTO_IP = 0;
const IP_HDRINCL = 3;
const IP_MULTICAST_LOOP = 34;
const IP_ADD_MEMBERSHIP = 35;
const IP_MULTICAST_ALL = 49;
/** The band for traffic that keeps the network running (TC_PRIO_CONTROL). */
const PRIORITY_CONTROL = 7;
/** An advertisement is far smaller; anything longer is cut and then refused for its length. */
const BUFFER_LENGTH = 2048;
const EADDRINUSE = 98;

export interface VrrpSocketOptions {
  readonly interfaceIndex: number;
  /** Multicast groups to hear on that interface; none for unicast peers only. */
  readonly groups: readonly IpAddress[];
}

/**
 * Sends and receives whole IPv4 packets on one interface. IP_HDRINCL is on: the header is the codec's, byte for byte the one that
 * keepalived writes (TTL 255, TOS 0xc0, no don't-fragment bit, any source address even when it is no longer ours), and the kernel
 * only routes. One socket an interface, because Linux lets a socket join no more than 20 groups.
 * The socket follows the interface's index: when the interface is deleted, close it, and make another for the new one.
 */
export class VrrpSocket {
  /** Non-blocking; readable when `receive` has something. */
  readonly fd: number;
  readonly interfaceIndex: number;
  private readonly buffer = new Uint8Array(BUFFER_LENGTH);

  /** Opens in the network namespace that the calling thread is in now. Throws SystemError (EPERM without CAP_NET_RAW, ENODEV). */
  constructor(options: VrrpSocketOptions) {
    this.interfaceIndex = options.interfaceIndex;
    this.fd = socket(AF_INET, SOCK_RAW, IP_PROTOCOL_VRRP);
    try {
      setSocketOption(this.fd, SOL_SOCKET, SO_BINDTOIFINDEX, options.interfaceIndex);
      setSocketOption(this.fd, IPPROTO_IP, IP_HDRINCL, 1);
      setSocketOption(this.fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
      // Only groups that this very socket joined, not what any other program on the machine has joined.
      setSocketOption(this.fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
      setSocketOption(this.fd, SOL_SOCKET, SO_PRIORITY, PRIORITY_CONTROL);
      for (const group of options.groups) this.join(group);
    } catch (error) {
      close(this.fd);
      throw error;
    }
  }

  /** Hears one more group. Joining one twice is harmless. */
  join(group: IpAddress): void {
    // struct ip_mreqn: group, local address (unused), interface index.
    const request = new Uint8Array(12);
    request.set(group.bytes, 0);
    viewOf(request).setInt32(8, this.interfaceIndex, HOST_IS_LITTLE_ENDIAN);
    try {
      setSocketOption(this.fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, request);
    } catch (error) {
      if (!(error instanceof SystemError) || error.errno !== EADDRINUSE) throw error;
    }
  }

  /** Sends a whole IPv4 packet out of the interface. Undefined means sent; ENETDOWN, ENODEV, ENOBUFS … come back as values. */
  send(packet: Uint8Array, destination: IpAddress): SystemError | undefined {
    return sendTo(this.fd, packet, encodeInetAddress(destination));
  }

  /** The next whole IPv4 packet (a copy), or undefined when none is waiting. An error that the kernel queued on the socket is passed over. */
  receive(): Uint8Array | undefined {
    for (;;) {
      try {
        const length = receive(this.fd, this.buffer);
        return length === undefined ? undefined : this.buffer.slice(0, length);
      } catch (error) {
        // Reading a queued error (ENETDOWN after the link went down) takes it off the socket.
        if (!(error instanceof SystemError) || error.code !== 'ENETDOWN') throw error;
      }
    }
  }

  close(): void {
    close(this.fd);
  }
}
