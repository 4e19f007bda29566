/** The raw socket of one interface for VRRP: IP protocol 112, or 51 where an authentication header comes first. */
import { IpAddress, type IpFamily, type Micros } from '../../base/index.ts';
import { encodeIpv6, IP_PROTOCOL_VRRP } from '../../wire/index.ts';
import {
  bind,
  close,
  decodeInetAddress,
  encodeInetAddress,
  MessageReceiver,
  type ReceivedMessage,
  receive,
  SOCK_RAW,
  SystemError,
  sendTo,
  setSocketOption,
  sinceArrival,
  socket,
} from '../ffi/index.ts';
import {
  askForPath,
  IPPROTO_IP,
  IPPROTO_IPV6,
  joinGroup,
  PRIORITY_CONTROL,
  readPath,
  SO_BINDTOIFINDEX,
  SO_PRIORITY,
  SO_RCVBUFFORCE,
  SOL_SOCKET,
  socketFamily,
} from './options.ts';

const IP_HDRINCL = 3;
const IP_MULTICAST_LOOP = 34;
const IP_MULTICAST_ALL = 49;
const IPV6_MULTICAST_IF = 17;
const IPV6_MULTICAST_LOOP = 19;
const IPV6_MULTICAST_ALL = 29;
const IPV6_HDRINCL = 36;
const IPV6_FREEBIND = 78;
/** Any link-local one. */
const BORROWED_ADDRESS = IpAddress.fromBytes(Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)) as IpAddress;
/** An advertisement is far smaller; anything longer is cut and then refused for its length. */
const BUFFER_LENGTH = 2048;
/** The most that an interface's MTU allows, for 255 routers of it, several intervals long: nothing is lost while we look away. */
const RECEIVE_BUFFER = 4 * 1024 * 1024;

export interface VrrpSocketOptions {
  readonly family?: IpFamily;
  /** 112 unless given. */
  readonly protocol?: number;
  /** Only this interface's packets, and only by it; absent for unicast routers without an interface. */
  readonly interfaceIndex?: number;
  /** Multicast groups to hear on that interface; none for unicast peers only. */
  readonly groups: readonly IpAddress[];
  /** On an interface that may have no address, as a virtual router's macvlan: for sending only. */
  readonly sendOnly?: boolean;
}

/**
 * Sends and receives whole IP packets on one interface. IP_HDRINCL is on: the header is the codec's, byte for byte the one that
 * keepalived writes (TTL 255, TOS 0xc0, no don't-fragment bit, any source address even when it is no longer ours), and the kernel
 * only routes. One socket an interface, because Linux lets a socket join no more than 20 groups.
 * The socket follows the interface's index: when the interface is deleted, close it, and make another for the new one.
 */
export class VrrpSocket {
  /** Non-blocking; readable when `receive` has something. */
  readonly fd: number;
  readonly interfaceIndex: number | undefined;
  private readonly family: IpFamily;
  private readonly protocol: number;
  private readonly buffer: Uint8Array;
  private readonly receiver: MessageReceiver | undefined;
  /** The destinations of one router never change, so that a sockaddr is made once for each. */
  private readonly destinations = new WeakMap<IpAddress, Uint8Array>();

  /** Opens in the network namespace that the calling thread is in now. Throws SystemError (EPERM without CAP_NET_RAW, ENODEV). */
  constructor(options: VrrpSocketOptions) {
    const { family = 4, protocol = IP_PROTOCOL_VRRP, interfaceIndex, groups } = options;
    this.interfaceIndex = interfaceIndex;
    this.family = family;
    this.protocol = protocol;
    this.buffer = new Uint8Array(family === 4 ? BUFFER_LENGTH : 0);
    this.receiver = family === 6 ? new MessageReceiver(BUFFER_LENGTH) : undefined;
    this.fd = socket(socketFamily(family), SOCK_RAW, protocol);
    try {
      this.configure();
      if (options.sendOnly) this.borrowAddress();
      for (const group of groups) this.join(group);
      this.waited();
    } catch (error) {
      close(this.fd);
      throw error;
    }
  }

