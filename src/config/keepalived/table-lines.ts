/** What the lines of addresses, routes and rules hold: the words of ip-address(8), ip-route(8) and ip-rule(8), as keepalived has them. */
import {
  type ArgumentForm,
  address,
  choice,
  integer,
  type Keyword,
  type KeywordOptions,
  type LineForm,
  leaf,
  line,
  none,
  prefix,
  type Tier,
  word,
  words,
} from './keyword.ts';

const UINT = integer(0, 0xffffffff);
const BROADCAST = word('an address, + or -');
const STATIC_ONLY = 'Static lines only: the track_group whose virtual routers fail when it disappears.';
const MOVING_ONLY = 'Its deletion by somebody else changes nothing.';

function ignored(name: string, form: ArgumentForm, doc: string, reason: string): Keyword {
  return leaf(name, form, doc, { tier: 3, support: 'harmless', reason });
}

function refused(name: string, form: ArgumentForm, doc: string, reason: string): Keyword {
  return leaf(name, form, doc, { tier: 3, support: 'refused', reason });
}

/** The words after the address of virtual_ipaddress, virtual_ipaddress_excluded and static_ipaddress. */
export const ADDRESS_WORDS: readonly Keyword[] = [
  leaf('dev', word('an interface'), 'Interface that gets the address.', {
    default: "the virtual router's, for static ones default_interface",
  }),
  leaf('label', word('a label', 15), 'IPv4 label of the address, for example eth0:1.'),
  leaf('scope', choice('global', 'site', 'link', 'host', 'nowhere', '0', '200', '253', '254'), 'Where the address is valid.', {
    tier: 2,
    default: 'global',
  }),
  leaf('brd', BROADCAST, 'Broadcast address; + sets all host bits, - clears them.', { tier: 2, default: 'none' }),
  leaf('broadcast', BROADCAST, 'Long form of brd.', { tier: 2, aliasOf: 'brd' }),
  leaf('peer', prefix, 'The other end of a point-to-point link.', { tier: 3 }),
  leaf('use_vmac', none, 'A macvlan of its own for the address.', { tier: 3, default: 'off' }),
  leaf('home', none, 'Home address of Mobile IPv6.', { tier: 3, default: 'off' }),
  leaf('-nodad', none, 'No duplicate address detection, as virtual addresses never do it.', { tier: 3, default: 'on' }),
  ignored('mngtmpaddr', none, 'Template for temporary addresses.', 'temporary addresses are made from prefixes that routers announce'),
  ignored('noprefixroute', none, 'No route to the network of the address.', 'the kernel makes the route to the network of the address'),
  ignored('autojoin', none, 'Joins the multicast group that the address is.', 'the daemon adds unicast addresses'),
  leaf('preferred_lft', word('0, forever or a number of seconds'), 'How long new connections may choose the address; 0 means never.', {
    tier: 3,
    default: '0 for an IPv6 /128, else forever',
  }),
  leaf('track_group', word('a track_group'), STATIC_ONLY, { tier: 3, default: 'none' }),
  leaf('no_track', none, MOVING_ONLY, { tier: 2, default: 'off' }),
];

export const VIRTUAL_ADDRESS_LINE: LineForm = line([prefix], ...ADDRESS_WORDS.filter(({ name }) => name !== 'track_group'));
export const STATIC_ADDRESS_LINE: LineForm = line([prefix], ...ADDRESS_WORDS.filter(({ name }) => name !== 'use_vmac'));

const METRIC_WORDS: readonly Keyword[] = [
  'mtu',
  'hoplimit',
  'advmss',
  'rtt',
  'rttvar',
  'reordering',
  'window',
  'cwnd',
  'ssthresh',
  'rto_min',
  'initcwnd',
  'initrwnd',
].map((name) => leaf(name, words('perhaps lock, then a number', 1, 2), `Metric ${name} of the route.`, { tier: 3 }));

export const ROUTE_TYPES = ['unicast', 'blackhole', 'unreachable', 'prohibit', 'throw', 'local', 'broadcast', 'multicast', 'nat'] as const;

function numbered(name: string, what: string, tier: Tier, options: KeywordOptions = {}): Keyword {
  return leaf(name, word(`a number or a name of ${what}`), `The ${what}, as a number or by name.`, { tier, ...options });
}

