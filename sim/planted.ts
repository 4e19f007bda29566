/**
 * Deliberate bugs, planted around the engine from outside. They prove that the checkers can fail: each must be found within
 * 500 seeds. None of them is reachable without naming it.
 */
import { IpAddress } from '../src/base/index.ts';
import { skewTime } from '../src/vrrp/index.ts';
import { decodeVrrpPacket, encodeVrrpPacket } from '../src/wire/index.ts';
import type { Director, PlantedBug } from './director.ts';

export const NO_BUG: PlantedBug = { name: 'none' };

const IP_HEADER = 20;

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'no-skew',
    deadline: (deadline, director) => {
      const router = director.settings.routers[0];
      const isWaiting = director.engine.states()[0] === 'backup';
      return router && isWaiting ? deadline - skewTime(router.version, router.priority, router.advertInterval) : deadline;
    },
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
    event: (event) => (event.kind === 'packet' && event.packet[IP_HEADER + 2] === 0 ? undefined : event),
  },
  {
    name: 'timer-not-reset',
    event: (event, director) => (event.kind === 'packet' && director.engine.states()[0] === 'backup' ? undefined : event),
  },
  {
    name: 'addresses-kept',
    effects: (effects) => effects.filter((effect) => effect.kind !== 'remove-vips'),
  },
  {
    name: 'speaks-after-stepping-down',
    effects: (effects) => {
      const advert = effects.find((effect) => effect.kind === 'transmit');
      return advert && effects.some((effect) => effect.kind === 'remove-vips') ? [...effects, advert] : effects;
    },
  },
];

/** Makes an equal advertisement of version 2 come from an address that compares the other way round. */
function mirrorEqual(packet: Uint8Array, director: Director): Uint8Array {
  const decoded = decodeVrrpPacket(packet);
  if (!decoded.ok || decoded.packet.advert.version !== 2) return packet;
  if (decoded.packet.advert.priority !== director.settings.routers[0]?.priority) return packet;
  const { source, destination } = decoded.packet;
  const mirrored = IpAddress.fromV4Number(source.toV4Number() ^ 0xff);
  return encodeVrrpPacket(packet.subarray(IP_HEADER), mirrored, destination);
}
