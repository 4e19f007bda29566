/** Socket options of Linux that the sockets here share (socket(7), ip(7), ipv6(7)). */

import type { IpAddress, IpFamily } from '../../base/index.ts';
import { AF_INET, AF_INET6, HOST_IS_LITTLE_ENDIAN, viewOf } from '../../wire/index.ts';
import { type ReceivedMessage, SystemError, setSocketOption } from '../ffi/index.ts';

export const SOL_SOCKET = 1;
export const SO_PRIORITY = 12;
export const SO_RCVBUFFORCE = 33;
export const SO_BINDTOIFINDEX = 62;
export const IPPROTO_IP = 0;
export const IPPROTO_IPV6 = 41;
/** The band for traffic that keeps the network running (TC_PRIO_CONTROL). */
export const PRIORITY_CONTROL = 7;

const IP_PKTINFO = 8;
const IP_TTL = 2;
const IP_RECVTTL = 12;
const IP_ADD_MEMBERSHIP = 35;
const IPV6_JOIN_GROUP = 20;
const IPV6_RECVPKTINFO = 49;
const IPV6_PKTINFO = 50;
const IPV6_RECVHOPLIMIT = 51;
const IPV6_HOPLIMIT = 52;
const EADDRINUSE = 98;

/** AF_INET or AF_INET6. */
export function socketFamily(family: IpFamily): number {
  return family === 4 ? AF_INET : AF_INET6;
}

/** Hears a multicast group on an interface. Joining one twice is harmless. */
export function joinGroup(fd: number, group: IpAddress, interfaceIndex: number): void {
  try {
    if (group.family === 4) {
      // struct ip_mreqn: group, local address (unused), interface index.
      const request = new Uint8Array(12);
      request.set(group.bytes, 0);
      viewOf(request).setInt32(8, interfaceIndex, HOST_IS_LITTLE_ENDIAN);
      setSocketOption(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, request);
    } else {
      // struct ipv6_mreq: group, interface index.
      const request = new Uint8Array(20);
      request.set(group.bytes, 0);
      viewOf(request).setInt32(16, interfaceIndex, HOST_IS_LITTLE_ENDIAN);
      setSocketOption(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, request);
    }
  } catch (error) {
    if (!(error instanceof SystemError) || error.errno !== EADDRINUSE) throw error;
  }
}

/** Has the kernel tell with each datagram where it was sent to and how many hops it had left. */
export function askForPath(fd: number, family: IpFamily): void {
  const level = family === 4 ? IPPROTO_IP : IPPROTO_IPV6;
  setSocketOption(fd, level, family === 4 ? IP_PKTINFO : IPV6_RECVPKTINFO, 1);
  setSocketOption(fd, level, family === 4 ? IP_RECVTTL : IPV6_RECVHOPLIMIT, 1);
}

/** The destination's bytes (a view) and the TTL or hop limit of a datagram that was asked for with `askForPath`. */
export function readPath(message: ReceivedMessage): { readonly destination: Uint8Array | undefined; readonly ttl: number } {
  let destination: Uint8Array | undefined;
  let ttl = 0;
  for (const { level, type, data } of message.control) {
    // struct in_pktinfo: interface index, local address, destination. struct in6_pktinfo: destination, interface index.
    if (level === IPPROTO_IP && type === IP_PKTINFO) destination = data.subarray(8, 12);
    else if (level === IPPROTO_IPV6 && type === IPV6_PKTINFO) destination = data.subarray(0, 16);
    else if ((level === IPPROTO_IP && type === IP_TTL) || (level === IPPROTO_IPV6 && type === IPV6_HOPLIMIT)) {
      ttl = viewOf(data).getInt32(0, HOST_IS_LITTLE_ENDIAN);
    }
  }
  return { destination, ttl };
}
