/** Puts routes and rules in and takes them out again, and knows which of them are ours. */
import { IpAddress } from '../../base/index.ts';
import type { PolicyRule, Route } from '../../model/index.ts';
import type { Rtnetlink } from '../../os/netlink/index.ts';
import type { Logger } from '../../ports/index.ts';
import type { Route as KernelRoute, Link, NextHopSpec, RouteSpec, RuleSpec } from '../../wire/index.ts';

/** Undefined while an interface that the route names is not there. */
export function routeSpec(route: Route, linkOf: (name: string) => Link | undefined): RouteSpec | undefined {
  const nextHops: NextHopSpec[] = [];
  for (const { via, interface: name, weight, onlink } of route.nextHops) {
    const index = name === undefined ? undefined : linkOf(name)?.index;
    if (name !== undefined && index === undefined) return undefined;
    nextHops.push({ weight, onlink, ...(via && { via }), ...(index !== undefined && { interfaceIndex: index }) });
  }
  const { family, type, destination, table, protocol, metrics } = route;
  return {
    family,
    type,
    destination,
    nextHops,
    table,
    protocol,
    metrics,
    ...(route.source && { source: route.source }),
    ...(route.preferredSource && { preferredSource: route.preferredSource }),
    ...(route.metric !== undefined && { metric: route.metric }),
    ...(route.scope !== undefined && { scope: route.scope }),
    ...(route.tos !== undefined && { typeOfService: route.tos }),
    ...(route.preference && { preference: route.preference }),
    ...(route.ttlPropagate !== undefined && { ttlPropagate: route.ttlPropagate }),
  };
}

export function ruleSpec(rule: PolicyRule): RuleSpec {
  const { action, tos, tracked: _tracked, trackGroup: _trackGroup, ...selectors } = rule;
  return {
    ...selectors,
    action: action.kind,
    table: action.kind === 'table' ? action.table : 0,
    ...(action.kind === 'goto' && { target: action.priority }),
    ...(tos !== undefined && { typeOfService: tos }),
  };
}

/** `10.99.0.0/16 table 254 metric 0`: what tells routes apart for the kernel. */
function routeText(route: Pick<RouteSpec, 'destination' | 'table' | 'metric' | 'typeOfService' | 'family'>): string {
  const { address, length } = route.destination;
  const metric = route.metric ?? (route.family === 6 ? DEFAULT_METRIC_V6 : 0);
  const destination = length === 0 ? `default (IPv${route.family})` : `${address}/${length}`;
  return `${destination} table ${route.table} metric ${metric} tos ${route.typeOfService ?? 0}`;
}

/** What the kernel gives an IPv6 route without a metric. */
const DEFAULT_METRIC_V6 = 1024;

interface Held<T> {
  readonly owner: string;
  readonly tracked: boolean;
  readonly spec: T;
}

/** The part of the kernel's interface that this needs. */
type Kernel = Pick<Rtnetlink, 'addRoute' | 'deleteRoute' | 'routes' | 'addRule' | 'deleteRule' | 'rules'>;

export class RoutingKeeper {
  private readonly rtnetlink: Kernel;
  private readonly linkOf: (name: string) => Link | undefined;
  private readonly logger: Logger;
  private readonly routes = new Map<string, Held<RouteSpec>>();
  private readonly rules = new Map<string, Held<RuleSpec>>();
  /** While starting, what a dead predecessor left is removed, although nobody here put it there. */
  clearing = true;

  constructor(rtnetlink: Kernel, linkOf: (name: string) => Link | undefined, logger: Logger) {
    this.rtnetlink = rtnetlink;
    this.linkOf = linkOf;
    this.logger = logger;
  }

  /** False when at least one could not be added. */
  addRoutes(owner: string, routes: readonly Route[]): boolean {
    return routes.map((route) => this.addRoute(owner, route)).every(Boolean);
  }