/** The words of virtual_routes and static_routes. */
export const ROUTE_WORDS: readonly Keyword[] = [
  leaf('to', prefix, 'Destination; the word itself may be left out.', { required: 'Write the destination: a network, or default.' }),
  leaf('via', words('perhaps inet or inet6, then an address', 1, 2), 'Gateway.'),
  leaf('gw', words('perhaps inet or inet6, then an address', 1, 2), 'Old name of via.', { aliasOf: 'via', deprecated: 'Write via.' }),
  leaf('dev', word('an interface'), 'Interface to leave by.', { default: "the virtual router's, unless there is a gateway" }),
  leaf('oif', word('an interface'), 'Other name of dev.', { aliasOf: 'dev' }),
  leaf('src', address, 'Source address that packets without one get.'),
  leaf('from', prefix, 'IPv6 only: source network of the packets.'),
  leaf('or', address, 'A second gateway.', { tier: 3, deprecated: 'Write nexthop via A nexthop via B.' }),
  numbered('table', 'routing table', 2, { default: 'main' }),
  numbered('protocol', 'routing protocol', 2, { default: 'keepalived' }),
  numbered('scope', 'scope', 2, { default: "the kernel's choice" }),
  numbered('tos', 'type of service', 2, { default: '0' }),
  numbered('dsfield', 'type of service', 2, { aliasOf: 'tos' }),
  leaf('metric', UINT, 'Less is preferred.', { tier: 2, default: '0' }),
  leaf('priority', UINT, 'Other name of metric.', { tier: 2, aliasOf: 'metric' }),
  leaf('preference', UINT, 'Other name of metric.', { tier: 2, aliasOf: 'metric' }),
  ...METRIC_WORDS,
  leaf('quickack', words('perhaps lock, then 0 or 1', 1, 2), 'TCP acknowledges at once.', { tier: 3 }),
  leaf('congctl', words('perhaps lock, then a name', 1, 2), 'TCP congestion control of connections over the route.', { tier: 3 }),
  leaf('features', choice('ecn'), 'Features of connections over the route.', { tier: 3 }),
  leaf('fastopen_no_cookie', integer(0, 1), 'TCP fast open without a cookie.', { tier: 3 }),
  leaf('pref', choice('low', 'medium', 'high'), 'IPv6 router preference.', { tier: 3, default: 'medium' }),
  leaf('ttl-propagate', choice('enabled', 'disabled'), 'MPLS: the TTL is carried over.', { tier: 3 }),
  leaf('onlink', none, 'The gateway is on the link even if no route says so.', { tier: 3, default: 'off' }),
  leaf('nexthop', words('via, dev, weight, onlink', 1, 100), 'One way of several; repeated for each of them.', {
    tier: 2,
    repeatable: true,
  }),
  leaf('inet', none, 'IPv4, where the line does not show it.', { tier: 3 }),
  leaf('inet6', none, 'IPv6, where the line does not show it.', { tier: 3 }),
  ...ROUTE_TYPES.map((name) =>
    leaf(name, none, `A route of type ${name}; stands before the destination.`, { tier: 2, ...(name === 'unicast' && { default: 'on' }) }),
  ),
  leaf('track_group', word('a track_group'), STATIC_ONLY, { tier: 3, default: 'none' }),
  leaf('no_track', none, MOVING_ONLY, { tier: 3, default: 'off' }),
  leaf('prepend', none, 'Before other routes to the same destination.', { tier: 3, default: 'on' }),
  ignored('add', none, 'Only where there is no route to the same destination.', 'routes are put before others to the same destination'),
  ignored('append', none, 'After other routes to the same destination.', 'routes are put before others to the same destination'),
  ignored('realms', word('realms'), 'Realms for statistics and classification.', 'the route works without its realms'),
  ignored('expires', UINT, 'IPv6: seconds until the kernel removes the route.', 'a route stays while its virtual router is MASTER'),
  refused(
    'vrf',
    word('an interface'),
    'Routing domain whose table gets the route.',
    'the table of a routing domain must be given by its number (table)',
  ),
  refused(
    'encap',
    words('the words of a tunnel', 1, 100),
    'Lightweight tunnel.',
    'routes with an encapsulation of their own are not set up',
  ),
];

