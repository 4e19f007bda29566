/** Performs the engine's effects with sockets and netlink, and feeds it what the kernel says. Lives in the reactor's thread. */
import { earliest, type Instant, type Micros } from '../../base/index.ts';
import type { StaticNetwork, VirtualRouter } from '../../model/index.ts';
import { Rtnetlink, type RtnetlinkEvent, RtnetlinkMonitor } from '../../os/netlink/index.ts';
import { monotonicNow, Reactor, type ReactorTimer } from '../../os/reactor/index.ts';
import { SysctlKeeper } from '../../os/sysctl/index.ts';
import type { Logger } from '../../ports/index.ts';
import { Farewell, peersPatience, type VrrpEffect, VrrpEngine, type VrrpEvent, type VrrpSettings, withChanges } from '../../vrrp/index.ts';
import { AddressKeeper } from './addresses.ts';
import { Announcer } from './announcer.ts';
import { BfdShell } from './bfd-shell.ts';
import { HeldPort, type ThreadPort } from './held-port.ts';
import { InterfaceTable } from './interfaces.ts';
import { PacketSockets } from './packet-sockets.ts';
import { Rehearsal } from './rehearsal.ts';
import { RoutingKeeper } from './routing.ts';
import { STATIC_OWNER, StaticNetworkKeeper } from './static-network.ts';
import { vrrpStatus } from './status.ts';
import type { ReactorDump, ThreadData, ToThread } from './thread-messages.ts';
import { VmacKeeper } from './vmacs.ts';

type RouterPlace = Pick<VirtualRouter, 'interface' | 'vmac'>;

/** What the main thread does, or is told. */
type Told = Exclude<VrrpEffect, { kind: 'transmit' | 'announce' | 'drop-traffic' | `add-${string}` | `remove-${string}` }>;

export class VirtualRouterShell {
  readonly wakeFd: number;
  private readonly port: HeldPort<Told>;
  private readonly logger: Logger;
  private readonly reactor: Reactor;
  private readonly timer: ReactorTimer;
  private readonly rtnetlink = new Rtnetlink();
  private readonly monitor = new RtnetlinkMonitor(['link', 'address', 'route', 'rule']);
  private readonly sysctls: SysctlKeeper;
  private readonly interfaces: InterfaceTable;
  private readonly vmacs: VmacKeeper;
  private readonly sockets: PacketSockets;
  private readonly addresses: AddressKeeper;
  private readonly routing: RoutingKeeper;
  private readonly statics: StaticNetworkKeeper;
  private readonly announcer: Announcer;
  private readonly rehearsal: Rehearsal | undefined;
  private readonly bfd: BfdShell;
  private readonly engine: VrrpEngine;
  private readonly sensors: ThreadData['sensors'];
  private settings: VrrpSettings;
  private readonly staticNetwork: StaticNetwork;
  private readonly predecessorDied: boolean;
  private savedCount = 0;
  /** From the stop on. */
  private farewell: Farewell | undefined;
  /** One function for all effects, so that a packet or a timer makes none. */
  private readonly performer = (effect: VrrpEffect): void => this.perform(effect);
  /** What the timer calls is what is rehearsed, and not a function around it: even that would be compiled in the moment of a takeover. */
  private readonly tick = (now = monotonicNow()): void => {
    if (this.farewell) return this.end(this.farewell);
    this.handle({ kind: 'tick' }, now);
    this.bfd.tick(now);
    this.announcer.flush(now);
    this.arm();
  };
  private readonly wholeTold = new Map<string, boolean>();
  /** Where each router is, for effects, which name it. */
  private places = new Map<string, RouterPlace>();

