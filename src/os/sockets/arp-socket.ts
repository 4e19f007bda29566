/** Announces addresses by gratuitous ARP. */
import type { IpAddress } from '../../base/index.ts';
import { type ArpOperation, BROADCAST_MAC, ETHERTYPE_ARP, encodeGratuitousArp } from '../../wire/index.ts';
import { AF_PACKET, close, encodeLinkLayerAddress, SOCK_RAW, type SystemError, sendTo, socket } from '../ffi/index.ts';

export interface Announcement {
  readonly interfaceIndex: number;
  /** The hardware address that the network should learn: the interface's own. */
  readonly mac: Uint8Array;
  /** An IPv4 address. */
  readonly address: IpAddress;
  /** Default `request`, as keepalived sends. */
  readonly operation?: ArpOperation;
}

/** One packet socket for all interfaces of a network namespace. It only sends: protocol 0 keeps every received frame away from it. */
export class ArpSocket {
  private readonly fd: number;

  /** Opens in the network namespace that the calling thread is in now. Throws SystemError (EPERM without CAP_NET_RAW). */
  constructor() {
    this.fd = socket(AF_PACKET, SOCK_RAW, 0);
  }

  /** Broadcasts one gratuitous ARP. Undefined means sent; ENETDOWN, ENXIO, ENOBUFS … come back as values. */
  announce(announcement: Announcement): SystemError | undefined {
    const { interfaceIndex, mac, address, operation } = announcement;
    const target = encodeLinkLayerAddress(interfaceIndex, ETHERTYPE_ARP, BROADCAST_MAC);
    return sendTo(this.fd, encodeGratuitousArp(mac, address, operation), target);
  }

  close(): void {
    close(this.fd);
  }
}
