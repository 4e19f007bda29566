/** What changes on links, addresses, neighbours, routes and rules, as the kernel announces it. */
import {
  decodeAddress,
  decodeLink,
  decodeNeighbour,
  decodeNetlinkMessages,
  decodeRoute,
  decodeRule,
  type InterfaceAddress,
  type Link,
  type Neighbour,
  type NetlinkMessage,
  type Route,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  RTM_NEWRULE,
  type RuleSpec,
} from '../../wire/index.ts';
import {
  AF_NETLINK,
  bind,
  close,
  ENOBUFS,
  encodeNetlinkAddress,
  receive,
  SOCK_RAW,
  SystemError,
  setSocketOption,
  socket,
} from '../ffi/index.ts';

const NETLINK_ROUTE = 0;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const RECEIVE_BUFFER = 1024 * 1024;
const BUFFER_LENGTH = 64 * 1024;

/** What to be told about. */
export type MonitorGroup = 'link' | 'address' | 'neighbour' | 'route' | 'rule';

/** RTMGRP_* bits; addresses, routes and rules have one for each family. */
const GROUP_BITS: Readonly<Record<MonitorGroup, number>> = {
  link: 0x1,
  neighbour: 0x4,
  address: 0x10 | 0x100,
  route: 0x40 | 0x400,
  rule: 0x80 | 0x40000,
};

export type RtnetlinkEvent =
  | { readonly kind: 'link' | 'link-removed'; readonly link: Link }
  | { readonly kind: 'address' | 'address-removed'; readonly address: InterfaceAddress }
  | { readonly kind: 'neighbour' | 'neighbour-removed'; readonly neighbour: Neighbour }
  | { readonly kind: 'route' | 'route-removed'; readonly route: Route }
  | { readonly kind: 'rule' | 'rule-removed'; readonly rule: RuleSpec }
  /** Events were lost (ENOBUFS or an unreadable message): read the tables again. */
  | { readonly kind: 'resync' };

export class RtnetlinkMonitor {
  /** Non-blocking; readable when `read` has something. */
  readonly fd: number;
  private readonly buffer = new Uint8Array(BUFFER_LENGTH);

  /**
   * Subscribes in the network namespace that the calling thread is in now. Read the tables after making the monitor, not before,
   * and no change is missed.
   */
  constructor(groups: readonly MonitorGroup[] = ['link', 'address', 'neighbour']) {
    this.fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    enlargeReceiveBuffer(this.fd);
    bind(
      this.fd,
      encodeNetlinkAddress(
        0,
        groups.reduce((bits, group) => bits | GROUP_BITS[group], 0),
      ),
    );
  }

  /** Everything that has arrived, in order; never blocks. */
  read(): readonly RtnetlinkEvent[] {
    const events: RtnetlinkEvent[] = [];
    for (;;) {
      const length = this.receive(events);
      if (length === undefined) return events;
      const decoded = decodeNetlinkMessages(this.buffer.slice(0, length));
      if (!decoded.ok) events.push({ kind: 'resync' });
      else for (const message of decoded.value) addEvent(events, message);
    }
  }

  close(): void {
    close(this.fd);
  }

  /** The length of the next datagram, undefined when there is none. An overrun becomes a resync event, and reading goes on. */
  private receive(events: RtnetlinkEvent[]): number | undefined {
    try {
      return receive(this.fd, this.buffer);
    } catch (error) {
      if (!(error instanceof SystemError) || error.errno !== ENOBUFS) throw error;
      events.push({ kind: 'resync' });
      return 0;
    }
  }
}

/** More room than the system-wide limit allows needs CAP_NET_ADMIN; without it an overrun comes sooner and is handled all the same. */
function enlargeReceiveBuffer(fd: number): void {
  try {
    setSocketOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER);
  } catch (error) {
    if (!(error instanceof SystemError) || error.code !== 'EPERM') throw error;
  }
}

/** Messages of families or kinds that we do not follow are left out. */
function addEvent(events: RtnetlinkEvent[], { type, payload }: NetlinkMessage): void {
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK: {
      const link = decodeLink(payload);
      if (link.ok) events.push({ kind: type === RTM_NEWLINK ? 'link' : 'link-removed', link: link.value });
      break;
    }
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const address = decodeAddress(payload);
      if (address.ok) events.push({ kind: type === RTM_NEWADDR ? 'address' : 'address-removed', address: address.value });
      break;
    }
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH: {
      const neighbour = decodeNeighbour(payload);
      if (neighbour.ok) events.push({ kind: type === RTM_NEWNEIGH ? 'neighbour' : 'neighbour-removed', neighbour: neighbour.value });
      break;
    }
    case RTM_NEWROUTE:
    case RTM_DELROUTE: {
      const route = decodeRoute(payload);
      if (route.ok) events.push({ kind: type === RTM_NEWROUTE ? 'route' : 'route-removed', route: route.value });
      break;
    }
    case RTM_NEWRULE:
    case RTM_DELRULE: {
      const rule = decodeRule(payload);
      if (rule.ok) events.push({ kind: type === RTM_NEWRULE ? 'rule' : 'rule-removed', rule: rule.value });
      break;
    }
  }
}