  constructor({ settings, sensors, seed, detail, predecessorDied }: ThreadData, port: ThreadPort) {
    this.predecessorDied = predecessorDied;
    const held = new HeldPort<Told>(port, (effect) => this.tell(effect));
    this.port = held;
    this.sensors = sensors;
    this.settings = settings.vrrp;
    // A line that nobody wants to read is not even sent to the main thread.
    this.logger = { log: (level, message) => (level === 'debug' && !detail ? undefined : held.post({ type: 'log', level, message })) };
    this.engine = new VrrpEngine(settings.vrrp);
    this.reactor = new Reactor({
      pauseThreshold: pauseThreshold(settings.vrrp),
      onWake: () => this.readMessages(),
      onPause: (pause) => this.handle({ kind: 'pause', duration: pause.duration }),
    });
    this.wakeFd = this.reactor.wakeFd;
    this.timer = this.reactor.timer(this.tick, (now) => this.rehearse(now));
    this.reactor.add(this.monitor.fd, () => this.readMonitor(), { afterPause: true });
    this.sysctls = new SysctlKeeper((problem) => this.logger.log('warning', `Cannot change a kernel setting: ${problem}`));
    this.interfaces = new InterfaceTable(this.rtnetlink);
    const linkOf = (name: string) => this.interfaces.link(name);
    this.vmacs = new VmacKeeper(this.rtnetlink, this.sysctls, this.logger);
    this.sockets = new PacketSockets(this.reactor, this.logger, (link, packet, waited) => this.hear(link, packet, waited));
    this.addresses = new AddressKeeper(this.rtnetlink, linkOf, this.logger);
    this.routing = new RoutingKeeper(this.rtnetlink, linkOf, this.logger);
    this.statics = new StaticNetworkKeeper(this.addresses, this.routing);
    this.announcer = new Announcer(linkOf, this.logger);
    const [first] = settings.vrrp.routers;
    this.rehearsal = first && new Rehearsal(first, this.rtnetlink);
    this.bfd = new BfdShell(settings.bfdSessions, seed, this.reactor, this.logger, (session, up) => {
      this.port.post({ type: 'bfd-changed', session: session.name, up });
      if (session.forVrrp) this.handle({ kind: 'bfd', session: session.name, up });
    });
    this.announcer.configure(settings.pacing);
    this.staticNetwork = settings.staticNetwork;
  }

  /** Removes what a dead predecessor left, starts the elections, and serves until told to stop. */
  run(): void {
    this.prepare(this.settings);
    for (const event of this.interfaces.refresh()) this.handle(event);
    for (const { file, value } of this.sensors.files) this.handle({ kind: 'file', file, value });
    for (const { process, count } of this.sensors.processes) this.handle({ kind: 'process', process, count });
    if (this.predecessorDied) this.statics.removeLeftovers(this.staticNetwork);
    this.statics.configure(this.staticNetwork);
    this.ensureStatics();
    this.handle({ kind: 'start' });
    this.bfd.start(monotonicNow());
    for (let round = 0; round < REHEARSALS; round++) this.rehearse(monotonicNow());
    // So the way from the timer to a tick has been gone as well before a takeover goes it.
    this.timer.arm(monotonicNow(), TAKEOVER_LEAD);
    this.addresses.clearing = false;
    this.routing.clearing = false;
    this.reactor.run();
    this.close();
  }

  private handle(event: VrrpEvent, now = monotonicNow()): void {
    this.engine.handle(event, now);
    this.port.hold();
    this.engine.drainTo(this.performer);
    this.arm();
    this.port.release();
  }

  private hear(link: string, packet: Uint8Array, waited: Micros): void {
    if (!this.farewell) return this.handle({ kind: 'packet', interface: link, packet, waited });
    for (const effect of this.farewell.hear(link, packet)) this.perform(effect);
    if (this.farewell.over) this.end(this.farewell);
  }

  /** Whatever a takeover needs runs once. `now` is before its time, and so the tick changes nothing, however long the rest has taken. */
  private rehearse(now: Instant): void {
    const [router] = this.settings.routers;
    if (router) {
      this.addresses.prepare(router, [...router.vips, ...router.excludedVips]);
      this.announcer.prepare(router, [...router.vips, ...router.excludedVips]);
      this.sockets.rehearse(router);
    }
    this.perform(REHEARSED);
    this.rehearsal?.play();
    this.tick(now);
  }

  private arm(): void {
    if (this.farewell) return this.timer.arm(this.farewell.deadline);
    const deadline: Instant | undefined = earliest(
      this.engine.nextDeadline(),
      earliest(this.bfd.nextDeadline(), this.announcer.nextDeadline()),
    );
    if (deadline === undefined) this.timer.disarm();
    else this.timer.arm(deadline, Math.min(this.engine.takeoverLead(), TAKEOVER_LEAD));
  }