/** The words of virtual_rules and static_rules. */
export const RULE_WORDS: readonly Keyword[] = [
  leaf('from', prefix, 'Source of the packet.', { tier: 2, default: 'all' }),
  leaf('to', prefix, 'Destination of the packet.', { tier: 2, default: 'all' }),
  numbered('table', 'routing table', 2, { required: 'Write table and a number, or another action.' }),
  numbered('lookup', 'routing table', 2, { aliasOf: 'table' }),
  leaf('priority', UINT, 'Less is asked first.', { tier: 2, default: 'counted down from 16384' }),
  leaf('preference', UINT, 'Other name of priority.', { tier: 2, aliasOf: 'priority' }),
  leaf('order', UINT, 'Other name of priority.', { tier: 2, aliasOf: 'priority' }),
  leaf('iif', word('an interface'), 'Interface that the packet came in by.', { tier: 2, default: 'any' }),
  leaf('dev', word('an interface'), 'Other name of iif.', { tier: 2, aliasOf: 'iif' }),
  leaf('oif', word('an interface'), 'Interface that the packet leaves by.', { tier: 2, default: 'any' }),
  leaf('fwmark', word('a number, perhaps with / and a mask'), 'Firewall mark of the packet.', { tier: 2, default: 'any' }),
  numbered('tos', 'type of service', 3),
  numbered('dsfield', 'type of service', 3, { aliasOf: 'tos' }),
  leaf('realms', word('a realm, perhaps with another before it and /'), 'Realm that the packet gets.', { tier: 3 }),
  leaf('l3mdev', none, 'The table of the routing domain that the packet belongs to.', { tier: 3 }),
  leaf('tunnel-id', integer(0, Number.MAX_SAFE_INTEGER), 'Id of the tunnel that the packet came through.', { tier: 3 }),
  leaf('uidrange', word('two user ids with - between'), 'Users whose packets match.', { tier: 3 }),
  numbered('protocol', 'routing protocol', 3, { default: 'keepalived' }),
  leaf('ipproto', word('a number or a name of an IP protocol'), 'IP protocol of the packet.', { tier: 3 }),
  leaf('sport', word('a port, or two with - between'), 'Source ports of the packet.', { tier: 3 }),
  leaf('dport', word('a port, or two with - between'), 'Destination ports of the packet.', { tier: 3 }),
  leaf('goto', UINT, 'Goes on at the rule of that priority.', { tier: 3 }),
  leaf('nop', none, 'Goes on at the next rule.', { tier: 3 }),
  leaf('not', none, 'Everything but what the rule describes.', { tier: 3 }),
  leaf('suppress_prefixlength', integer(0, 128), 'Routes of at most this prefix length are passed over.', { tier: 3 }),
  leaf('sup_pl', integer(0, 128), 'Short form of suppress_prefixlength.', { tier: 3, aliasOf: 'suppress_prefixlength' }),
  leaf('suppress_ifgroup', word('a number or a name of an interface group'), 'Routes by interfaces of this group are passed over.', {
    tier: 3,
  }),
  leaf('sup_group', word('a number or a name of an interface group'), 'Short form of suppress_ifgroup.', {
    tier: 3,
    aliasOf: 'suppress_ifgroup',
  }),
  leaf('type', choice('unicast', 'blackhole', 'unreachable', 'prohibit', 'nat'), 'What happens to the packet.', { tier: 3 }),
  ...(['blackhole', 'unreachable', 'prohibit'] as const).map((name) =>
    leaf(name, none, `The packet is answered as a route of type ${name} does.`, { tier: 3 }),
  ),
  leaf('inet', none, 'IPv4, where the line does not show it.', { tier: 3 }),
  leaf('inet6', none, 'IPv6, where the line does not show it.', { tier: 3 }),
  leaf('track_group', word('a track_group'), STATIC_ONLY, { tier: 3, default: 'none' }),
  leaf('no_track', none, MOVING_ONLY, { tier: 3, default: 'off' }),
];

export const ROUTE_LINE: LineForm = line([[choice(...ROUTE_TYPES)]], ...ROUTE_WORDS);
export const RULE_LINE: LineForm = line([], ...RULE_WORDS);
