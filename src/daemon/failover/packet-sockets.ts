/** The raw sockets of all virtual routers: one for each interface, family and protocol, however many routers share it. */
import type { IpAddress, IpFamily, Micros } from '../../base/index.ts';
import type { VirtualRouter } from '../../model/index.ts';
import type { Reactor } from '../../os/reactor/index.ts';
import { VmacListener, VrrpSocket } from '../../os/sockets/index.ts';
import type { Logger } from '../../ports/index.ts';
import type { TransmitEffect } from '../../vrrp/index.ts';
import { IP_PROTOCOL_AH, IP_PROTOCOL_VRRP, type Link } from '../../wire/index.ts';

interface SocketPlan {
  /** The interface that the socket is on; empty for unicast routers without one. */
  readonly device: string;
  /** The interface that the engine knows the router's packets by. */
  readonly interface: string;
  readonly family: IpFamily;
  readonly protocol: number;
  /** The MAC of a macvlan, which sends; packets of other MACs are heard on the interface below. */
  readonly mac: Uint8Array | undefined;
  readonly groups: Map<string, IpAddress>;
}

/** Shorter than any header. */
const NO_PACKET = new Uint8Array(1);

/** `waited` is how long the packet had been in its socket. */
type Receive = (link: string, packet: Uint8Array, waited: Micros) => void;

/** Anything that packets come out of. */
interface Readable {
  readonly fd: number;
  receive(): Uint8Array | undefined;
  waited(): Micros;
  close(): void;
}

interface OpenSocket {
  readonly socket: VrrpSocket;
  /** For a macvlan: what other directors send with its MAC. */
  readonly listener: VmacListener | undefined;
  /** The interface's index may change under a name: then it is another interface. */
  readonly index: number | undefined;
}

export class PacketSockets {
  private readonly reactor: Reactor;
  private readonly logger: Logger;
  private readonly receive: Receive;
  private plans = new Map<string, SocketPlan>();
  /** By which socket each router sends. */
  private senders = new Map<string, string>();
  private readonly open = new Map<string, OpenSocket>();
  /** The last error of each socket: a lasting one is one line. */
  private readonly errors = new WeakMap<VrrpSocket, string | undefined>();

  constructor(reactor: Reactor, logger: Logger, receive: Receive) {
    this.reactor = reactor;
    this.logger = logger;
    this.receive = receive;
  }

  configure(routers: readonly VirtualRouter[]): void {
    this.plans = new Map();
    this.senders = new Map();
    for (const router of routers) {
      const heard = this.plan(router, router.interface);
      if (!router.unicast) heard.groups.set(String(router.multicastGroup), router.multicastGroup);
      if (router.unicast || !router.vmac) this.senders.set(router.name, planKey(heard));
      else {
        // Peers may send with the shared MAC even where we do not.
        const vmac = this.plan(router, router.vmac.name);
        this.senders.set(router.name, planKey(router.vmac.transmitOnBase ? heard : vmac));
      }
    }
  }

  /** Opens what is missing and closes what is not wanted any more, following interfaces that vanish and come back with another index. */
  update(linkOf: (name: string) => Link | undefined): void {
    const indexOf = (plan: SocketPlan): number | undefined => (plan.device === '' ? undefined : linkOf(plan.device)?.index);
    for (const [key, { socket, listener, index }] of this.open) {
      const plan = this.plans.get(key);
      if (plan && indexOf(plan) === index) continue;
      for (const readable of listener ? [socket, listener] : [socket]) {
        this.reactor.remove(readable.fd);
        readable.close();
      }
      this.open.delete(key);
    }
    for (const [key, plan] of this.plans) {
      const index = indexOf(plan);
      if (index === undefined && plan.device !== '') continue;
      const existing = this.open.get(key);
      try {
        if (existing) for (const group of plan.groups.values()) existing.socket.join(group);
        else this.openOne(key, plan, index);
      } catch (error) {
        this.logger.log('error', `Cannot open a VRRP socket on ${plan.device}: ${(error as Error).message}`);
      }
    }
  }

  /** A packet that cannot be sent (link down) is a lost packet: the protocol lives with those. */
  transmit({
    router,
    interface: link,
    packet,
    destination,
  }: Pick<TransmitEffect, 'router' | 'interface' | 'packet' | 'destination'>): void {
    const key = this.senders.get(router);
    const socket = key === undefined ? undefined : this.open.get(key)?.socket;
    if (!socket) return;
    const error = socket.send(packet, destination);
    if (packet === NO_PACKET || error?.code === this.errors.get(socket)) return;
    this.errors.set(socket, error?.code);
    if (error) this.logger.log('warning', `Cannot send advertisements on ${link}: ${error.message}`);
  }

  /** Goes the way of the router's advertisements as far as it goes without sending one: the kernel refuses what is no packet. */
  rehearse({ name, interface: link, unicast, multicastGroup }: VirtualRouter): void {
    const destination = unicast ? unicast.peers[0]?.address : multicastGroup;
    if (destination) this.transmit({ router: name, interface: link, packet: NO_PACKET, destination });
  }

  close(): void {
    for (const { socket, listener } of this.open.values()) {
      socket.close();
      listener?.close();
    }
    this.open.clear();
  }

  private plan(router: VirtualRouter, device: string): SocketPlan {
    const protocol = router.authentication?.type === 'ah' ? IP_PROTOCOL_AH : IP_PROTOCOL_VRRP;
    const { interface: link, family } = router;
    const mac = device === router.vmac?.name ? router.vmac.address : undefined;
    const fresh = { device, interface: link, family, protocol, mac, groups: new Map<string, IpAddress>() };
    const key = planKey(fresh);
    const plan = this.plans.get(key) ?? fresh;
    this.plans.set(key, plan);
    return plan;
  }

  private openOne(key: string, plan: SocketPlan, index: number | undefined): void {
    const { family, protocol, mac } = plan;
    const groups = [...plan.groups.values()];
    const place = index === undefined ? {} : { interfaceIndex: index };
    const socket = new VrrpSocket({ family, protocol, groups, sendOnly: mac !== undefined, ...place });
    const listener = mac && index !== undefined ? new VmacListener({ interfaceIndex: index, mac, family, protocol }) : undefined;
    this.open.set(key, { socket, listener, index });
    this.read(socket, plan);
    if (listener) this.read(listener, plan);
  }

  private read(socket: Readable, plan: SocketPlan): void {
    this.reactor.add(socket.fd, () => {
      for (let packet = socket.receive(); packet; packet = socket.receive()) this.receive(plan.interface, packet, socket.waited());
    });
  }
}

function planKey({ device, family, protocol }: SocketPlan): string {
  return `${device} ${family} ${protocol}`;
}
