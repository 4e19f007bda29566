/** The promises that each director keeps for itself, whatever the others and the links do. */
import type { Instant } from '../src/base/index.ts';
import type { RouterState, VrrpEffect, VrrpEvent } from '../src/vrrp/index.ts';
import type { Fail } from './break.ts';
import type { Director } from './director.ts';
import { PRIORITY } from './packets.ts';
import type { Scenario } from './scenario.ts';

export function checkConduct(
  scenario: Scenario,
  director: Director,
  event: VrrpEvent,
  before: readonly RouterState[],
  after: readonly RouterState[],
  effects: readonly VrrpEffect[],
  now: Instant,
  fail: Fail,
): void {
  const who = `d${director.index}`;
  for (const [i, router] of scenario.routers.entries()) {
    const was = before[i];
    const is = after[i];
    const isActive = is === 'active';
    if (effects.length > 0) checkEffects(router.name, was, is, effects, (invariant, detail) => fail(now, invariant, `${who} ${detail}`));
    checkAdverts(director, router.name, director.effectivePriority(router.unit), effects, now, fail);
    // What a director keeps that leaves is judged by its successor (ownership.ts).
    if (director.status !== 'leaving' && director.holding.has(router.name) !== isActive) {
      fail(now, 'holding', `${who} is ${is} and ${isActive ? 'lacks' : 'holds'} the addresses of ${router.name}`);
    }
    if (isActive && director.age() < scenario.startupDelay)
      fail(now, 'startup', `${who} owns ${router.name} before its startup delay is over`);
    if (isActive && event.kind === 'pause' && event.duration >= scenario.downTimerAdverts * scenario.interval) {
      fail(now, 'pause', `${who} still owns ${router.name} after a pause that outlived the patience of its peers`);
    }
    if (scenario.shape === 'group' && isActive !== (after[0] === 'active'))
      fail(now, 'group', `${who} is ${after.join()} in one sync group`);
    if (director.hasStarted && event.kind !== 'stop') checkState(director, is, now, fail);
  }
}

/** Nothing is sent by a router that is not active, but the priority 0 with which it leaves; and who takes addresses says so. */
function checkEffects(
  name: string,
  was: RouterState | undefined,
  is: RouterState | undefined,
  effects: readonly VrrpEffect[],
  fail: (invariant: string, detail: string) => void,
): void {
  let isActive = was === 'active';
  let hasAnnounced = false;
  for (const effect of effects) {
    if (effect.kind === 'transition' && effect.subject === 'instance' && effect.name === name && effect.state !== 'MASTER')
      isActive = false;
    else if (effect.kind === 'remove-vips' && effect.router === name) isActive = false;
    else if (effect.kind === 'announce' && effect.router === name) {
      hasAnnounced = true;
      if (!isActive) fail('silence', `announces ${name} while not active`);
    } else if (effect.kind === 'transmit' && effect.router === name && !isActive) {
      // The first advertisement comes just before the addresses are taken, so the router must be active when all is done.
      isActive = is === 'active' && effects.some((other) => other.kind === 'add-vips' && other.router === name);
      if (!isActive) fail('silence', `advertises ${name} while not active`);
    }
  }
  if (was !== 'active' && is === 'active' && !hasAnnounced) fail('announcement', `takes the addresses of ${name} and tells nobody`);
}

/** An advertisement carries the priority that follows from the configuration and the trackers, or 0 on leaving. */
function checkAdverts(director: Director, name: string, priority: number, effects: readonly VrrpEffect[], now: Instant, fail: Fail): void {
  for (const effect of effects) {
    if (effect.kind !== 'transmit' || effect.router !== name) continue;
    const sent = effect.message[PRIORITY] as number;
    if (sent !== priority && sent !== 0) fail(now, 'priority', `d${director.index} advertises ${name} with ${sent} and not ${priority}`);
  }
}

/** FAULT if and only if something tracked says so, and no part in elections before the trackers have spoken. */
function checkState(director: Director, state: RouterState | undefined, now: Instant, fail: Fail): void {
  const isFault = state === 'fault';
  const takesPart = state === 'backup' || state === 'active';
  if (director.isInTrouble() ? !isFault : isFault && !director.isPending()) {
    fail(now, 'fault', `d${director.index} is ${state} and ${director.isInTrouble() ? 'should be' : 'should not be'} in FAULT`);
  }
  if (director.isPending() && takesPart) fail(now, 'fault', `d${director.index} is ${state} before its script has spoken`);
}
