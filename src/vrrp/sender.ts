/** Makes a router's advertisements. They hardly ever change, so the bytes are kept: the steady path encodes nothing. */
import type { IpAddress } from '../base/index.ts';
import type { VirtualRouter } from '../model/index.ts';
import { encodeVrrp } from '../wire/index.ts';
import type { Context } from './context.ts';
import type { OwnAdvert } from './reception.ts';

export class Sender {
  private readonly context: Context;
  private settings: VirtualRouter;
  private own: OwnAdvert;
  private encoded: { readonly priority: number; readonly source: IpAddress; readonly message: Uint8Array } | undefined;

  constructor(settings: VirtualRouter, own: OwnAdvert, context: Context) {
    this.settings = settings;
    this.own = own;
    this.context = context;
  }

  reconfigure(settings: VirtualRouter, own: OwnAdvert): void {
    this.settings = settings;
    this.own = own;
    this.encoded = undefined;
  }

  /** The address that advertisements come from; undefined while the interface has none. */
  source(): IpAddress | undefined {
    return this.settings.sourceAddress ?? this.context.trackers.address(this.settings.interface);
  }

  /** Asks for one advertisement to be sent. False when there is no address to send it from. */
  transmit(priority: number): boolean {
    const source = this.source();
    if (!source) return false;
    const { name, multicastGroup: destination } = this.settings;
    const message = this.message(priority, source);
    this.context.emit({ kind: 'transmit', router: name, interface: this.settings.interface, source, destination, message });
    return true;
  }

  private message(priority: number, source: IpAddress): Uint8Array {
    if (this.encoded?.priority === priority && this.encoded.source.equals(source)) return this.encoded.message;
    const { version, vrid, advertInterval: interval, multicastGroup } = this.settings;
    const message = encodeVrrp({ ...this.own, version, vrid, priority, interval }, source, multicastGroup);
    this.encoded = { priority, source, message };
    return message;
  }
}
