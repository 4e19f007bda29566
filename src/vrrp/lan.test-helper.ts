/** A perfect virtual link for scenario tests: engines on it hear each other at once, time moves only as told. */
import { type Instant, IpAddress, seconds, toSeconds } from '../base/index.ts';
import type { GarpSettings, SyncGroup, Trackers, Vip, VirtualRouter, VrrpScript } from '../model/index.ts';
import { EMPTY_VRRP_SETTINGS, type VrrpEffect, VrrpEngine, type VrrpEvent, type VrrpSettings } from './index.ts';

export const ip = (text: string): IpAddress => {
  const address = IpAddress.parse(text);
  if (!address) throw new Error(`bad address in a test: ${text}`);
  return address;
};

export function vip(text: string, link = 'eth0', changes: Partial<Vip> = {}): Vip {
  const address = ip(text);
  const length = address.family === 4 ? 32 : 128;
  return { address, length, interface: link, home: false, deprecated: false, tracked: true, onVmac: false, ...changes };
}

export const NO_TRACKERS: Trackers = { trackInterfaces: [], trackScripts: [], trackFiles: [], trackProcesses: [], trackBfds: [] };

const GARP: GarpSettings = {
  repeat: 5,
  secondBurstDelay: seconds(5),
  refresh: 0,
  refreshRepeat: 1,
  lowerPriorityRepeat: 5,
  lowerPriorityDelay: seconds(5),
  extraInterfaces: { period: 0, all: false },
};

/** A virtual router as keepalived's defaults make it, with the differences that a test is about. */
export function router(changes: Partial<VirtualRouter> = {}): VirtualRouter {
  const link = changes.interface ?? 'eth0';
  return {
    name: 'VI_1',
    interface: link,
    vrid: 51,
    version: 2,
    family: 4,
    wantsMaster: false,
    priority: 100,
    advertInterval: seconds(1),
    trackSourceAddress: false,
    multicastGroup: ip(changes.family === 6 ? 'ff02::12' : '224.0.0.18'),
    vips: [vip('10.0.0.100', link)],
    excludedVips: [],
    routes: [],
    rules: [],
    promoteSecondaries: false,
    noPreempt: false,
    preemptDelay: 0,
    downTimerAdverts: 3,
    accept: true,
    strict: false,
    skipCheckAdvertisedAddresses: false,
    checksumWithoutPseudoHeader: false,
    lowerPriorityNoAdvert: false,
    higherPrioritySendAdvert: false,
    ownerIgnoreAdverts: false,
    garp: GARP,
    ...NO_TRACKERS,
    trackPrimary: true,
    notify: {},
    notifyPriorityChanges: false,
    smtpAlert: false,
    ...changes,
  };
}

export function script(changes: Partial<VrrpScript> = {}): VrrpScript {
  return {
    name: 'chk',
    command: { argv: ['/bin/true'] },
    interval: seconds(1),
    timeout: seconds(1),
    weight: { weight: 0, reverse: false },
    rise: 1,
    fall: 1,
    initFail: false,
    ...changes,
  };
}

export function group(name: string, members: readonly string[], changes: Partial<SyncGroup> = {}): SyncGroup {
  const still = { notify: {}, notifyPriorityChanges: false, smtpAlert: false, globalTracking: false, trackingWeight: true };
  return { name, members, ...still, ...NO_TRACKERS, ...changes };
}

export function settings(routers: readonly VirtualRouter[], changes: Partial<VrrpSettings> = {}): VrrpSettings {
  return { ...EMPTY_VRRP_SETTINGS, routers, ...changes };
}

interface Node {
  readonly name: string;
  readonly engine: VrrpEngine;
  readonly held: Set<string>;
  readonly effects: VrrpEffect[];
  alive: boolean;
}

export class Lan {
  now: Instant = 0;
  /** `time node instance STATE`, one line per instance transition. */
  readonly story: string[] = [];
  private readonly nodes = new Map<string, Node>();
  private readonly deaf = new Set<string>();

