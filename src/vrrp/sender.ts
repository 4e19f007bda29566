/** Makes a router's advertisements. They hardly ever change, so the effects are kept whole: the steady path allocates nothing. */
import type { IpAddress } from '../base/index.ts';
import type { VirtualRouter } from '../model/index.ts';
import { encodeAuthenticatedVrrpPacket, encodeVrrp, encodeVrrpPacket, VRRP_TTL, vrrpMessageAt } from '../wire/index.ts';
import type { Context } from './context.ts';
import type { Counters } from './counters.ts';
import type { TransmitEffect } from './effect.ts';
import { checksumOf, type OwnAdvert } from './own-advert.ts';

export class Sender {
  /** Last sequence number of the authentication header, sent or accepted: the routers of a link count on together. */
  ahSequence = 0;
  private readonly context: Context;
  private readonly counters: Counters;
  private settings: VirtualRouter;
  private own: OwnAdvert;
  private prepared: { readonly priority: number; readonly source: IpAddress; readonly effects: readonly TransmitEffect[] } | undefined;

  constructor(settings: VirtualRouter, own: OwnAdvert, context: Context, counters: Counters) {
    this.settings = settings;
    this.own = own;
    this.context = context;
    this.counters = counters;
  }

  reconfigure(settings: VirtualRouter, own: OwnAdvert): void {
    this.settings = settings;
    this.own = own;
    this.prepared = undefined;
  }

  /** The address that advertisements come from; undefined while the interface has none. */
  source(): IpAddress | undefined {
    return this.settings.sourceAddress ?? this.context.trackers.address(this.settings.interface, this.settings.family);
  }

  /** Asks for one advertisement to be sent, to the group or to each peer. False when there is no address to send it from, or no peer. */
  transmit(priority: number): boolean {
    const source = this.source();
    if (!source) return false;
    const effects = this.effects(priority, source);
    for (const effect of effects) this.context.emit(effect);
    if (effects.length === 0) return false;
    this.counters.advertsSent++;
    if (priority === 0) this.counters.priorityZeroSent++;
    return true;
  }

  /** Makes an advertisement that will be needed, so that it is there in the moment that counts. */
  prepare(priority: number): void {
    const source = this.source();
    // With an authentication header each one is another.
    if (source && this.settings.authentication?.type !== 'ah') this.effects(priority, source);
  }

  private effects(priority: number, source: IpAddress): readonly TransmitEffect[] {
    const isAuthenticated = this.settings.authentication?.type === 'ah';
    if (isAuthenticated) this.ahSequence = (this.ahSequence + 1) >>> 0;
    else if (this.prepared?.priority === priority && this.prepared.source.equals(source)) return this.prepared.effects;
    const { unicast, multicastGroup } = this.settings;
    const destinations = unicast ? unicast.peers.map((peer) => peer.address) : [multicastGroup];
    const effects = destinations.map((destination) => this.effect(priority, source, destination));
    this.prepared = { priority, source, effects };
    return effects;
  }

  private effect(priority: number, source: IpAddress, destination: IpAddress): TransmitEffect {
    const { name, version, vrid, advertInterval: interval, unicast, authentication } = this.settings;
    const { addresses, authType, authData } = this.own;
    const advert = { version, vrid, priority, interval, addresses, authType, authData };
    const content = encodeVrrp(advert, source, destination, checksumOf(this.settings));
    const ttl = unicast?.ttl ?? VRRP_TTL;
    const isAuthenticated = authentication?.type === 'ah';
    const packet = isAuthenticated
      ? encodeAuthenticatedVrrpPacket(content, source, destination, {
          key: authentication.password,
          sequence: this.ahSequence,
          ttl,
          unicast: unicast !== undefined,
        })
      : encodeVrrpPacket(content, source, destination, 0, ttl);
    const message = packet.subarray(vrrpMessageAt(source, isAuthenticated));
    return { kind: 'transmit', router: name, interface: this.settings.interface, source, destination, ttl, packet, message };
  }
}
