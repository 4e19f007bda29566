/** What an active router holds on this host: addresses, routes, rules and the firewall's part; taken and given up in keepalived's order. */
import type { IpAddress } from '../base/index.ts';
import type { PolicyRule, Route, Vip, VirtualRouter } from '../model/index.ts';
import type { Context } from './context.ts';
import * as messages from './messages.ts';
import { sameValue } from './same-value.ts';
import { OWNER_PRIORITY } from './timing.ts';
import { allVips } from './vips.ts';

export class Holdings {
  private readonly context: Context;
  private settings: VirtualRouter;

  constructor(settings: VirtualRouter, context: Context) {
    this.settings = settings;
    this.context = context;
  }

  /** Traffic is blocked before an address could answer, and routes come when their sources are there. */
  take(): void {
    const vips = allVips(this.settings);
    if (dropsTraffic(this.settings)) this.drop(vips, true);
    this.addVips(vips);
    this.addRoutes(this.settings.routes);
    this.addRules(this.settings.rules);
  }

  release(): void {
    const { name, rules, routes } = this.settings;
    const vips = allVips(this.settings);
    this.context.emit({ kind: 'log', level: 'debug', message: messages.removingVips(name) });
    this.removeRules(rules);
    this.removeRoutes(routes);
    this.removeVips(vips);
    if (dropsTraffic(this.settings)) this.drop(vips, false);
  }

  /** Puts an address back that somebody else has removed. Empty when it is none of ours, or not to be put back. */
  restore(link: string, address: IpAddress): readonly Vip[] {
    const lost = allVips(this.settings).filter((vip) => vip.tracked && vip.interface === link && vip.address.equals(address));
    if (lost.length === 0) return lost;
    this.warn(messages.vipPutBack(this.settings.name, link, address));
    this.context.emit({ kind: 'add-vips', router: this.settings.name, vips: lost });
    return lost;
  }

  /** Somebody else removed routes or rules: all tracked ones are put back, those that are there being no error. */
  restoreRoutes(): void {
    const routes = this.settings.routes.filter((route) => route.tracked);
    const rules = this.settings.rules.filter((rule) => rule.tracked);
    if (routes.length + rules.length === 0) return;
    this.warn(messages.routesPutBack(this.settings.name));
    this.addRoutes(routes);
    this.addRules(rules);
  }

  /** An interface that was absent is back, without what was on it. Gives the addresses to announce. */
  interfaceIsBack(link: string): readonly Vip[] {
    const vips = allVips(this.settings).filter((vip) => vip.interface === link);
    const routes = this.settings.routes.filter((route) => route.nextHops.some((hop) => hop.interface === link));
    if (vips.length + routes.length === 0) return vips;
    this.warn(messages.interfaceIsBack(this.settings.name, link));
    if (vips.length > 0) this.addVips(vips);
    this.addRoutes(routes);
    return vips;
  }

  /** First half of a reload: gives up what the new settings do not have, so that another router can take it. */
  giveUp(next: VirtualRouter): void {
    this.removeRules(missingFrom(next.rules, this.settings.rules));
    this.removeRoutes(missingFrom(next.routes, this.settings.routes));
    const dropped = missingFrom(allVips(next), allVips(this.settings));
    if (dropped.length === 0) return;
    this.removeVips(dropped);
    if (dropsTraffic(this.settings)) this.drop(dropped, false);
  }

  /** Takes over new settings without touching anything. */
  reconfigure(next: VirtualRouter): void {
    this.settings = next;
  }

  /** Second half, after `reconfigure`: takes what the old settings did not have. Gives the addresses to announce. */
  takeNew(before: VirtualRouter): readonly Vip[] {
    const vips = allVips(this.settings);
    const added = missingFrom(allVips(before), vips);
    const [dropped, drops] = [dropsTraffic(before), dropsTraffic(this.settings)];
    if (dropped && !drops) this.drop(vips, false);
    if (drops && (!dropped || added.length > 0)) this.drop(dropped ? added : vips, true);
    if (added.length > 0) this.addVips(added);
    this.addRoutes(missingFrom(before.routes, this.settings.routes));
    this.addRules(missingFrom(before.rules, this.settings.rules));
    return added;
  }

  private addVips(vips: readonly Vip[]): void {
    this.context.emit({ kind: 'log', level: 'debug', message: messages.settingVips(this.settings.name) });
    this.context.emit({ kind: 'add-vips', router: this.settings.name, vips });
  }

  private removeVips(vips: readonly Vip[]): void {
    this.context.emit({ kind: 'remove-vips', router: this.settings.name, vips });
  }

  private addRoutes(routes: readonly Route[]): void {
    if (routes.length > 0) this.context.emit({ kind: 'add-routes', router: this.settings.name, routes });
  }

  private removeRoutes(routes: readonly Route[]): void {
    if (routes.length > 0) this.context.emit({ kind: 'remove-routes', router: this.settings.name, routes: routes.toReversed() });
  }

  private addRules(rules: readonly PolicyRule[]): void {
    if (rules.length > 0) this.context.emit({ kind: 'add-rules', router: this.settings.name, rules });
  }

  private removeRules(rules: readonly PolicyRule[]): void {
    if (rules.length > 0) this.context.emit({ kind: 'remove-rules', router: this.settings.name, rules: rules.toReversed() });
  }

  private drop(vips: readonly Vip[], drop: boolean): void {
    this.context.emit({ kind: 'drop-traffic', router: this.settings.name, vips, drop });
  }

  private warn(message: string): void {
    this.context.emit({ kind: 'log', level: 'warning', message });
  }
}

/** The owner always answers for its addresses; the others only when they accept (RFC 9568 §6.4.3). */
function dropsTraffic(settings: VirtualRouter): boolean {
  return !settings.accept && settings.priority !== OWNER_PRIORITY;
}

/** The entries of `a` that `b` does not have in exactly the same form. */
function missingFrom<T>(b: readonly T[], a: readonly T[]): readonly T[] {
  if (sameValue(a, b)) return [];
  return a.filter((entry, i) => !sameValue(entry, b[i]) && !b.some((other) => sameValue(entry, other)));
}
