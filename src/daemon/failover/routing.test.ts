import { describe, expect, it } from 'vitest';
import type { IpPrefix } from '../../base/index.ts';
import { readKeepalived } from '../../config/index.ts';
import type { PolicyRule, Route } from '../../model/index.ts';
import type { Route as KernelRoute, Link, RouteSpec, RuleSpec } from '../../wire/index.ts';
import { RoutingKeeper, routeSpec, ruleSpec } from './routing.ts';

/** What a router with these lines moves. */
function read({ routes = '', rules = '' }: { readonly routes?: string; readonly rules?: string }): {
  routes: Route[];
  rules: PolicyRule[];
} {
  const text = `vrrp_instance VI_1 {
 interface eth0
 virtual_router_id 51
 virtual_ipaddress { 10.0.0.100 }
 virtual_routes {\n${routes}\n}
 virtual_rules {\n${rules}\n}
}
`;
  const { configuration, diagnostics } = readKeepalived(text, { file: 'k.conf' });
  expect(diagnostics.filter((diagnostic) => diagnostic.severity === 'error')).toEqual([]);
  const [router] = configuration.routers;
  return { routes: [...(router?.routes ?? [])], rules: [...(router?.rules ?? [])] };
}

const links = new Map([
  ['eth0', { index: 2 }],
  ['eth1', { index: 3 }],
]);
const linkOf = (name: string): Link | undefined => links.get(name) as Link | undefined;

const text = ({ address, length }: IpPrefix): string => `${address}/${length}`;

/** A kernel that keeps what it is given. */
class FakeKernel {
  readonly routing: RouteSpec[] = [];
  readonly policy: RuleSpec[] = [];
  refuses = false;

  routes(): readonly KernelRoute[] {
    return this.routing as unknown as readonly KernelRoute[];
  }

  rules(): readonly RuleSpec[] {
    return this.policy;
  }

  addRoute(spec: RouteSpec): 'added' | 'exists' {
    if (this.refuses) throw new Error('ENETUNREACH');
    if (this.routing.some((route) => text(route.destination) === text(spec.destination))) return 'exists';
    this.routing.push({ metric: 0, typeOfService: 0, ...spec });
    return 'added';
  }

  deleteRoute(spec: RouteSpec): 'deleted' | 'absent' {
    return remove(this.routing, (route) => text(route.destination) === text(spec.destination));
  }

  addRule(spec: RuleSpec): 'added' | 'exists' {
    // What was left open the kernel chooses.
    this.policy.push({ priority: 32765, ...spec });
    return 'added';
  }

  deleteRule(spec: RuleSpec): 'deleted' | 'absent' {
    return remove(this.policy, (rule) => String(rule.from?.address) === String(spec.from?.address));
  }
}

function remove<T>(list: T[], isIt: (entry: T) => boolean): 'deleted' | 'absent' {
  const at = list.findIndex(isIt);
  if (at < 0) return 'absent';
  list.splice(at, 1);
  return 'deleted';
}

function keeper() {
  const kernel = new FakeKernel();
  const lines: string[] = [];
  const routing = new RoutingKeeper(kernel, linkOf, { log: (_, message) => void lines.push(message) });
  routing.clearing = false;
  return { kernel, lines, routing };
}

describe('a route for the kernel', () => {
  const only = (line: string): Route => read({ routes: line }).routes[0] as Route;

  it('names its interface by number, and waits while there is none of that name', () => {
    expect(routeSpec(only('10.99.0.0/16 via 10.0.0.1 dev eth1 metric 7'), linkOf)).toMatchObject({
      nextHops: [{ interfaceIndex: 3, weight: 1 }],
      metric: 7,
      table: 254,
      protocol: 18,
    });
    expect(routeSpec(only('10.99.0.0/16 dev eth9'), linkOf)).toBeUndefined();
  });

  it('has all its ways, or none', () => {
    const several = only('10.99.0.0/16 nexthop via 10.0.0.1 dev eth0 weight 2 nexthop via 10.1.0.1 dev eth1');
    expect(routeSpec(several, linkOf)?.nextHops.map(({ interfaceIndex, weight }) => [interfaceIndex, weight])).toEqual([
      [2, 2],
      [3, 1],
    ]);
    const half = only('10.99.0.0/16 nexthop via 10.0.0.1 dev eth0 nexthop via 10.1.0.1 dev eth9');
    expect(routeSpec(half, linkOf)).toBeUndefined();
  });
});

