/** Addresses, routes and rules that stay as long as the daemon runs (`static_ipaddress`, `static_routes`, `static_rules`). */
import type { PolicyRule, Route, StaticNetwork, Vip } from '../../model/index.ts';
import type { AddressKeeper } from './addresses.ts';
import type { RoutingKeeper } from './routing.ts';

/** What routes and rules of this part are held under; no virtual router can have the name. */
export const STATIC_OWNER = '\0static';

/** No macvlan carries them. */
const NO_ROUTER = { interface: '' };

export class StaticNetworkKeeper {
  private readonly addresses: AddressKeeper;
  private readonly routing: RoutingKeeper;
  private wanted: StaticNetwork = { addresses: [], routes: [], rules: [], trackGroups: [] };

  constructor(addresses: AddressKeeper, routing: RoutingKeeper) {
    this.addresses = addresses;
    this.routing = routing;
  }

  /** Removes these, whoever put them there; only while the keepers are clearing. They are then added as our own. */
  removeLeftovers({ addresses, routes, rules }: StaticNetwork): void {
    this.routing.removeRules(rules);
    this.routing.removeRoutes(routes);
    this.addresses.remove(NO_ROUTER, addresses);
  }

  /** Takes away what is wanted no longer, and adds the rest. */
  configure(wanted: StaticNetwork): void {
    const gone = (kind: 'addresses' | 'routes' | 'rules') => {
      const keep = new Set<string>(wanted[kind].map(text));
      return this.wanted[kind].filter((item) => !keep.has(text(item)));
    };
    this.routing.removeRules(gone('rules') as PolicyRule[]);
    this.routing.removeRoutes(gone('routes') as Route[]);
    this.addresses.remove(NO_ROUTER, gone('addresses') as Vip[]);
    this.wanted = wanted;
    this.ensure();
  }

  /** Adds whatever is not there, also after an interface has come (back). Whether all of it is there now, for each track group. */
  ensure(): ReadonlyMap<string, boolean> {
    const { addresses, routes, rules } = this.wanted;
    const whole = new Map(this.wanted.trackGroups.map(({ name }) => [name, true]));
    const note = (group: string | undefined, isThere: boolean): void => {
      if (group !== undefined && !isThere) whole.set(group, false);
    };
    for (const address of addresses) note(address.trackGroup, this.addresses.add(NO_ROUTER, [address]));
    for (const route of routes) note(route.trackGroup, this.routing.addRoutes(STATIC_OWNER, [route]));
    for (const rule of rules) note(rule.trackGroup, this.routing.addRules(STATIC_OWNER, [rule]));
    return whole;
  }

  close(): void {
    this.configure({ addresses: [], routes: [], rules: [], trackGroups: [] });
  }
}

function text(item: unknown): string {
  return JSON.stringify(item, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner)) ?? '';
}
