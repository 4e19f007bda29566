/** Finds the virtual router that a packet is for, by interface, family and VRID, with a look into a table for each. */
import type { VrrpEnvelope } from '../wire/index.ts';
import type { Router } from './router.ts';

export class Demultiplexer {
  /** For each interface, routers by VRID, those of IPv6 behind those of IPv4. */
  private readonly byLink = new Map<string, (Router[] | undefined)[]>();

  constructor(routers: Iterable<Router>) {
    for (const router of routers) {
      const { interface: link, vrid, family } = router.settings;
      const table = this.byLink.get(link) ?? [];
      this.byLink.set(link, table);
      const place = placeOf(vrid, family);
      table[place] = [...(table[place] ?? []), router];
    }
  }

  /**
   * Routers may share a VRID where their groups differ or they are told apart by their unicast peers; then the group or the peer
   * decides, and what none of them expects is for the first one to reject.
   */
  find(link: string, packet: VrrpEnvelope): Router | undefined {
    const candidates = this.byLink.get(link)?.[placeOf(packet.vrid, packet.source.family)];
    if (!candidates || candidates.length === 1) return candidates?.[0];
    return candidates.find((router) => expects(router, packet)) ?? candidates[0];
  }
}

function placeOf(vrid: number, family: 4 | 6): number {
  return family === 4 ? vrid : vrid + 256;
}

function expects({ settings: { unicast, multicastGroup } }: Router, { source, destination }: VrrpEnvelope): boolean {
  if (!unicast) return multicastGroup.equals(destination);
  return !destination.isMulticast() && unicast.peers.some((peer) => peer.address.equals(source));
}
