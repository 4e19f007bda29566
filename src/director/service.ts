/** One virtual service as the director sees it: its servers, its quorum, and the table it wants. */
import type { Instant } from '../base/index.ts';
import {
  type CheckedRealServer,
  type CheckedService,
  type RealServer,
  type RealServerKey,
  realServerText,
  type ScriptCommand,
  type ServerVerdict,
  type ServiceTable,
  serverKeyText,
  serviceKeyText,
} from '../model/index.ts';
import { composeQuorumMail, composeRemovalMail, composeVerdictMail, type Mail, type QuorumChange, quorumLogLine } from './mail.ts';
import { DirectedServer } from './server.ts';
import type { QuorumState, ServiceSnapshot } from './snapshot.ts';

/** Where a service's announcements go: the engine's list of effects. */
export interface Outbox {
  /** Node label in mail subjects; a reload may change it. */
  routerId: string;
  log(message: string): void;
  mail(mail: Mail): void;
  script(command: ScriptCommand, object: string): void;
}

export class DirectedService {
  private readonly name: string;
  private readonly outbox: Outbox;
  private config: CheckedService;
  /** In file order. */
  private servers = new Map<string, DirectedServer>();
  private quorum: QuorumState = 'undecided';
  /** The sorry server served when this process took over; it stays until the quorum is decided. */
  private inheritedSorry = false;
  /** Keys of the rows in the order in which they were added, which is the order that the data plane schedules by. */
  private order: string[] = [];
  private current: ServiceTable | undefined;
  private stale = true;

