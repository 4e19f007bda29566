/** What rtnetlink says about links, addresses, neighbours, routes, rules and traffic control. */
export {
  type AddressScope,
  type AddressSpec,
  decodeAddress,
  encodeAddress,
  encodeAddressQuery,
  type InterfaceAddress,
  RTM_DELADDR,
  RTM_GETADDR,
  RTM_NEWADDR,
} from './address.ts';
export { AF_INET, AF_INET6, AF_UNSPEC, addressFamily, ipFamily } from './family.ts';
export {
  decodeLink,
  encodeLinkChange,
  encodeLinkQuery,
  encodeMacvlan,
  encodeNoGeneratedAddress,
  encodeVeth,
  type Link,
  type MacvlanSpec,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
  type VethSpec,
} from './link.ts';
export {
  decodeNeighbour,
  encodeNeighbour,
  encodeNeighbourDump,
  encodeNeighbourQuery,
  isUsable,
  type Neighbour,
  type NeighbourSpec,
  type NeighbourState,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
} from './neighbour.ts';
export {
  decodeRoute,
  encodeRoute,
  encodeRouteDump,
  encodeRouteQuery,
  type NextHopSpec,
  type Route,
  type RouteSpec,
  type RouteType,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
} from './route.ts';
export {
  decodeRule,
  encodeRule,
  encodeRuleDump,
  type NumberRange,
  RTM_DELRULE,
  RTM_GETRULE,
  RTM_NEWRULE,
  type RuleSpec,
} from './rule.ts';
export {
  CLSACT_EGRESS,
  CLSACT_INGRESS,
  decodeTraffic,
  encodeTrafficQuery,
  RTM_GETQDISC,
  RTM_GETTFILTER,
  type TrafficControl,
} from './traffic.ts';
