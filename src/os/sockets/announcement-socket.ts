/** Announces addresses by gratuitous ARP, and by unsolicited neighbour advertisement for IPv6. */
import type { IpAddress } from '../../base/index.ts';
import {
  type ArpOperation,
  BROADCAST_MAC,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV6,
  encodeGratuitousArp,
  encodeUnsolicitedAdvertisement,
} from '../../wire/index.ts';
import { AF_PACKET, close, encodeLinkLayerAddress, SOCK_RAW, type SystemError, sendTo, socket } from '../ffi/index.ts';

export interface Announcement {
  readonly interfaceIndex: number;
  /** The hardware address that the network should learn: the interface's own. */
  readonly mac: Uint8Array;
  readonly address: IpAddress;
  /** IPv4: default `request`, as keepalived sends. */
  readonly operation?: ArpOperation;
  /** IPv6: whether this host forwards packets. */
  readonly isRouter?: boolean;
}

export interface EncodedAnnouncement {
  readonly frame: Uint8Array;
  /** The interface, as the kernel wants to be told of it. */
  readonly to: Uint8Array;
}

export function encodeAnnouncement(announcement: Announcement): EncodedAnnouncement {
  const { interfaceIndex, mac, address, operation, isRouter = false } = announcement;
  const isV4 = address.family === 4;
  return {
    frame: isV4 ? encodeGratuitousArp(mac, address, operation) : encodeUnsolicitedAdvertisement({ target: address, mac, isRouter }),
    to: encodeLinkLayerAddress(interfaceIndex, isV4 ? ETHERTYPE_ARP : ETHERTYPE_IPV6, BROADCAST_MAC),
  };
}

/** One packet socket for all interfaces of a network namespace. It only sends: protocol 0 keeps every received frame away from it. */
export class AnnouncementSocket {
  private readonly fd: number;

  /** Opens in the network namespace that the calling thread is in now. Throws SystemError (EPERM without CAP_NET_RAW). */
  constructor() {
    this.fd = socket(AF_PACKET, SOCK_RAW, 0);
  }

  /** Tells the whole link once. Undefined means sent; ENETDOWN, ENXIO, ENOBUFS … come back as values. */
  announce(announcement: Announcement): SystemError | undefined {
    return this.send(encodeAnnouncement(announcement));
  }

  /** The same with what was encoded beforehand, for who is in a hurry. */
  send({ frame, to }: EncodedAnnouncement): SystemError | undefined {
    return sendTo(this.fd, frame, to);
  }

  close(): void {
    close(this.fd);
  }
}
