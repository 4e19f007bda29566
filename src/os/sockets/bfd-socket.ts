/** UDP sockets of bidirectional forwarding detection (RFC 5881 §4 and §5, RFC 5883 §5). */
import { IpAddress, type IpFamily } from '../../base/index.ts';
import { BFD_MULTIHOP_PORT, BFD_PORT } from '../../wire/index.ts';
import {
  bind,
  close,
  decodeInetAddress,
  encodeInetAddress,
  MessageReceiver,
  SOCK_DGRAM,
  SystemError,
  sendTo,
  setSocketOption,
  socket,
} from '../ffi/index.ts';
import { askForPath, IPPROTO_IP, IPPROTO_IPV6, PRIORITY_CONTROL, readPath, SO_PRIORITY, SOL_SOCKET, socketFamily } from './options.ts';

const IP_TTL = 2;
const IPV6_UNICAST_HOPS = 16;
const IPV6_V6ONLY = 26;
const BUFFER_LENGTH = 512;
const FIRST_SOURCE_PORT = 49152;
const LAST_SOURCE_PORT = 65535;

export interface BfdDatagram {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** TTL or hop limit as received. */
  readonly ttl: number;
  readonly payload: Uint8Array;
}

/** Hears every session of one family on one of the two ports. */
export class BfdListener {
  /** Non-blocking; readable when `receive` has something. */
  readonly fd: number;
  readonly multihop: boolean;
  private readonly receiver = new MessageReceiver(BUFFER_LENGTH);

  /** Throws SystemError (EADDRINUSE when another BFD daemon runs here). */
  constructor(family: IpFamily, multihop: boolean) {
    this.multihop = multihop;
    this.fd = socket(socketFamily(family), SOCK_DGRAM, 0);
    try {
      if (family === 6) setSocketOption(this.fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
      askForPath(this.fd, family);
      bind(this.fd, encodeInetAddress(unspecified(family), multihop ? BFD_MULTIHOP_PORT : BFD_PORT));
    } catch (error) {
      close(this.fd);
      throw error;
    }
  }

  /** The next datagram (copied), or undefined when none is waiting. */
  receive(): BfdDatagram | undefined {
    for (let message = this.receiver.receive(this.fd); message; message = this.receiver.receive(this.fd)) {
      const source = decodeInetAddress(message.address);
      const { destination: bytes, ttl } = readPath(message);
      const destination = bytes && IpAddress.fromBytes(bytes);
      if (source && destination) return { source, destination, ttl, payload: message.bytes.slice() };
    }
    return undefined;
  }

  close(): void {
    close(this.fd);
  }
}

/** Sends for one session, from a port of the range that RFC 5881 wants, which stays the session's own. */
export class BfdSender {
  private readonly fd: number;
  private readonly peer: Uint8Array;
  private readonly source: IpAddress;
  private bound = false;
  private port: number;

  /** `port` is where the search for a free source port begins. */
  constructor(options: { neighbor: IpAddress; source?: IpAddress; ttl: number; multihop: boolean; port: number }) {
    const { neighbor, source, ttl, multihop, port } = options;
    this.source = source ?? unspecified(neighbor.family);
    this.port = port;
    this.peer = encodeInetAddress(neighbor, multihop ? BFD_MULTIHOP_PORT : BFD_PORT);
    this.fd = socket(socketFamily(neighbor.family), SOCK_DGRAM, 0);
    const [level, option] = neighbor.family === 4 ? [IPPROTO_IP, IP_TTL] : [IPPROTO_IPV6, IPV6_UNICAST_HOPS];
    setSocketOption(this.fd, level, option, ttl);
    setSocketOption(this.fd, SOL_SOCKET, SO_PRIORITY, PRIORITY_CONTROL);
  }

  /** Sends one datagram. Undefined means sent; the source address being away (EADDRNOTAVAIL) and the like come back as values. */
  send(bytes: Uint8Array): SystemError | undefined {
    return this.bindOnce() ?? sendTo(this.fd, bytes, this.peer);
  }

  close(): void {
    close(this.fd);
  }

  /** The source address may come later than the session: binding is tried again with each packet until it works. */
  private bindOnce(): SystemError | undefined {
    for (let attempt = 0; !this.bound; attempt++) {
      try {
        bind(this.fd, encodeInetAddress(this.source, this.port));
        this.bound = true;
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        if (error.code !== 'EADDRINUSE' || attempt > LAST_SOURCE_PORT - FIRST_SOURCE_PORT) return error;
        this.port = this.port >= LAST_SOURCE_PORT ? FIRST_SOURCE_PORT : this.port + 1;
      }
    }
    return undefined;
  }
}

function unspecified(family: IpFamily): IpAddress {
  return IpAddress.fromBytes(new Uint8Array(family === 4 ? 4 : 16)) as IpAddress;
}
