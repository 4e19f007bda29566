/** A run as text, one line per event. The legend is printed above it. */
import { toSeconds } from '../src/base/index.ts';
import type { VrrpEffect, VrrpEvent } from '../src/vrrp/index.ts';
import { decodeVrrpPacket } from '../src/wire/index.ts';
import type { Fault } from './scenario.ts';

export const LEGEND = `# SECONDS dN EVENT -> EFFECTS      dN: director N, with the address 10.0.0.(N+1); only packets that had an effect are shown
# rx FROM pP: advertisement of priority P   tx pP: advertises   +vip -vip: takes, gives up addresses   garp xN: N announcements each
# M B F S: becomes MASTER, BACKUP, FAULT, STOP (group: G:M …)   FAULT, BREAK: what the simulator does and finds`;

export function describeEvent(event: VrrpEvent): string {
  switch (event.kind) {
    case 'packet': {
      const decoded = decodeVrrpPacket(event.packet);
      return decoded.ok ? `rx ${decoded.packet.source} p${decoded.packet.advert.priority}` : `rx bad (${decoded.reason})`;
    }
    case 'link':
      return `${event.interface} ${event.up ? 'up' : 'down'}`;
    case 'address':
      return `${event.interface} address ${event.address ?? 'none'}`;
    case 'pause':
      return `slept ${toSeconds(event.duration)} s`;
    case 'reconfigure':
      return `reload p${event.settings.routers[0]?.priority}`;
    default:
      return event.kind;
  }
}

export function describeEffects(effects: readonly VrrpEffect[]): string {
  return effects.flatMap((effect) => describeEffect(effect) ?? []).join(' ') || 'nothing';
}

function describeEffect(effect: VrrpEffect): string | undefined {
  switch (effect.kind) {
    case 'transmit':
      return `tx(${effect.interface}) p${effect.message[2]}`;
    case 'add-vips':
      return `+vip(${effect.router})`;
    case 'remove-vips':
      return `-vip(${effect.router})`;
    case 'announce':
      return `garp x${effect.count}`;
    case 'transition':
      return `${effect.name}:${effect.state[0]}`;
    default:
      return undefined;
  }
}

export function describeFault(fault: Fault): string {
  switch (fault.kind) {
    case 'crash':
    case 'stop':
      return `${fault.kind} d${fault.director} for ${toSeconds(fault.lasts)} s`;
    case 'pause':
      return `pause d${fault.director} for ${toSeconds(fault.lasts)} s, packets ${fault.hears ? 'wait' : 'are lost'}`;
    case 'cut':
      return `cut ${fault.paths.map(([link, from, to]) => `${link}:d${from}>d${to}`).join(' ')} for ${toSeconds(fault.lasts)} s`;
    case 'noise':
      return `noise ${JSON.stringify(fault.noise)} for ${toSeconds(fault.lasts)} s`;
    case 'link':
      return `link ${fault.link} of d${fault.director} down for ${toSeconds(fault.lasts)} s`;
    case 'priority':
      return `priority of d${fault.director} to ${fault.priority}`;
  }
}