  /** Hears one more group. Joining one twice is harmless. */
  join(group: IpAddress): void {
    if (this.interfaceIndex !== undefined) joinGroup(this.fd, group, this.interfaceIndex);
  }

  /** Sends a whole IP packet out of the interface. Undefined means sent; ENETDOWN, ENODEV, ENOBUFS … come back as values. */
  send(packet: Uint8Array, destination: IpAddress): SystemError | undefined {
    let address = this.destinations.get(destination);
    if (!address) {
      address = encodeInetAddress(destination, 0, this.interfaceIndex);
      this.destinations.set(destination, address);
    }
    return sendTo(this.fd, packet, address);
  }

  /** The next whole IP packet (a copy), or undefined when none is waiting. An error that the kernel queued on the socket is passed over. */
  receive(): Uint8Array | undefined {
    for (;;) {
      try {
        return this.receiver ? this.receiveVersion6(this.receiver) : this.receiveVersion4();
      } catch (error) {
        // Reading a queued error (ENETDOWN after the link went down, an ICMP error from a peer) takes it off the socket.
        if (!(error instanceof SystemError) || !QUEUED.has(error.code)) throw error;
      }
    }
  }

  /** How long the packet that `receive` gave last had been here by then. See `sinceArrival`. */
  waited(): Micros {
    return sinceArrival(this.fd);
  }

  close(): void {
    close(this.fd);
  }

  private configure(): void {
    const { fd, interfaceIndex } = this;
    if (interfaceIndex !== undefined) setSocketOption(fd, SOL_SOCKET, SO_BINDTOIFINDEX, interfaceIndex);
    setSocketOption(fd, SOL_SOCKET, SO_PRIORITY, PRIORITY_CONTROL);
    setSocketOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER);
    // MULTICAST_ALL off: only groups that this very socket joined, not what any other program on the machine has joined.
    if (this.family === 4) {
      setSocketOption(fd, IPPROTO_IP, IP_HDRINCL, 1);
      setSocketOption(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
      setSocketOption(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
    } else {
      setSocketOption(fd, IPPROTO_IPV6, IPV6_HDRINCL, 1);
      setSocketOption(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
      setSocketOption(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
      if (interfaceIndex !== undefined) setSocketOption(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, interfaceIndex);
      askForPath(fd, 6);
    }
  }

  /**
   * The kernel wants to know a source address before it routes an IPv6 packet, although the packet has its own. A socket bound to an
   * address that is not here (which hears nothing) gives it one.
   */
  private borrowAddress(): void {
    if (this.family === 4) return;
    setSocketOption(this.fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
    bind(this.fd, encodeInetAddress(BORROWED_ADDRESS, 0, this.interfaceIndex));
  }

  private receiveVersion4(): Uint8Array | undefined {
    const length = receive(this.fd, this.buffer);
    return length === undefined ? undefined : this.buffer.slice(0, length);
  }

  /** A raw IPv6 socket keeps the header to itself: it is put together again from what the kernel tells of it. */
  private receiveVersion6(receiver: MessageReceiver): Uint8Array | undefined {
    for (let message = receiver.receive(this.fd); message; message = receiver.receive(this.fd)) {
      const packet = this.rebuild(message);
      if (packet) return packet;
    }
    return undefined;
  }

  private rebuild(message: ReceivedMessage): Uint8Array | undefined {
    const source = decodeInetAddress(message.address);
    const { destination: bytes, ttl } = readPath(message);
    const destination = bytes && IpAddress.fromBytes(bytes);
    if (!source || !destination) return undefined;
    const header = { trafficClass: 0, flowLabel: 0, nextHeader: this.protocol, hopLimit: ttl, source, destination };
    return encodeIpv6(header, message.bytes);
  }
}

const QUEUED: ReadonlySet<string> = new Set([
  'ENETDOWN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNREFUSED',
  'EPROTO',
  'EMSGSIZE',
  'ENOPROTOOPT',
]);