describe('a rule for the kernel', () => {
  it('has a table only where it looks one up, and leaves out what only we care for', () => {
    const { rules } = read({ rules: 'from 10.98.0.0/16 table 100 priority 500\nfrom 10.97.0.0/16 blackhole no_track' });
    const [lookup, drop] = rules.map(ruleSpec);
    expect(lookup).toMatchObject({ action: 'table', table: 100, priority: 500, protocol: 18 });
    expect(drop).toMatchObject({ action: 'blackhole', table: 0 });
    expect(drop).not.toHaveProperty('tracked');
  });
});

describe('RoutingKeeper', () => {
  const { routes, rules } = read({
    routes: '10.99.0.0/16 via 10.0.0.1 dev eth0\n10.97.0.0/16 via 10.0.0.1 dev eth0 no_track',
    rules: 'from 10.98.0.0/16 table 100',
  });

  it('takes out what it has put in, and nothing that was there before', () => {
    const { kernel, routing } = keeper();
    const [first] = routes;
    kernel.addRoute(routeSpec(first as Route, linkOf) as RouteSpec);
    expect(routing.addRoutes('VI_1', routes)).toBe(true);
    expect(routing.held()).toEqual(['10.97.0.0/16 table 254 metric 0 tos 0']);
    routing.removeRoutes(routes);
    expect(kernel.routing.map(({ destination }) => text(destination))).toEqual(['10.99.0.0/16']);
  });

  it('takes out what a dead predecessor may have left, while it starts', () => {
    const { kernel, routing } = keeper();
    for (const route of routes) kernel.addRoute(routeSpec(route, linkOf) as RouteSpec);
    for (const rule of rules) kernel.addRule(ruleSpec(rule));
    routing.clearing = true;
    routing.removeRoutes(routes);
    routing.removeRules(rules);
    expect([kernel.routing, kernel.policy]).toEqual([[], []]);
  });

  it('names the routers whose tracked routes or rules somebody else took away, once', () => {
    const { kernel, routing } = keeper();
    routing.addRoutes('VI_1', routes);
    routing.addRules('VI_2', rules);
    expect(routing.takeLost()).toEqual(new Set());
    const [tracked] = kernel.routing;
    expect(routing.mayHold(tracked as unknown as KernelRoute)).toBe(true);
    kernel.routing.length = 0;
    kernel.policy.length = 0;
    expect(routing.takeLost()).toEqual(new Set(['VI_1', 'VI_2']));
    expect(routing.takeLost()).toEqual(new Set());
    expect([routing.holdsRules, routing.held()]).toEqual([false, []]);
  });

  it('says nothing about the loss of what is not tracked', () => {
    const { kernel, routing } = keeper();
    routing.addRoutes(
      'VI_1',
      routes.filter((route) => !route.tracked),
    );
    kernel.routing.length = 0;
    expect(routing.takeLost()).toEqual(new Set());
  });

  it('reports what the kernel refuses and goes on', () => {
    const { kernel, lines, routing } = keeper();
    kernel.refuses = true;
    expect(routing.addRoutes('VI_1', routes)).toBe(false);
    expect(lines).toEqual([
      'Cannot add route 10.99.0.0/16 table 254 metric 0 tos 0: ENETUNREACH',
      'Cannot add route 10.97.0.0/16 table 254 metric 0 tos 0: ENETUNREACH',
    ]);
  });
});
