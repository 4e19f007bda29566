/** One virtual service as the director sees it: its servers, its quorum, and the table it wants. */
import type { Instant } from '../base/index.ts';
import {
  type CheckChange,
  type CheckedRealServer,
  type CheckedService,
  type RealServer,
  type RealServerKey,
  realServerText,
  type ServerVerdict,
  type ServiceTable,
  serverKeyText,
  serviceKeyText,
} from '../model/index.ts';
import { type QuorumChange, quorumLogLine } from './mail.ts';
import { DirectedServer } from './server.ts';
import type { QuorumState, ServiceSnapshot } from './snapshot.ts';
import { type Outbox, Voice } from './voice.ts';

export class DirectedService {
  private readonly name: string;
  private readonly voice: Voice;
  private config: CheckedService;
  /** In file order. */
  private servers = new Map<string, DirectedServer>();
  private quorum: QuorumState = 'undecided';
  /** Real servers served when this process took over: the service was up then. */
  private inheritedServers = false;
  /** Keys of the rows in the order in which they were added, which is the order that the data plane schedules by. */
  private order: string[] = [];
  private current: ServiceTable | undefined;
  private stale = true;

  /** `speaks`: whether it tells of itself, or an earlier member of its group does. */
  constructor(config: CheckedService, speaks: boolean, inherited: ServiceTable | undefined, now: Instant, outbox: Outbox) {
    this.name = serviceKeyText(config.key);
    this.config = config;
    this.voice = new Voice(outbox, config);
    this.voice.speaks = speaks;
    const rows = inherited && new Map(inherited.servers.map((server) => [serverKeyText(server), server.weight]));
    if (rows) this.inherit(rows);
    this.addServers(rows, now);
    if (config.servers.every(isAlpha) && !inherited && this.possibleWeight('live') === 0) this.announceQuorum('Starting with quorum down');
    else this.updateQuorum();
  }

  /** The desired table; the same object until something in it changes. */
  table(): ServiceTable {
    if (this.stale || !this.current) {
      const next = this.buildTable();
      // A reload touches every service and changes few: only a table that differs is a new one.
      if (!this.current || JSON.stringify(next) !== JSON.stringify(this.current)) this.current = next;
      this.stale = false;
    }
    return this.current;
  }

  /** Takes over a new configuration of the same service; whatever it does not change keeps its state. */
  reconfigure(config: CheckedService, speaks: boolean, now: Instant): void {
    const sorryBefore = this.sorryActive ? this.config.sorryServer : undefined;
    const wanted = new Map(config.servers.map((server) => [serverKeyText(server), server]));
    this.config = config;
    this.voice.config = config;
    this.voice.speaks = speaks;
    for (const [key, server] of this.servers) {
      const next = wanted.get(key);
      if (next) {
        this.changeServer(server, next, now);
      } else {
        this.voice.log(`service ${server.name} no longer exist`);
        this.removeServer(key, server, now);
      }
    }
    this.addServers(undefined, now);
    this.logSorryChange(sorryBefore, this.sorryActive ? config.sorryServer : undefined);
    this.stale = true;
    this.updateQuorum();
  }

  /** What the checks say about a server. One that a reload took away meanwhile is ignored. */
  verdict(verdict: ServerVerdict, now: Instant): void {
    const server = this.servers.get(serverKeyText(verdict.server));
    if (!server) return;
    const weightBefore = server.weight;
    server.measured = verdict.weight;
    if (server.health === verdict.state) {
      if (server.weight !== weightBefore) server.lastChange = { at: now, reason: verdict.reason };
      this.weightChanged(server, weightBefore);
      this.updateQuorum();
      return;
    }
    const before = server.believed;
    this.changeHealth(server, verdict.state, verdict.reason, now);
    this.updateQuorum();
    if (server.believed !== before && this.voice.policy.noCheckerMail) this.voice.mailCheck(server.config, verdict.check, verdict.state);
  }

  /** Each check has its own mail unless the file wants fewer. That it found what was assumed at the start is no news. */
  checkChanged({ server: key, check, state, first }: CheckChange): void {
    const server = this.servers.get(serverKeyText(key));
    if (!server || this.voice.policy.noCheckerMail) return;
    if (!first || state !== server.assumed) this.voice.mailCheck(server.config, check, state);
  }

  /** Returns false when the service has no such server. */
  override(key: RealServerKey, weight: number | undefined, now: Instant): boolean {
    const server = this.servers.get(serverKeyText(key));
    if (!server) return false;
    if (server.override === weight) return true;
    const before = server.weight;
    server.override = weight;
    server.lastChange = {
      at: now,
      reason: weight === undefined ? 'weight given back to the configuration' : `weight set to ${weight} by an operator`,
    };
    this.weightChanged(server, before);
    this.updateQuorum();
    return true;
  }