  removeRoutes(routes: readonly Route[]): void {
    for (const route of routes) {
      const text = routeText({ ...route, typeOfService: route.tos ?? 0 });
      const held = this.routes.get(text);
      this.routes.delete(text);
      const spec = held?.spec ?? (this.clearing ? routeSpec(route, this.linkOf) : undefined);
      if (spec) this.attempt(`remove route ${text}`, () => this.rtnetlink.deleteRoute(spec));
    }
  }

  addRules(owner: string, rules: readonly PolicyRule[]): boolean {
    return rules.map((rule) => this.addRule(owner, rule)).every(Boolean);
  }

  removeRules(rules: readonly PolicyRule[]): void {
    for (const rule of rules) {
      const text = ruleText(rule);
      const held = this.rules.get(text);
      this.rules.delete(text);
      const spec = held?.spec ?? (this.clearing ? ruleSpec(rule) : undefined);
      if (spec) this.attempt(`remove rule ${text}`, () => this.rtnetlink.deleteRule(spec));
    }
  }

  /** Whether a route that the kernel reports as gone could be one of ours. */
  mayHold(route: KernelRoute): boolean {
    return this.routes.size > 0 && this.routes.has(kernelRouteText(route));
  }

  get holdsRules(): boolean {
    return this.rules.size > 0;
  }

  /** The owners of tracked routes and rules that somebody else took away; those are ours no longer. */
  takeLost(): Set<string> {
    const owners = new Set<string>();
    if (this.routes.size > 0) {
      const present = new Set(this.rtnetlink.routes().map(kernelRouteText));
      forget(this.routes, (text) => present.has(text), owners);
    }
    if (this.rules.size > 0) {
      const present = this.rtnetlink.rules();
      forget(this.rules, (_, { spec }) => present.some((rule) => isSameRule(spec, rule)), owners);
    }
    return owners;
  }

  held(): readonly string[] {
    return [...this.routes.keys(), ...this.rules.keys()];
  }

  private addRoute(owner: string, route: Route): boolean {
    const spec = routeSpec(route, this.linkOf);
    if (!spec) return false;
    const text = routeText(spec);
    return this.attempt(`add route ${text}`, () => {
      if (this.rtnetlink.addRoute(spec) === 'added') this.routes.set(text, { owner, tracked: route.tracked, spec });
    });
  }

  private addRule(owner: string, rule: PolicyRule): boolean {
    const spec = ruleSpec(rule);
    return this.attempt(`add rule ${ruleText(rule)}`, () => {
      if (this.rtnetlink.addRule(spec) === 'added') this.rules.set(ruleText(rule), { owner, tracked: rule.tracked, spec });
    });
  }

  private attempt(what: string, action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      this.logger.log('error', `Cannot ${what}: ${(error as Error).message}`);
      return false;
    }
  }
}

/** Forgets what is not there any more and collects the owners of what was tracked. */
function forget<T>(held: Map<string, Held<T>>, isThere: (text: string, held: Held<T>) => boolean, owners: Set<string>): void {
  for (const [text, entry] of held) {
    if (isThere(text, entry)) continue;
    held.delete(text);
    if (entry.tracked) owners.add(entry.owner);
  }
}

function kernelRouteText({ family, destination, table, metric, typeOfService }: KernelRoute): string {
  const prefix = destination === 'default' ? { address: NO_ADDRESS, length: 0 } : destination;
  return routeText({ family, destination: prefix, table, metric, typeOfService });
}

/** Stands where the text does not say it. */
const NO_ADDRESS = IpAddress.fromV4Number(0);

/** All that we asked for is as we asked; what we left open the kernel has chosen. */
function isSameRule(wanted: RuleSpec, found: RuleSpec): boolean {
  return Object.entries(wanted).every(([key, value]) => plain(value) === plain(found[key as keyof RuleSpec]));
}

function ruleText(rule: PolicyRule): string {
  return plain(ruleSpec(rule));
}

function plain(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner)) ?? '';
}