  private perform(effect: VrrpEffect): void {
    switch (effect.kind) {
      case 'transmit':
        return this.sockets.transmit(effect);
      case 'add-vips':
        return void this.addresses.add(this.routerNamed(effect.router), effect.vips);
      case 'remove-vips':
        this.announcer.forget(effect.router);
        return this.addresses.remove(this.routerNamed(effect.router), effect.vips);
      case 'add-routes':
        return void this.routing.addRoutes(effect.router, effect.routes);
      case 'remove-routes':
        return this.routing.removeRoutes(effect.routes);
      case 'add-rules':
        return void this.routing.addRules(effect.router, effect.rules);
      case 'remove-rules':
        return this.routing.removeRules(effect.rules);
      case 'drop-traffic':
        // The main thread's table drops it at all times: packets to an address that is not here never come to that hook.
        return;
      case 'announce':
        return this.announcer.announce(effect, this.routerNamed(effect.router), monotonicNow());
      default:
        this.port.postNews(effect);
    }
  }

  /** What the main thread does: everything that may block. */
  private tell(effect: Told): void {
    switch (effect.kind) {
      case 'run-script': {
        const { name, command, timeout } = effect.script;
        return this.port.post({ type: 'run-script', script: name, command, timeout });
      }
      case 'kill-script':
        return this.port.post({ type: 'kill-script', script: effect.script });
      case 'transition':
        return this.port.post({ type: 'transition', transition: effect });
      case 'notice':
        return this.port.post({ type: 'notice', notice: effect });
      case 'sync-daemon':
        return this.port.post({ type: 'sync-daemon', role: effect.role });
      case 'log':
        return this.logger.log(effect.level, effect.message);
    }
  }

  private routerNamed(name: string): RouterPlace {
    return this.places.get(name) ?? { interface: '' };
  }

  /** Everything that is not the engine's is made ready for these routers. */
  private prepare(settings: VrrpSettings): void {
    this.places = new Map(settings.routers.map((router) => [router.name, router]));
    this.interfaces.configure(settings);
    this.vmacs.configure(settings.routers);
    this.sockets.configure(settings.routers);
    this.readInterfaces();
  }

  /** Reads the interfaces, makes the macvlans that can be made, and opens sockets on what there is. True when a macvlan was made. */
  private readInterfaces(): boolean {
    const made = this.vmacs.ensure(this.interfaces.readLinks());
    if (made) this.vmacs.ensure(this.interfaces.readLinks());
    this.sockets.update((name) => this.interfaces.link(name));
    const saved = this.sysctls.saved();
    if (saved.length !== this.savedCount) this.port.post({ type: 'saved-sysctls', saved });
    this.savedCount = saved.length;
    return made;
  }

  private readMonitor(): void {
    const events = this.monitor.read();
    const missed = events.some((event) => event.kind === 'resync');
    let macvlansMade = false;
    if (missed || events.some((event) => isAboutInterfaces(event) && this.interfaces.concerns(event))) {
      macvlansMade = this.readInterfaces();
      for (const event of this.interfaces.refresh()) this.handle(event);
      this.ensureStatics();
    }
    // A macvlan made anew is empty.
    if (missed || macvlansMade || events.some((event) => this.isOurLoss(event))) this.reportLosses();
  }

  private isOurLoss(event: RtnetlinkEvent): boolean {
    switch (event.kind) {
      case 'address-removed':
        return this.addresses.holds(String(event.address.prefix.address), event.address.interfaceIndex);
      case 'route-removed':
        return this.routing.mayHold(event.route);
      case 'rule-removed':
        return this.routing.holdsRules;
      default:
        return false;
    }
  }

  /** What we put into the kernel and somebody else took out; the engine decides what becomes of it. */
  private reportLosses(): void {
    for (const vip of this.addresses.takeLost()) {
      this.handle({ kind: 'vip-lost', interface: vip.interface, address: vip.address });
    }
    for (const router of this.routing.takeLost()) if (router !== STATIC_OWNER) this.handle({ kind: 'routes-lost', router });
    this.ensureStatics();
  }

  private ensureStatics(): void {
    for (const [group, whole] of this.statics.ensure()) {
      if (this.wholeTold.get(group) !== whole) this.handle({ kind: 'track-group', group, whole });
      this.wholeTold.set(group, whole);
    }
  }