  /** Starts an engine with the addresses 10.0.0.N and fe80::N on eth0, and 10.1.0.N and fe80::1:N on eth1. */
  start(name: string, address: number, config: VrrpSettings): void {
    const node: Node = { name, engine: new VrrpEngine(config), held: new Set(), effects: [], alive: true };
    this.nodes.set(name, node);
    for (const [i, link] of ['eth0', 'eth1'].entries()) {
      this.handle(name, { kind: 'link', interface: link, up: true });
      this.handle(name, { kind: 'address', interface: link, address: ip(`10.${i}.0.${address}`) });
      this.handle(name, { kind: 'address', interface: link, address: ip(`fe80::${i}:${address}`) });
    }
    this.handle(name, { kind: 'start' });
  }

  handle(name: string, event: VrrpEvent): void {
    const node = this.node(name);
    node.engine.handle(event, this.now);
    this.perform(node);
  }

  /** Gone without a word, addresses and all. */
  crash(name: string): void {
    const node = this.node(name);
    node.alive = false;
    node.held.clear();
  }

  /** From now on `to` does not hear `from`. */
  cut(from: string, to: string): void {
    this.deaf.add(`${from}>${to}`);
  }

  heal(): void {
    this.deaf.clear();
  }

  /** Lets time pass, up to and including the given second. */
  runUntil(second: number): void {
    const end = seconds(second);
    for (;;) {
      const due = [...this.nodes.values()].filter((node) => node.alive && (node.engine.nextDeadline() ?? Infinity) <= end);
      if (due.length === 0) break;
      const next = due.reduce((a, b) => ((b.engine.nextDeadline() as number) < (a.engine.nextDeadline() as number) ? b : a));
      this.now = Math.max(this.now, next.engine.nextDeadline() as number);
      this.handle(next.name, { kind: 'tick' });
    }
    this.now = end;
  }

  held(name: string): string[] {
    return [...this.node(name).held].toSorted();
  }

  state(name: string, index = 0): string | undefined {
    return this.engine(name).snapshot().routers[index]?.state;
  }

  engine(name: string): VrrpEngine {
    return this.node(name).engine;
  }

  /** What the node has logged at keepalived's normal level or above, and at `-D` level when asked. */
  log(name: string, detail = false): string[] {
    return this.effects(name).flatMap((effect) => (effect.kind === 'log' && (detail || effect.level !== 'debug') ? [effect.message] : []));
  }

  /** Everything done since the last `forget`. */
  effects(name: string): readonly VrrpEffect[] {
    return this.node(name).effects;
  }

  kinds(name: string): string[] {
    return this.effects(name).flatMap((effect) => (effect.kind === 'log' ? [] : [effect.kind]));
  }

  forget(name: string): void {
    this.node(name).effects.length = 0;
  }

  private perform(node: Node): void {
    for (const effect of node.engine.drain()) {
      node.effects.push(effect);
      if (effect.kind === 'add-vips') for (const { address } of effect.vips) node.held.add(String(address));
      if (effect.kind === 'remove-vips') for (const { address } of effect.vips) node.held.delete(String(address));
      if (effect.kind === 'transition' && effect.subject === 'instance') {
        this.story.push(`${toSeconds(this.now)} ${node.name} ${effect.name} ${effect.state}`);
      }
      if (effect.kind === 'transmit') this.deliver(node, effect);
    }
  }

  private deliver(sender: Node, { interface: link, packet }: Extract<VrrpEffect, { kind: 'transmit' }>): void {
    for (const node of this.nodes.values()) {
      if (node === sender || !node.alive || this.deaf.has(`${sender.name}>${node.name}`)) continue;
      this.handle(node.name, { kind: 'packet', interface: link, packet });
    }
  }

  private node(name: string): Node {
    const node = this.nodes.get(name);
    if (!node) throw new Error(`no node ${name}`);
    return node;
  }
}
