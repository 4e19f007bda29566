/** Which persistence template a packet belongs to (kernel: ip_vs_sched_persist). */
import { IpAddress } from '../../base/index.ts';
import type { Protocol, VirtualService } from '../../model/index.ts';
import type { ConnectionKey } from './connections.ts';

const FTP_PORT = 21;

/** The part of a packet that decides. */
interface Addressed {
  readonly protocol: Protocol;
  readonly client: IpAddress;
  readonly virtual: IpAddress;
  readonly virtualPort: number;
}

/**
 * The template's key: the client's network, and the service's address and port. The templates of a service of every
 * port and of FTP hold for every port; those of a firewall mark for every address as well.
 */
export function templateKey({ key, persistence }: VirtualService, packet: Addressed): ConnectionKey {
  const client = networkOf(packet.client, persistence?.prefixLength ?? packet.client.bytes.length * 8);
  if (key.kind === 'fwmark') {
    return { protocol: 'ip', client, clientPort: 0, virtual: markAddress(key.mark, client), virtualPort: 0 };
  }
  const virtualPort = hasOnePort(key.port, packet) ? packet.virtualPort : 0;
  return { protocol: packet.protocol, client, clientPort: 0, virtual: packet.virtual, virtualPort };
}

/** The template's server port: the server's own where the service has one port, else 0. */
export function templateServerPort({ key }: VirtualService, packet: Addressed, serverPort: number): number {
  return key.kind === 'address' && hasOnePort(key.port, packet) ? serverPort : 0;
}

function hasOnePort(servicePort: number, packet: Addressed): boolean {
  return packet.virtualPort === servicePort && servicePort !== FTP_PORT;
}

/** The address with all bits beyond the prefix cleared. */
function networkOf(address: IpAddress, prefixLength: number): IpAddress {
  const bytes = address.bytes.map((byte, index) => {
    const kept = Math.min(8, Math.max(0, prefixLength - index * 8));
    return byte & (0xff00 >> kept);
  });
  return IpAddress.fromBytes(bytes) as IpAddress;
}

/** A firewall mark stands in the address of its templates, in the first four bytes. */
function markAddress(mark: number, like: IpAddress): IpAddress {
  const bytes = new Uint8Array(like.bytes.length);
  new DataView(bytes.buffer).setUint32(0, mark);
  return IpAddress.fromBytes(bytes) as IpAddress;
}