  private readMessages(): void {
    for (let message = this.port.receive(); message; message = this.port.receive()) this.obey(message);
  }

  private obey(message: ToThread): void {
    switch (message.type) {
      case 'reconfigure':
        return this.reconfigure(message);
      case 'script-ended':
        return this.handle({ kind: 'script', script: message.script, outcome: message.outcome, status: message.status });
      case 'file':
        return this.handle({ kind: 'file', file: message.file, value: message.value });
      case 'process':
        return this.handle({ kind: 'process', process: message.process, count: message.count });
      case 'status?':
        return this.port.post({
          type: 'status',
          id: message.id,
          status: vrrpStatus(this.engine.snapshot(), this.settings, this.bfd.snapshot(), monotonicNow()),
        });
      case 'dump?':
        return this.port.post({ type: 'dump', id: message.id, dump: this.dump() });
      case 'clear-counters':
        return this.handle({ kind: 'clear-counters' });
      case 'stop':
        this.leave();
    }
  }

  private leave(): void {
    if (this.farewell) return;
    const now = monotonicNow();
    const farewell = new Farewell(this.settings.routers, now);
    this.farewell = farewell;
    this.engine.handle({ kind: 'stop' }, now);
    this.engine.drainTo((effect) => (farewell.keep(effect) ? undefined : this.perform(effect)));
    this.bfd.stop(now);
    if (farewell.over) this.end(farewell);
    else this.arm();
  }

  /** Does what a stop has left to do. Once more is harmless: then nothing is left. */
  private end(farewell: Farewell): void {
    for (const effect of farewell.finish()) this.perform(effect);
    this.reactor.stop();
  }

  /** Routers that go still say so by their sockets and macvlans: for the moment of the change there is place for the old and the new. */
  private reconfigure({ changes, network }: Extract<ToThread, { type: 'reconfigure' }>): void {
    this.prepare(withChanges(this.settings, { ...changes, removed: [] }));
    for (const event of this.interfaces.refresh()) this.handle(event);
    if (network) this.announcer.configure(network.pacing);
    this.handle({ kind: 'apply', changes });
    this.settings = withChanges(this.settings, changes);
    this.reactor.pauseThreshold = pauseThreshold(this.settings);
    this.prepare(this.settings);
    if (!network) return;
    this.statics.configure(network.staticNetwork);
    this.ensureStatics();
    this.bfd.configure(network.bfdSessions, monotonicNow());
    this.arm();
  }

  private dump(): ReactorDump {
    return {
      snapshot: this.engine.snapshot(),
      bfd: this.bfd.snapshot(),
      now: monotonicNow(),
      links: Array.from(this.interfaces.all().values(), (link) => ({ ...link, ...this.interfaces.addressesOf(link.name) })),
      held: [...this.addresses.held(), ...this.routing.held()],
    };
  }

  private close(): void {
    this.statics.close();
    this.vmacs.close();
    this.sockets.close();
    this.announcer.close();
    this.rehearsal?.close();
    this.timer.close();
    this.monitor.close();
    this.rtnetlink.close();
    this.reactor.close();
    this.port.post({ type: 'stopped' });
  }
}

/** A pause matters when it is as long as the least patient peers bear; below the shortest one lies the noise of a busy machine. */
function pauseThreshold({ routers }: VrrpSettings): Micros {
  const patience = routers.map((router) => peersPatience(router.advertInterval));
  return Math.max(SHORTEST_PAUSE, Math.min(LONGEST_PAUSE, ...patience));
}

/** Nobody reads it: it is below what `-D` shows. */
const REHEARSED: VrrpEffect = { kind: 'log', level: 'debug', message: '' };
/** At the start. More make it no faster. */
const REHEARSALS = 3;
/** Awake so long before a takeover is due: the first rehearsal, which finds nothing in the caches, takes up to ten milliseconds of it. */
const TAKEOVER_LEAD: Micros = 20_000;

const SHORTEST_PAUSE: Micros = 50_000;
const LONGEST_PAUSE: Micros = 300_000;

function isAboutInterfaces({ kind }: RtnetlinkEvent): boolean {
  return kind === 'link' || kind === 'link-removed' || kind === 'address' || kind === 'address-removed';
}
