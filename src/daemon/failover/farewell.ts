/**
 * An orderly stop without a gap. Priority 0 goes out at once, but addresses, routes and rules stay until the successor has said that it is
 * there (its first advertisement comes just before its own addresses), or until any successor would have come. So clients are not left
 * alone for the successor's skew time, as keepalived leaves them.
 */
import { type Instant, MICROS_PER_SECOND, type Micros } from '../../base/index.ts';
import type { VirtualRouter } from '../../model/index.ts';
import type { TransmitEffect, VrrpEffect } from '../../vrrp/index.ts';
import { openVrrpPacket } from '../../wire/index.ts';

/** A stop takes keepalived a second, too; a virtual router with longer intervals is not waited for any longer. */
const LONGEST: Micros = MICROS_PER_SECOND;
/** What a successor on a busy machine may be late by. */
const MARGIN: Micros = 20_000;

export class Farewell {
  /** When it is over in any case. */
  readonly deadline: Instant;
  /** What is left to do then, in order. */
  readonly rest: VrrpEffect[] = [];
  /** Virtual routers that were active, whose successors are not heard yet. */
  private readonly awaited = new Set<string>();

  constructor(routers: readonly VirtualRouter[], now: Instant) {
    this.deadline = now + Math.min(LONGEST, Math.max(0, ...routers.map(longestSkew))) + MARGIN;
  }

  /** Takes an effect of the stop, unless it is an advertisement, which must go out at once: then false. */
  keep(effect: VrrpEffect): boolean {
    if (effect.kind === 'transmit') {
      this.awaited.add(keyOf(effect));
      return false;
    }
    this.rest.push(effect);
    return true;
  }

  /** What others say meanwhile; only packets of active routers count. */
  hear(link: string, packet: Uint8Array): void {
    const envelope = openVrrpPacket(packet);
    if (envelope.ok && priorityOf(envelope.message) > 0) this.awaited.delete(`${link} ${envelope.vrid} ${envelope.source.family}`);
  }

  /** Whether nobody is waited for. */
  get over(): boolean {
    return this.awaited.size === 0;
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
