/** Bytes on the wire and to the kernel, as typed messages and back. Pure; a decoder never throws. */
export * from './arp.ts';
export * from './authentication-header.ts';
export * from './bfd.ts';
export * from './checksum.ts';
export * from './decoded.ts';
export * from './ethernet.ts';
export * from './ipv4.ts';
export * from './ipv6.ts';
export * from './ndp.ts';
export * from './netlink.ts';
export * from './process-events.ts';
export * from './rtnetlink/index.ts';
export * from './vrrp.ts';
export * from './vrrp-packet.ts';
export * from './vrrp-reasons.ts';
