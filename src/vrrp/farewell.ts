/**
 * An orderly stop without a gap. Priority 0 goes out at once, but a router's addresses, routes and rules stay until its successor has said
 * that it is there (its first advertisement comes just before its own addresses), or until any successor would have come. So clients are
 * not left alone for the successor's skew time, as keepalived leaves them.
 *
 * Both hold the addresses for the way of one advertisement; where that is lost, until the deadline, which is 1.02 s after the stop at the
 * latest. The successor announces itself after its advertisement, so that the link's last word is the successor's.
 */
import { type Instant, MICROS_PER_SECOND, type Micros } from '../base/index.ts';
import type { VirtualRouter } from '../model/index.ts';
import { openVrrpPacket } from '../wire/index.ts';
import type { TransmitEffect, VrrpEffect } from './effect.ts';

/** A stop takes keepalived a second, too; a virtual router with longer intervals is not waited for any longer. */
const LONGEST: Micros = MICROS_PER_SECOND;
/** What a successor on a busy machine may be late by. */
const MARGIN: Micros = 20_000;

interface Kept {
  readonly effect: VrrpEffect;
  /** The router that waits with it; undefined for what belongs to none that was active. */
  readonly key: string | undefined;
}

export class Farewell {
  /** When it is over in any case. */
  readonly deadline: Instant;
  private kept: Kept[] = [];
  /** Virtual routers that were active, whose successors are not heard yet. */
  private readonly awaited = new Set<string>();
  /** The router whose effects come now. */
  private current: string | undefined;

  constructor(routers: readonly VirtualRouter[], now: Instant) {
    this.deadline = now + Math.min(LONGEST, Math.max(0, ...routers.map(longestSkew))) + MARGIN;
  }

  /**
   * Takes an effect of the stop, unless it is an advertisement, which must go out at once: then false. An active router's effects begin
   * with that, and end with its transition.
   */
  keep(effect: VrrpEffect): boolean {
    if (effect.kind === 'transmit') {
      this.current = keyOf(effect);
      this.awaited.add(this.current);
      return false;
    }
    this.kept.push({ effect, key: this.current });
    if (effect.kind === 'transition') this.current = undefined;
    return true;
  }

  /** What others say meanwhile; only packets of active routers count. Gives what is to be done now, in order. */
  hear(link: string, packet: Uint8Array): VrrpEffect[] {
    const envelope = openVrrpPacket(packet);
    if (!envelope.ok || priorityOf(envelope.message) === 0) return [];
    const key = `${link} ${envelope.vrid} ${envelope.source.family}`;
    return this.awaited.delete(key) ? this.take((entry) => entry.key === key) : [];
  }

  /** What is left to do in the end, in order. Asked again it is nothing. */
  finish(): VrrpEffect[] {
    return this.take(() => true);
  }

  /** Whether nobody is waited for. */
  get over(): boolean {
    return this.awaited.size === 0;
  }

  private take(isDue: (entry: Kept) => boolean): VrrpEffect[] {
    const due = this.kept.filter(isDue);
    this.kept = this.kept.filter((entry) => !due.includes(entry));
    return due.map(({ effect }) => effect);
  }
}

function keyOf({ interface: link, message, source }: TransmitEffect): string {
  return `${link} ${message[1]} ${source.family}`;
}

function priorityOf(message: Uint8Array): number {
  return message[2] ?? 0;
}

/** How long the lowest of all backups waits after priority 0. */
function longestSkew({ version, advertInterval }: VirtualRouter): Micros {
  return version === 2 ? MICROS_PER_SECOND : advertInterval;
}