  constructor(config: CheckedService, inherited: ServiceTable | undefined, now: Instant, outbox: Outbox) {
    this.name = serviceKeyText(config.key);
    this.config = config;
    this.outbox = outbox;
    if (inherited) this.order = inherited.servers.map(serverKeyText);
    this.inheritedSorry = config.sorryServer !== undefined && this.order.includes(serverKeyText(config.sorryServer));
    this.addServers(new Map(inherited?.servers.map((server) => [serverKeyText(server), server.weight])), now);
    if (config.alpha && !inherited && this.possibleWeight('live') === 0) this.announceQuorum('Starting with quorum down');
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
  reconfigure(config: CheckedService, now: Instant): void {
    const sorryBefore = this.sorryActive ? this.config.sorryServer : undefined;
    const wanted = new Map(config.servers.map((server) => [serverKeyText(server), server]));
    this.config = config;
    for (const [key, server] of this.servers) {
      const next = wanted.get(key);
      if (next) {
        this.changeServer(server, next, now);
      } else {
        this.outbox.log(`service ${server.name} no longer exist`);
        this.removeServer(key, server, now);
      }
    }
    this.addServers(new Map(), now);
    this.logSorryChange(sorryBefore, this.sorryActive ? config.sorryServer : undefined);
    this.stale = true;
    this.updateQuorum();
  }

  /** What the checks say about a server. One that a reload took away meanwhile is ignored. */
  verdict(verdict: ServerVerdict, now: Instant): void {
    const server = this.servers.get(serverKeyText(verdict.server));
    if (!server || server.health === verdict.state) return;
    const before = server.believed;
    this.changeHealth(server, verdict.state, verdict.reason, now);
    this.updateQuorum();
    if (server.believed !== before && server.config.smtpAlert) this.outbox.mail(composeVerdictMail(this.outbox.routerId, verdict));
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

  /** The service left the configuration: its servers are reported as removed and its quorum as lost; no sorry server steps in. */
  remove(now: Instant): void {
    this.outbox.log(`Removing Virtual Server ${this.name}`);
    for (const [key, server] of this.servers) this.removeServer(key, server, now);
    if (this.quorum === 'up') this.notifyQuorum(this.quorumChange('Lost quorum'));
  }

  /** The daemon ends: one log line for each server in the table, nothing else (keepalived without `omega`). */
  shutDown(): void {
    for (const server of this.servers.values()) {
      if (server.tableWeight(this.sorryActive) !== undefined) this.outbox.log(`Shutting down service ${server.name} from VS ${this.name}`);
    }
  }

  snapshot(): ServiceSnapshot {
    const { key, quorum, hysteresis, sorryServer } = this.config;
    const active = this.sorryActive;
    return {
      key,
      quorum: { state: this.quorum, required: quorum, hysteresis, liveWeight: this.possibleWeight('live') },
      ...(sorryServer ? { sorryServer: { address: sorryServer.address, port: sorryServer.port, active } } : {}),
      servers: [...this.servers.values()].map((server) => server.snapshot(active)),
    };
  }

  private get sorryActive(): boolean {
    return this.config.sorryServer !== undefined && (this.quorum === 'lost' || (this.quorum === 'undecided' && this.inheritedSorry));
  }

  /** Brings `servers` into file order with the new ones in place. A server without checks is up at once. */
  private addServers(inherited: ReadonlyMap<string, number>, now: Instant): void {
    const servers = new Map<string, DirectedServer>();
    for (const config of this.config.servers) {
      const key = serverKeyText(config);
      if (servers.has(key)) continue;
      const known = this.servers.get(key);
      const assumed = this.config.alpha && config.checks.length > 0 ? 'down' : 'up';
      const server = known ?? new DirectedServer(this.config.key, config, assumed, inherited.get(key));
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
      this.outbox.log(`Removing ${inhibited}service ${server.name} from VS ${this.name}`);
    this.servers.delete(key);
    if (server.health !== 'up') return;
    server.health = 'down';
    server.lastChange = { at: now, reason: 'removed from the configuration' };
    if (server.config.notifyDown) this.outbox.script(server.config.notifyDown, server.name);
    if (server.config.smtpAlert) this.outbox.mail(composeRemovalMail(this.outbox.routerId, this.config.key, server.config));
  }

  private weightChanged(server: DirectedServer, before: number): void {
    this.stale = true;
    if (server.weight === before) return;
    const activity = server.health === 'up' ? 'active' : 'inactive';
    this.outbox.log(`Changing weight from ${before} to ${server.weight} for ${activity} service ${server.name} of VS ${this.name}`);
  }

  private changeHealth(server: DirectedServer, state: 'up' | 'down', reason: string, now: Instant): void {
    const first = server.health === 'undecided';
    const expected = server.believed === state;
    server.health = state;
    server.believed = state;
    server.lastChange = { at: now, reason };
    this.stale = true;
    const { inhibitOnFailure, notifyUp, notifyDown } = server.config;
    // Silent are the first verdicts that change nothing: a dead server of an alpha service, a live one that kept its place.
    if (!(first && expected && (state === 'down' || server.inherited))) {
      const verb = state === 'up' ? (inhibitOnFailure ? 'Enabling' : 'Adding') : inhibitOnFailure ? 'Disabling' : 'Removing';
      const preposition = inhibitOnFailure ? 'of' : state === 'up' ? 'to' : 'from';
      this.outbox.log(`${verb} service ${server.name} ${preposition} VS ${this.name}`);
    }
    server.inherited = undefined;
    const script = state === 'up' ? notifyUp : notifyDown;
    if (script && !(first && expected && state === 'up')) this.outbox.script(script, server.name);
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
      if (this.inheritedSorry) this.logSwap(true);
      this.quorum = 'up';
      this.stale = true;
    }
  }

  private announceQuorum(event: QuorumChange['event']): void {
    const change = this.quorumChange(event);
    this.outbox.log(quorumLogLine(this.config.key, change));
    if (this.sorryActive === change.up) this.logSwap(change.up);
    this.quorum = change.up ? 'up' : 'lost';
    this.stale = true;
    this.notifyQuorum(change);
  }

  private quorumChange(event: QuorumChange['event']): QuorumChange {
    const { quorum, hysteresis } = this.config;
    return { up: event === 'Gained quorum', event, quorum, hysteresis, liveWeight: this.possibleWeight('live') };
  }

  private notifyQuorum(change: QuorumChange): void {
    const { key, quorumUp, quorumDown, smtpAlert } = this.config;
    const script = change.up ? quorumUp : quorumDown;
    if (script) this.outbox.script(script, this.name);
    if (smtpAlert) this.outbox.mail(composeQuorumMail(this.outbox.routerId, key, change));
  }

  /** The real servers take over from the sorry server, or it from them. */
  private logSwap(up: boolean): void {
    const sorry = this.config.sorryServer;
    if (!sorry) return;
    this.logSorryChange(up ? sorry : undefined, up ? undefined : sorry);
    this.outbox.log(`${up ? 'Adding alive servers to' : 'Removing alive servers from'} the pool for VS ${this.name}`);
  }

  private logSorryChange(before: RealServerKey | undefined, after: RealServerKey | undefined): void {
    if (before && after && serverKeyText(before) === serverKeyText(after)) return;
    if (before) this.outbox.log(`Removing sorry server ${this.nameOf(before)} from VS ${this.name}`);
    if (after) this.outbox.log(`Adding sorry server ${this.nameOf(after)} to VS ${this.name}`);
  }

  private nameOf(server: RealServerKey): string {
    return realServerText(this.config.key, server);
  }

  private buildTable(): ServiceTable {
    const rows = new Map<string, RealServer>();
    const { key, scheduler, schedulerFlags, persistence, onePacket, sorryServer } = this.config;
    const displaced = this.sorryActive;
    for (const [id, server] of this.servers) {
      const weight = server.tableWeight(displaced);
      if (weight !== undefined) rows.set(id, server.row(weight));
    }
    if (displaced && sorryServer) rows.set(serverKeyText(sorryServer), sorryServer);
    const staying = this.order.filter((id) => rows.has(id));
    this.order = [...new Set([...staying, ...rows.keys()])];
    const servers = this.order.map((id) => rows.get(id) as RealServer);
    return { key, scheduler, schedulerFlags, ...(persistence ? { persistence } : {}), onePacket, servers };
  }
}