  /**
   * The service left the configuration: its servers are reported as removed and its quorum as lost; no sorry server steps in. A group
   * that stays with other members has lost nothing.
   */
  remove(groups: ReadonlySet<string>, now: Instant): void {
    if (this.config.group !== undefined && groups.has(this.config.group)) this.voice.speaks = false;
    this.voice.log(`Removing Virtual Server ${this.name}`);
    for (const [key, server] of this.servers) this.removeServer(key, server, now);
    if (this.quorum === 'up') this.voice.quorumChanged(this.quorumChange('Lost quorum'));
  }

  /**
   * The daemon ends: one log line for each server in the table, and nothing else; with `omega` everything that was up is reported as
   * down, the servers first.
   */
  shutDown(): void {
    const { omega } = this.config;
    for (const server of this.servers.values()) {
      if (server.tableWeight(this.sorryActive) !== undefined) this.voice.log(`Shutting down service ${server.name} from VS ${this.name}`);
      if (!omega || server.health !== 'up') continue;
      this.voice.serverChanged(server.config, 'down');
      this.voice.mailRemoval(server.config, 'shut-down');
    }
    if (omega && this.quorum === 'up') this.voice.shutDown();
  }

  snapshot(): ServiceSnapshot {
    const { key, group, quorum, hysteresis, sorryServer } = this.config;
    const active = this.sorryActive;
    return {
      key,
      ...(group !== undefined && { group }),
      quorum: { state: this.quorum, required: quorum, hysteresis, liveWeight: this.possibleWeight('live') },
      ...(sorryServer ? { sorryServer: { address: sorryServer.address, port: sorryServer.port, active } } : {}),
      servers: [...this.servers.values()].map((server) => server.snapshot(active)),
    };
  }

  private get sorryActive(): boolean {
    return this.config.sorryServer !== undefined && this.quorum === 'lost';
  }

  /** What the rows of a predecessor tell: their order, and whether it had the quorum, so that nothing is told twice. */
  private inherit(rows: ReadonlyMap<string, number>): void {
    const { servers, sorryServer } = this.config;
    const served = (server: RealServerKey) => (rows.get(serverKeyText(server)) ?? 0) > 0;
    this.order = [...rows.keys()];
    this.inheritedServers = servers.some(served);
    if (sorryServer ? served(sorryServer) : !this.inheritedServers) this.quorum = 'lost';
  }

  /** Brings `servers` into file order with the new ones in place. A server without checks is up at once. */
  private addServers(rows: ReadonlyMap<string, number> | undefined, now: Instant): void {
    const servers = new Map<string, DirectedServer>();
    for (const config of this.config.servers) {
      const key = serverKeyText(config);
      if (servers.has(key)) continue;
      const known = this.servers.get(key);
      const server = known ?? new DirectedServer(this.config.key, config, assumedState(config, rows), rows?.get(key));
      servers.set(key, server);
      if (!known && config.checks.length === 0) this.changeHealth(server, 'up', 'no checks', now);
    }
    this.servers = servers;
  }

  private changeServer(server: DirectedServer, next: CheckedRealServer, now: Instant): void {
    const before = server.weight;
    server.config = next;
    this.weightChanged(server, before);
    if (next.checks.length === 0 && server.health !== 'up') this.changeHealth(server, 'up', 'no checks', now);
  }

  private removeServer(key: string, server: DirectedServer, now: Instant): void {
    const inhibited = server.config.inhibitOnFailure && server.health === 'down' ? '(inhibited) ' : '';
    if (server.tableWeight(this.sorryActive) !== undefined)
      this.voice.log(`Removing ${inhibited}service ${server.name} from VS ${this.name}`);
    this.servers.delete(key);
    if (server.health !== 'up') return;
    server.health = 'down';
    server.lastChange = { at: now, reason: 'removed from the configuration' };
    this.voice.serverChanged(server.config, 'down');
    this.voice.mailRemoval(server.config, 'removed');
  }

  private weightChanged(server: DirectedServer, before: number): void {
    this.stale = true;
    if (server.weight === before) return;
    const activity = server.health === 'up' ? 'active' : 'inactive';
    this.voice.log(`Changing weight from ${before} to ${server.weight} for ${activity} service ${server.name} of VS ${this.name}`);
  }

  private changeHealth(server: DirectedServer, state: 'up' | 'down', reason: string, now: Instant): void {
    const first = server.health === 'undecided';
    const expected = server.believed === state;
    server.health = state;
    server.believed = state;
    server.lastChange = { at: now, reason };
    this.stale = true;
    const { inhibitOnFailure } = server.config;
    // Silent are the first verdicts that change nothing: a dead server of an alpha service, a live one that kept its place.
    if (!(first && expected && (state === 'down' || server.inherited))) {
      const verb = state === 'up' ? (inhibitOnFailure ? 'Enabling' : 'Adding') : inhibitOnFailure ? 'Disabling' : 'Removing';
      const preposition = inhibitOnFailure ? 'of' : state === 'up' ? 'to' : 'from';
      this.voice.log(`${verb} service ${server.name} ${preposition} VS ${this.name}`);
    }
    const isNews = !(first && expected) || (state === 'up' && server.inherited === undefined && this.voice.policy.initialNotifies);
    server.inherited = undefined;
    if (isNews) this.voice.serverChanged(server.config, state);
  }

