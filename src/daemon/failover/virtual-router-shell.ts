/** Performs the engine's effects with sockets and netlink, and feeds it what the kernel says. Lives in the reactor's thread. */
import type { IpAddress } from '../../base/index.ts';
import type { Vip } from '../../model/index.ts';
import { Rtnetlink, RtnetlinkMonitor } from '../../os/netlink/index.ts';
import { monotonicNow, Reactor, type ReactorTimer } from '../../os/reactor/index.ts';
import { ArpSocket, VrrpSocket } from '../../os/sockets/index.ts';
import { sendingGratuitousArp, type VrrpEffect, VrrpEngine, type VrrpEvent, type VrrpSettings } from '../../vrrp/index.ts';
import { encodeVrrpPacket } from '../../wire/index.ts';
import { InterfaceTable } from './interfaces.ts';
import { vrrpStatus } from './status.ts';
import type { FromThread, ToThread } from './thread-messages.ts';
import { addressSpec, vipText } from './vip.ts';

/** The way to the main thread. `receive` gives the next waiting message. */
export interface ThreadPort {
  post(message: FromThread): void;
  receive(): ToThread | undefined;
}

export class VirtualRouterShell {
  readonly wakeFd: number;
  private readonly port: ThreadPort;
  private readonly reactor: Reactor;
  private readonly timer: ReactorTimer;
  private readonly rtnetlink = new Rtnetlink();
  private readonly monitor = new RtnetlinkMonitor(['link', 'address']);
  private readonly arp = new ArpSocket();
  private readonly sockets = new Map<string, VrrpSocket>();
  private readonly interfaces = new InterfaceTable(this.rtnetlink);
  private readonly engine: VrrpEngine;
  private settings: VrrpSettings;
  /** While starting, VIPs are removed whoever put them there: a dead predecessor left them. */
  private clearing = true;
  /** Addresses that we put on interfaces. One that was there before is somebody else's (an owner's real address) and stays. */
  private readonly added = new Map<string, Vip>();
  /** The last error of each interface's socket: a lasting one is one line. */
  private readonly sendErrors = new Map<string, string | undefined>();
  /** Counts IPv4 identifications, so that captures can tell packets apart. */
  private identification = 0;

  constructor(settings: VrrpSettings, port: ThreadPort) {
    this.settings = settings;
    this.port = port;
    this.engine = new VrrpEngine(settings);
    this.reactor = new Reactor({
      onWake: () => this.readMessages(),
      onPause: (pause) => this.handle({ kind: 'pause', duration: pause.duration }),
    });
    this.wakeFd = this.reactor.wakeFd;
    this.timer = this.reactor.timer(() => this.handle({ kind: 'tick' }));
    this.reactor.add(this.monitor.fd, () => this.readMonitor());
    this.interfaces.configure(settings);
  }

  /** Removes what a dead predecessor left, starts the elections, and serves until told to stop. */
  run(): void {
    const first = this.interfaces.refresh();
    this.openSockets();
    for (const event of first) this.handle(event);
    this.handle({ kind: 'start' });
    this.clearing = false;
    this.reactor.run();
    this.close();
  }

  private handle(event: VrrpEvent): void {
    this.engine.handle(event, monotonicNow());
    for (const effect of this.engine.drain()) this.perform(effect);
    const deadline = this.engine.nextDeadline();
    if (deadline === undefined) this.timer.disarm();
    else this.timer.arm(deadline);
  }

  private perform(effect: VrrpEffect): void {
    switch (effect.kind) {
      case 'transmit':
        return this.transmit(effect.interface, effect.message, effect.source, effect.destination);
      case 'add-vips':
        return this.addVips(effect.vips);
      case 'remove-vips':
        return this.removeVips(effect.vips);
      case 'announce':
        return this.announce(effect.vips, effect.count);
      case 'run-script': {
        const { name, command, timeout } = effect.script;
        return this.port.post({ type: 'run-script', script: name, command, timeout });
      }
      case 'transition':
        return this.port.post({ type: 'transition', transition: effect });
      case 'log':
        return this.port.post({ type: 'log', level: effect.level, message: effect.message });
    }
  }

  private transmit(name: string, message: Uint8Array, source: IpAddress, destination: IpAddress): void {
    this.identification = (this.identification + 1) & 0xffff;
    // A packet that cannot be sent (link down) is a lost packet: the protocol lives with those.
    const error = this.sockets.get(name)?.send(encodeVrrpPacket(message, source, destination, this.identification), destination);
    if (error && this.sendErrors.get(name) !== error.code) {
      this.port.post({ type: 'log', level: 'warning', message: `Cannot send advertisements on ${name}: ${error.message}` });
    }
    this.sendErrors.set(name, error?.code);
  }

