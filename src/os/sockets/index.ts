/** Raw sockets, and those of bidirectional forwarding detection. */
export { type Announcement, AnnouncementSocket, type EncodedAnnouncement, encodeAnnouncement } from './announcement-socket.ts';
export { type BfdDatagram, BfdListener, BfdSender } from './bfd-socket.ts';
export { PingSocket } from './ping-socket.ts';
export { VmacListener } from './vmac-listener.ts';
export { VrrpSocket, type VrrpSocketOptions } from './vrrp-socket.ts';
