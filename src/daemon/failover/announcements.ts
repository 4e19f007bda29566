/**
 * Gratuitous ARP and unsolicited neighbour advertisements, with the gaps that interfaces share: switches drop, or punish, bursts of
 * thousands (`vrrp_garp_interval`, `vrrp_gna_interval`, `garp_group`).
 */
import type { Instant, Micros } from '../../base/index.ts';
import type { AnnouncementPacing, Vip } from '../../model/index.ts';

/** One address on one device, to be told to its link once. */
export interface PendingAnnouncement {
  readonly router: string;
  readonly vip: Vip;
  readonly device: string;
}

interface Queue {
  readonly interval: Micros;
  /** No announcement before this. */
  next: Instant;
  waiting: PendingAnnouncement[];
}

export class AnnouncementQueue {
  private readonly send: (announcement: PendingAnnouncement) => void;
  private pacing: readonly AnnouncementPacing[] = [];
  private readonly queues = new Map<string, Queue>();

  constructor(send: (announcement: PendingAnnouncement) => void) {
    this.send = send;
  }

  /** What already waits goes out with the gaps under which it was queued. */
  configure(pacing: readonly AnnouncementPacing[]): void {
    this.pacing = pacing;
  }

  /** Sends at once where nothing asks for gaps, else takes its turn. */
  add(announcement: PendingAnnouncement, now: Instant): void {
    if (this.pacing.length === 0) return this.send(announcement);
    const { vip } = announcement;
    const group =
      this.pacing.find(({ interfaces }) => interfaces.includes(vip.interface)) ??
      this.pacing.find(({ interfaces }) => interfaces.length === 0);
    const interval = (vip.address.family === 4 ? group?.garpInterval : group?.gnaInterval) ?? 0;
    if (interval === 0) return this.send(announcement);
    const place = group && group.interfaces.length > 0 ? group.interfaces.join(' ') : announcement.device;
    const key = `${place} ${vip.address.family}`;
    const queue = this.queues.get(key) ?? { interval, next: now, waiting: [] };
    this.queues.set(key, queue);
    queue.waiting.push(announcement);
    this.flush(now);
  }

  /** A router has given its addresses up: what still waits for it would be a lie. */
  forget(router: string): void {
    for (const queue of this.queues.values()) queue.waiting = queue.waiting.filter((entry) => entry.router !== router);
  }

  /** Sends what is due. */
  flush(now: Instant): void {
    for (const [key, queue] of this.queues) {
      while (queue.waiting.length > 0 && queue.next <= now) {
        this.send(queue.waiting.shift() as PendingAnnouncement);
        queue.next = Math.max(queue.next, now - queue.interval) + queue.interval;
      }
      if (queue.waiting.length === 0 && queue.next <= now) this.queues.delete(key);
    }
  }

  nextDeadline(): Instant | undefined {
    let earliest: Instant | undefined;
    for (const { waiting, next } of this.queues.values()) {
      if (waiting.length > 0 && (earliest === undefined || next < earliest)) earliest = next;
    }
    return earliest;
  }
}
