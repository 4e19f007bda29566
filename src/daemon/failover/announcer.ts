/** Tells the links where the addresses are. */
import type { Instant } from '../../base/index.ts';
import type { AnnouncementPacing, Vip, VirtualRouter } from '../../model/index.ts';
import { AnnouncementSocket, type EncodedAnnouncement, encodeAnnouncement } from '../../os/sockets/index.ts';
import { readSysctl } from '../../os/sysctl/index.ts';
import type { Logger } from '../../ports/index.ts';
import { sendingAnnouncement, type VrrpEffect } from '../../vrrp/index.ts';
import type { Link } from '../../wire/index.ts';
import { AnnouncementQueue, type PendingAnnouncement } from './announcements.ts';
import { deviceOf } from './vip.ts';

export class Announcer {
  private readonly linkOf: (name: string) => Link | undefined;
  private readonly logger: Logger;
  private readonly socket = new AnnouncementSocket();
  /** Of IPv4, made once for as long as the interface is the same; those of IPv6 hang on a setting of the kernel's besides. */
  private readonly made = new WeakMap<Vip, { readonly link: Link; readonly announcement: EncodedAnnouncement }>();
  private readonly queue = new AnnouncementQueue((announcement) => this.send(announcement));

  constructor(linkOf: (name: string) => Link | undefined, logger: Logger) {
    this.linkOf = linkOf;
    this.logger = logger;
  }

  configure(pacing: readonly AnnouncementPacing[]): void {
    this.queue.configure(pacing);
  }

  /** Has ready what a takeover will send. */
  prepare(place: Pick<VirtualRouter, 'interface' | 'vmac'>, vips: readonly Vip[]): void {
    for (const vip of vips) this.encode(vip, deviceOf(place, vip));
  }

  /** Every address once, then every address again, so that none waits for all repetitions of the others. */
  announce(
    { router, vips, count }: Extract<VrrpEffect, { kind: 'announce' }>,
    place: Pick<VirtualRouter, 'interface' | 'vmac'>,
    now: Instant,
  ): void {
    const pending = vips.map((vip) => ({ router, vip, device: deviceOf(place, vip) }));
    for (let round = 0; round < count; round++) for (const announcement of pending) this.queue.add(announcement, now);
  }

  forget(router: string): void {
    this.queue.forget(router);
  }

  flush(now: Instant): void {
    this.queue.flush(now);
  }

  nextDeadline(): Instant | undefined {
    return this.queue.nextDeadline();
  }

  close(): void {
    this.socket.close();
  }

  private send({ vip, device }: PendingAnnouncement): void {
    const announcement = this.encode(vip, device);
    if (!announcement) return;
    this.socket.send(announcement);
    this.logger.log('debug', sendingAnnouncement(device, vip.address));
  }

  private encode(vip: Vip, device: string): EncodedAnnouncement | undefined {
    const link = this.linkOf(device);
    if (!link?.mac) return undefined;
    const made = this.made.get(vip);
    if (made?.link === link) return made.announcement;
    const { address } = vip;
    const isRouter = address.family === 6 && readSysctl(['net', 'ipv6', 'conf', device, 'forwarding']) === '1';
    const announcement = encodeAnnouncement({ interfaceIndex: link.index, mac: link.mac, address, isRouter });
    if (address.family === 4) this.made.set(vip, { link, announcement });
    return announcement;
  }
}