  private addVips(vips: readonly Vip[]): void {
    for (const vip of vips) {
      this.changeAddress(vip, 'add', (index) => {
        if (this.rtnetlink.addAddress(addressSpec(vip, index)) === 'added') this.added.set(vipText(vip), vip);
      });
    }
  }

  private removeVips(vips: readonly Vip[]): void {
    for (const vip of vips) {
      if (!this.added.delete(vipText(vip)) && !this.clearing) continue;
      this.changeAddress(vip, 'remove', (index) => this.rtnetlink.deleteAddress(addressSpec(vip, index)));
    }
  }

  private changeAddress(vip: Vip, verb: 'add' | 'remove', change: (interfaceIndex: number) => void): void {
    const link = this.interfaces.link(vip.interface);
    if (!link) return;
    try {
      change(link.index);
    } catch (error) {
      const message = `Cannot ${verb} ${vipText(vip)}: ${(error as Error).message}`;
      this.port.post({ type: 'log', level: 'error', message });
    }
  }

  private announce(vips: readonly Vip[], count: number): void {
    for (let round = 0; round < count; round++) {
      for (const vip of vips) {
        const link = this.interfaces.link(vip.interface);
        if (!link?.mac || vip.address.family !== 4) continue;
        this.arp.announce({ interfaceIndex: link.index, mac: link.mac, address: vip.address });
        if (round === 0) this.port.post({ type: 'log', level: 'debug', message: sendingGratuitousArp(vip.interface, vip.address) });
      }
    }
  }

  private readMonitor(): void {
    const events = this.monitor.read();
    for (const event of this.interfaces.refresh()) this.handle(event);
    // An interface that came (back) under a known name has a new index and needs a new socket.
    this.openSockets();
    if (events.some((event) => event.kind === 'address-removed' || event.kind === 'resync')) this.findLostVips();
  }

  /** VIPs that we put on an interface and that somebody else took away. */
  private findLostVips(): void {
    const present = new Set(this.rtnetlink.addresses().map(({ interfaceIndex, prefix }) => `${interfaceIndex} ${prefix.address}`));
    for (const [text, vip] of this.added) {
      const link = this.interfaces.link(vip.interface);
      if (link && present.has(`${link.index} ${vip.address}`)) continue;
      this.added.delete(text);
      this.handle({ kind: 'vip-lost', interface: vip.interface, address: vip.address });
    }
  }

  private readMessages(): void {
    for (let message = this.port.receive(); message; message = this.port.receive()) {
      switch (message.type) {
        case 'reconfigure':
          this.reconfigure(message.settings);
          break;
        case 'script-ended':
          this.handle({ kind: 'script', script: message.script, outcome: message.outcome, status: message.status });
          break;
        case 'status?':
          this.port.post({ type: 'status', id: message.id, status: vrrpStatus(this.engine.snapshot(), this.settings) });
          break;
        case 'stop':
          this.handle({ kind: 'stop' });
          this.reactor.stop();
      }
    }
  }

  private reconfigure(settings: VrrpSettings): void {
    this.settings = settings;
    this.interfaces.configure(settings);
    for (const event of this.interfaces.refresh()) this.handle(event);
    this.openSockets();
    this.handle({ kind: 'reconfigure', settings });
    this.openSockets();
  }

  /** One socket for each interface that a router uses, following interfaces that vanish and come back with another index. */
  private openSockets(): void {
    const groups = new Map<string, IpAddress[]>();
    for (const router of this.settings.routers) {
      groups.set(router.interface, [...(groups.get(router.interface) ?? []), router.multicastGroup]);
    }
    for (const [name, socket] of this.sockets) {
      if (groups.has(name) && this.interfaces.link(name)?.index === socket.interfaceIndex) continue;
      this.reactor.remove(socket.fd);
      socket.close();
      this.sockets.delete(name);
    }
    for (const [name, wanted] of groups) {
      const link = this.interfaces.link(name);
      if (!link) continue;
      const socket = this.sockets.get(name);
      if (socket) for (const group of wanted) socket.join(group);
      else this.openSocket(name, new VrrpSocket({ interfaceIndex: link.index, groups: wanted }));
    }
  }

  private openSocket(name: string, socket: VrrpSocket): void {
    this.sockets.set(name, socket);
    this.reactor.add(socket.fd, () => {
      for (let packet = socket.receive(); packet; packet = socket.receive()) this.handle({ kind: 'packet', interface: name, packet });
    });
  }

  private close(): void {
    for (const socket of this.sockets.values()) socket.close();
    this.timer.close();
    this.monitor.close();
    this.arp.close();
    this.rtnetlink.close();
    this.reactor.close();
    this.port.post({ type: 'stopped' });
  }
}
