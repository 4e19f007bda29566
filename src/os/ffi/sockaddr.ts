/** Socket addresses as the kernel lays them out in memory (ip(7), ipv6(7), packet(7), netlink(7), unix(7)). Multi-byte fields are host order unless noted. */
import { IpAddress } from '../../base/index.ts';
import { AF_INET, AF_INET6, HOST_IS_LITTLE_ENDIAN, viewOf } from '../../wire/index.ts';

export const AF_UNIX = 1;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;

/** sockaddr_in or sockaddr_in6; the port is in host order here and in network order in memory. `scope` is the interface of an IPv6 link-local address. */
export function encodeInetAddress(address: IpAddress, port = 0, scope = 0): Uint8Array {
  const bytes = new Uint8Array(address.family === 4 ? 16 : 28);
  const view = viewOf(bytes);
  view.setUint16(0, address.family === 4 ? AF_INET : AF_INET6, HOST_IS_LITTLE_ENDIAN);
  view.setUint16(2, port);
  bytes.set(address.bytes, address.family === 4 ? 4 : 8);
  if (address.family === 6) view.setUint32(24, scope, HOST_IS_LITTLE_ENDIAN);
  return bytes;
}

/** The address in a sockaddr_in or sockaddr_in6; undefined for any other. */
export function decodeInetAddress(bytes: Uint8Array): IpAddress | undefined {
  const family = bytes.length < 2 ? 0 : viewOf(bytes).getUint16(0, HOST_IS_LITTLE_ENDIAN);
  if (family === AF_INET) return IpAddress.fromBytes(bytes.subarray(4, 8));
  return family === AF_INET6 ? IpAddress.fromBytes(bytes.subarray(8, 24)) : undefined;
}

/** sockaddr_ll: an interface, an Ethernet protocol (in network order in memory) and a hardware address. */
export function encodeLinkLayerAddress(interfaceIndex: number, etherType: number, mac: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(20);
  const view = viewOf(bytes);
  view.setUint16(0, AF_PACKET, HOST_IS_LITTLE_ENDIAN);
  view.setUint16(2, etherType);
  view.setInt32(4, interfaceIndex, HOST_IS_LITTLE_ENDIAN);
  bytes[11] = mac.length;
  bytes.set(mac, 12);
  return bytes;
}

/** sockaddr_nl: a port (0 lets the kernel choose) and a mask of multicast groups 1 to 32. */
export function encodeNetlinkAddress(portId = 0, groups = 0): Uint8Array {
  const bytes = new Uint8Array(12);
  const view = viewOf(bytes);
  view.setUint16(0, AF_NETLINK, HOST_IS_LITTLE_ENDIAN);
  view.setUint32(4, portId, HOST_IS_LITTLE_ENDIAN);
  view.setUint32(8, groups, HOST_IS_LITTLE_ENDIAN);
  return bytes;
}

/** sockaddr_un: a path, or an abstract name when it starts with `@` as systemd writes it. Undefined when longer than the kernel's 108 bytes. */
export function encodeUnixAddress(path: string): Uint8Array | undefined {
  const abstract = path.startsWith('@');
  const name = new TextEncoder().encode(abstract ? `\0${path.slice(1)}` : `${path}\0`);
  if (name.length > 108) return undefined;
  const bytes = new Uint8Array(2 + name.length);
  viewOf(bytes).setUint16(0, AF_UNIX, HOST_IS_LITTLE_ENDIAN);
  bytes.set(name, 2);
  return bytes;
}
