/** A run as text, one line per event. The legend is printed above it. */
import { toSeconds } from '../src/base/index.ts';
import type { VrrpEffect, VrrpEvent } from '../src/vrrp/index.ts';
import type { Fault } from './faults.ts';
import { headerLength, PRIORITY, vrrpOffset } from './packets.ts';
import type { Scenario } from './scenario.ts';

export const LEGEND = `# SECONDS dN EVENT -> EFFECTS      dN: director N, with an address that ends in N+1; only packets that had an effect are shown
# rx FROM pP: advertisement of priority P   tx pP: advertises   +vip -vip: takes, gives up addresses   garp xN: N announcements each
# M B F S: becomes MASTER, BACKUP, FAULT, STOP (group: G:M …)   FAULT N, BREAK: fault N of the schedule strikes, an invariant breaks`;

/** What kind of run it is, in one line. */
export function describeScenario(scenario: Scenario): string {
  const { shape, directors, version, family, unicast, authentication, interval, trackers } = scenario;
  const words = [
    `${directors.length} directors (priorities ${directors.map((director) => director.priorities.join('/')).join(', ')})`,
    `${shape}, VRRPv${version} over IPv${family}, ${unicast ? 'unicast' : 'multicast'}, every ${toSeconds(interval)} s`,
  ];
  if (authentication !== 'none') words.push(authentication.toUpperCase());
  if (scenario.noPreempt) words.push('nopreempt');
  if (scenario.preemptDelay > 0) words.push(`preempt_delay ${toSeconds(scenario.preemptDelay)} s`);
  if (scenario.startupDelay > 0) words.push(`startup delay ${toSeconds(scenario.startupDelay)} s`);
  if (scenario.lowerPriorityNoAdvert) words.push('lower_prio_no_advert');
  if (scenario.higherPrioritySendAdvert) words.push('higher_prio_send_advert');
  if (scenario.downTimerAdverts !== 3) words.push(`down_timer_adverts ${scenario.downTimerAdverts}`);
  for (const { kind, weight } of trackers)
    words.push(`tracks a ${kind}${kind === 'script' ? ` (rise ${scenario.rise}, fall ${scenario.fall})` : ''} of weight ${weight}`);
  return words.join(', ');
}

export function describeEvent(event: VrrpEvent): string {
  switch (event.kind) {
    case 'packet':
      return describePacket(event.packet);
    case 'link':
      return `${event.interface} ${event.up ? 'up' : 'down'}`;
    case 'address':
      return `${event.interface} address ${event.address ?? 'none'}`;
    case 'script':
      return `script ${event.outcome}`;
    case 'bfd':
      return `bfd ${event.up ? 'up' : 'down'}`;
    case 'file':
      return `file ${event.value}`;
    case 'pause':
      return `slept ${toSeconds(event.duration)} s`;
    case 'reconfigure':
      return `reload ${event.settings.routers.map((router) => `p${router.priority}`).join(' ')}`;
    default:
      return event.kind;
  }
}

/** From the bytes alone: what came may be anything. */
function describePacket(packet: Uint8Array): string {
  const message = packet.length === 0 ? 0 : vrrpOffset(packet);
  const priority = packet[message + PRIORITY];
  if (priority === undefined) return `rx ${packet.length} bytes`;
  const sourceEnd = headerLength(packet) === 40 ? 23 : 15;
  return `rx .${packet[sourceEnd]} vrid ${packet[message + 1]} p${priority}`;
}

export function describeEffects(effects: readonly VrrpEffect[]): string {
  return effects.flatMap((effect) => describeEffect(effect) ?? []).join(' ') || 'nothing';
}

function describeEffect(effect: VrrpEffect): string | undefined {
  switch (effect.kind) {
    case 'transmit':
      return `tx(${effect.router}) p${effect.message[PRIORITY]}`;
    case 'add-vips':
      return `+vip(${effect.router})`;
    case 'remove-vips':
      return `-vip(${effect.router})`;
    case 'announce':
      return `garp(${effect.router}) x${effect.count}`;
    case 'run-script':
      return 'run-script';
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
      return `pause the ${fault.what} of d${fault.director} for ${toSeconds(fault.lasts)} s`;
    case 'clock':
      return `clock of d${fault.director} jumps by ${toSeconds(fault.step)} s`;
    case 'cut': {
      const paths = fault.paths.map(([link, from, to]) => `${link}:d${from}>d${to}`).join(' ');
      return `cut ${paths} for ${toSeconds(fault.lasts)} s${fault.flaps ? `, every other ${toSeconds(fault.flaps)} s` : ''}`;
    }
    case 'noise':
      return `noise ${JSON.stringify(fault.noise)} on ${fault.link} for ${toSeconds(fault.lasts)} s`;
    case 'link':
      return `${fault.link} of d${fault.director} down for ${toSeconds(fault.lasts)} s`;
    case 'address':
      return `${fault.link} of d${fault.director} without address for ${toSeconds(fault.lasts)} s`;
    case 'tracker':
      return `tracked ${fault.tracker} of d${fault.director} fails for ${toSeconds(fault.lasts)} s`;
    case 'priority':
      return `reload d${fault.director} with priority ${fault.priority} for unit ${fault.unit}`;
    case 'reload':
      return `reload d${fault.director}, nothing changed`;
    case 'vip-lost':
      return `somebody deletes the addresses of d${fault.director}`;
    case 'forge':
      return `${fault.count} forged advertisements on ${fault.link} (${fault.defect}), every ${toSeconds(fault.gap)} s`;
  }
}