  /** The weight of live servers; `possible` counts those still undecided as well. */
  private possibleWeight(count: 'live' | 'possible'): number {
    let sum = 0;
    for (const server of this.servers.values()) {
      if (server.health === 'up' || (count === 'possible' && server.health === 'undecided')) sum += server.weight;
    }
    return sum;
  }

  /**
   * Gained from quorum + hysteresis on, lost below quorum - hysteresis or without any live weight (keepalived). At the start
   * and after a reload nothing is lost while servers that have not been judged yet could still hold it.
   */
  private updateQuorum(): void {
    const { quorum, hysteresis } = this.config;
    const live = this.possibleWeight('live');
    const holds = (weight: number) => weight > 0 && weight >= quorum - hysteresis;
    if (this.quorum === 'lost') {
      if (live > 0 && live >= quorum + hysteresis) this.announceQuorum('Gained quorum');
    } else if (!holds(this.possibleWeight('possible'))) {
      this.announceQuorum('Lost quorum');
    } else if (this.quorum === 'undecided' && holds(live)) {
      if (!this.inheritedServers) this.voice.startsUp();
      this.quorum = 'up';
      this.stale = true;
    }
  }

  private announceQuorum(event: QuorumChange['event']): void {
    const change = this.quorumChange(event);
    this.voice.log(quorumLogLine(this.config.key, change));
    if (this.sorryActive === change.up) this.logSwap(change.up);
    this.quorum = change.up ? 'up' : 'lost';
    this.stale = true;
    this.voice.quorumChanged(change);
  }

  private quorumChange(event: QuorumChange['event']): QuorumChange {
    const { quorum, hysteresis } = this.config;
    return { up: event === 'Gained quorum', event, quorum, hysteresis, liveWeight: this.possibleWeight('live') };
  }

  /** The real servers take over from the sorry server, or it from them. */
  private logSwap(up: boolean): void {
    const sorry = this.config.sorryServer;
    if (!sorry) return;
    this.logSorryChange(up ? sorry : undefined, up ? undefined : sorry);
    this.voice.log(`${up ? 'Adding alive servers to' : 'Removing alive servers from'} the pool for VS ${this.name}`);
  }

  private logSorryChange(before: RealServerKey | undefined, after: RealServerKey | undefined): void {
    if (before && after && serverKeyText(before) === serverKeyText(after)) return;
    if (before) this.voice.log(`Removing sorry server ${this.nameOf(before)} from VS ${this.name}`);
    if (after) this.voice.log(`Adding sorry server ${this.nameOf(after)} to VS ${this.name}`);
  }

  private nameOf(server: RealServerKey): string {
    return realServerText(this.config.key, server);
  }

  private buildTable(): ServiceTable {
    const rows = new Map<string, RealServer>();
    const { key, scheduler, schedulerFlags, persistence, persistenceEngine, localAddresses, onePacket, defence, timeouts, sorryServer } =
      this.config;
    const displaced = this.sorryActive;
    for (const [id, server] of this.servers) {
      const weight = server.tableWeight(displaced);
      if (weight !== undefined) rows.set(id, server.row(weight));
    }
    if (sorryServer && displaced) rows.set(serverKeyText(sorryServer), sorryServer);
    else if (sorryServer && this.config.sorryServerInhibit && !rows.has(serverKeyText(sorryServer)))
      rows.set(serverKeyText(sorryServer), { ...sorryServer, weight: 0 });
    const staying = this.order.filter((id) => rows.has(id));
    this.order = [...new Set([...staying, ...rows.keys()])];
    const servers = this.order.map((id) => rows.get(id) as RealServer);
    return {
      key,
      scheduler,
      schedulerFlags,
      ...(persistence && { persistence }),
      onePacket,
      ...(persistenceEngine !== undefined && { persistenceEngine }),
      ...(defence && { defence }),
      ...(timeouts && { timeouts }),
      ...(localAddresses && { localAddresses }),
      servers,
    };
  }
}

/** What a server is taken for before its first check has ended: what keepalived takes it for, or what the rows of a predecessor say. */
function assumedState(config: CheckedRealServer, rows: ReadonlyMap<string, number> | undefined): 'up' | 'down' {
  if (!rows) return isAlpha(config) ? 'down' : 'up';
  const weight = rows.get(serverKeyText(config));
  const inhibited = weight === 0 && config.inhibitOnFailure && config.weight > 0;
  return weight === undefined || inhibited ? 'down' : 'up';
}

/** It counts as down until its checks have passed: all of it, or one of its checks. Without checks there is nothing to wait for. */
function isAlpha({ alpha, checks }: CheckedRealServer): boolean {
  return checks.length > 0 && (alpha || checks.some((check) => 'alpha' in check && check.alpha));
}
