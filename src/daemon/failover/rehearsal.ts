/**
 * A takeover on trial. JavaScript is compiled where it runs for the first time, and a backup's takeover would be that first time, years
 * after the start perhaps; and what has not run for a while has left the processor's caches. So it is rehearsed when the daemon starts, and
 * again when a takeover is about to be due. Without that a takeover takes a millisecond or two longer.
 */
import { type Instant, IpAddress } from '../../base/index.ts';
import type { VirtualRouter } from '../../model/index.ts';
import type { Rtnetlink } from '../../os/netlink/index.ts';
import { monotonicNow } from '../../os/reactor/index.ts';
import type { Logger } from '../../ports/index.ts';
import { EMPTY_VRRP_SETTINGS, type VrrpEffect, VrrpEngine } from '../../vrrp/index.ts';
import type { Link } from '../../wire/index.ts';
import { AddressKeeper } from './addresses.ts';
import { Announcer } from './announcer.ts';

/** From the start to being active, and some advertisements. */
const TICKS = 5;

/** No interface has this number: what is asked for it the kernel refuses, and that is the same way through our code. */
const NOWHERE = 0x7fffffff;

const ETHERNET = { up: true, running: true, loopback: false, multicast: true, hardwareType: 1, mtu: 1500, mac: new Uint8Array(6) };

const SILENT: Logger = { log: () => undefined };

/** Lets a router become active and stop again, with an engine of its own and on an interface that does not exist. Nothing is sent. */
export class Rehearsal {
  private readonly addresses: AddressKeeper;
  private readonly announcer: Announcer;
  /** Without what it tracks: nothing of it may be known yet, and the rehearsal would wait for it. */
  private readonly router: VirtualRouter;
  /** As large as they will be: V8 keeps small numbers and large ones apart. */
  private now: Instant = monotonicNow();

  constructor(router: VirtualRouter, rtnetlink: Rtnetlink) {
    this.router = { ...router, trackInterfaces: [], trackScripts: [], trackFiles: [], trackProcesses: [], trackBfds: [] };
    const nowhere: Link = { ...ETHERNET, index: NOWHERE, name: router.interface };
    this.addresses = new AddressKeeper(rtnetlink, () => nowhere, SILENT);
    this.announcer = new Announcer(() => nowhere, SILENT);
  }

  play(): void {
    const { router } = this;
    const engine = new VrrpEngine({ ...EMPTY_VRRP_SETTINGS, routers: [router] });
    const handle = (event: Parameters<VrrpEngine['handle']>[0]): void => {
      engine.handle(event, this.now);
      engine.drainTo((effect) => this.perform(effect));
    };
    handle({ kind: 'link', interface: router.interface, up: true });
    const address = IpAddress.parse(router.family === 4 ? '192.0.2.1' : 'fe80::1') as IpAddress;
    handle({ kind: 'address', interface: router.interface, address });
    handle({ kind: 'start' });
    for (let tick = 0; tick < TICKS; tick++) {
      this.now = engine.nextDeadline() ?? this.now;
      handle({ kind: 'tick' });
    }
    handle({ kind: 'stop' });
  }

  close(): void {
    this.announcer.close();
  }

  private perform(effect: VrrpEffect): void {
    const { router } = this;
    if (effect.kind === 'add-vips') this.addresses.add(router, effect.vips);
    else if (effect.kind === 'remove-vips') this.addresses.remove(router, effect.vips);
    else if (effect.kind === 'announce') this.announcer.announce(effect, router, this.now);
  }
}
