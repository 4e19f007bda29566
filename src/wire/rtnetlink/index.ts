/** What rtnetlink says about links, addresses, neighbours and routes. */
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
export { decodeLink, encodeLinkQuery, type Link, RTM_DELLINK, RTM_GETLINK, RTM_NEWLINK } from './link.ts';
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
  encodeRouteDump,
  encodeRouteQuery,
  type Route,
  type RouteType,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
} from './route.ts';
