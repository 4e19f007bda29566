/** Raw sockets. */
export { type Announcement, ArpSocket } from './arp-socket.ts';
export { VrrpSocket, type VrrpSocketOptions } from './vrrp-socket.ts';
