/**
 * Deliberate bugs, planted around the engine from outside. They prove that the checkers can fail: each must be found within
 * 500 seeds. None of them is reachable without naming it.
 */
import type { Director, PlantedBug } from './director.ts';
import { alter, headerLength, PRIORITY, vrrpOffset } from './packets.ts';

export const NO_BUG: PlantedBug = { name: 'none' };

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'no-skew',
    // A backup's timer that is set earlier by the skew ends as if there were none.
    instant: (event, now, director) => (event.kind === 'packet' && director.states[0] === 'backup' ? now - director.skew(0) : now),
  },
  {
    name: 'tie-wrong',
    event: (event, director) => (event.kind === 'packet' ? { ...event, packet: mirrorEqual(event.packet, director) } : event),
  },
  {
    name: 'preempt-ignored',
    settings: (settings) => ({ ...settings, routers: settings.routers.map((router) => ({ ...router, noPreempt: true })) }),
  },
  {
    name: 'priority-zero-ignored',
    event: (event) => (event.kind === 'packet' && event.packet[vrrpOffset(event.packet) + PRIORITY] === 0 ? undefined : event),
  },
  {
    name: 'timer-not-reset',
    event: (event, director) => (event.kind === 'packet' && director.states[0] === 'backup' ? undefined : event),
  },
  {
    name: 'addresses-kept',
    effects: (effects) => effects.filter((effect) => effect.kind !== 'remove-vips'),
  },
  {
    name: 'leaves-deaf',
    isDeafLeaving: true,
  },
  {
    name: 'speaks-after-stepping-down',
    effects: (effects) => {
      const advert = effects.find((effect) => effect.kind === 'transmit');
      return advert && effects.some((effect) => effect.kind === 'remove-vips') ? [...effects, advert] : effects;
    },
  },
];

/** Makes an equal advertisement come from an address that compares the other way round. Version 2, whose checksum leaves it out. */
function mirrorEqual(packet: Uint8Array, director: Director): Uint8Array {
  const message = vrrpOffset(packet);
  const isVersion2 = headerLength(packet) === message && (packet[message] as number) >> 4 === 2;
  if (!isVersion2 || packet[message + PRIORITY] !== director.effectivePriority(0)) return packet;
  const mirrored = packet.slice();
  // The last byte of the source address.
  alter(mirrored, 15, (mirrored[15] as number) ^ 0xff, 10, 0);
  return mirrored;
}

export function findBug(name: string): PlantedBug | undefined {
  return [NO_BUG, ...PLANTED_BUGS].find((bug) => bug.name === name);
}
