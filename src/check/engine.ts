/**
 * Runs every check of a configuration. Pure: connections, bytes and time come in as events, what to do comes out as effects.
 *
 * The schedule is keepalived's with two differences. First checks run at once and in parallel, without a random warm-up; and
 * checks that would do exactly the same for several services run once. The period counts from the end of one round to
 * the start of the next. Nothing is random, so a run can be replayed from its events.
 */
import { type Instant, millis, seconds } from '../base/index.ts';
import { type Check, type CheckedService, serverKeyText, serviceKeyText } from '../model/index.ts';
import { Deadlines } from './deadlines.ts';
import type { Failure, Step } from './dialogue.ts';
import type { CheckEffect, CheckEvent } from './events.ts';
import { CheckedServer, checkIdentity, Probe } from './probe.ts';

export interface CheckEngineOptions {
  /** Connections open at the same time; further checks wait for their turn. Keeps thousands of first checks within the process's descriptors. */
  readonly maxConnections?: number;
}

const DEFAULT_MAX_CONNECTIONS = 2048;
/** Time-outs measure silence; a server that trickles bytes for ever is cut off after this many of them. */
const EXCHANGE_TIMEOUTS = 10;
const STARVED_DELAY = seconds(1);
/** A delay of 0 in the file must not become a busy loop. */
const SHORTEST_DELAY = millis(10);

/** Numbers for `status` and metrics. */
export interface CheckCounts {
  readonly servers: number;
  /** At most as many as there are checks in the file: equal ones share. */
  readonly probes: number;
  readonly openConnections: number;
  /** Checks that wait for a free connection. */
  readonly waiting: number;
  /** Rounds put off because this machine had no descriptors or buffers. */
  readonly starved: number;
}

export class CheckEngine {
  private readonly maxConnections: number;
  private readonly deadlines = new Deadlines<Probe>();
  private readonly connections = new Map<number, Probe>();
  /** Due probes that wait for a free connection, first come first served. */
  private readonly ready = new Set<Probe>();
  private probes = new Map<string, Probe>();
  private servers = new Map<string, CheckedServer>();
  private effects: CheckEffect[] = [];
  private lastConnection = 0;
  private starvedRounds = 0;

  constructor(options: CheckEngineOptions = {}) {
    this.maxConnections = options.maxConnections ?? DEFAULT_MAX_CONNECTIONS;
  }

  handle(event: CheckEvent, now: Instant): void {
    switch (event.type) {
      case 'configure':
        this.configure(event.services);
        break;
      case 'tick':
        this.tick(Math.min(event.due ?? now, now), now);
        break;
      case 'stop':
        this.configure([]);
        break;
      default:
        this.handleConnection(event, now);
    }
    this.openReady(now);
  }

  /** The effects so far, in the order in which they are to be performed. */
  drain(): CheckEffect[] {
    const effects = this.effects;
    this.effects = [];
    return effects;
  }

  nextDeadline(): Instant | undefined {
    return this.deadlines.next();
  }

  counts(): CheckCounts {
    return {
      servers: this.servers.size,
      probes: this.probes.size,
      openConnections: this.connections.size,
      waiting: this.ready.size,
      starved: this.starvedRounds,
    };
  }

  private configure(services: readonly CheckedService[]): void {
    const probesBefore = this.probes;
    const serversBefore = this.servers;
    this.probes = new Map();
    this.servers = new Map();
    for (const service of services) {
      for (const server of service.servers) {
        const id = `${serviceKeyText(service.key)} ${serverKeyText(server)}`;
        if (this.servers.has(id)) continue;
        const state = serversBefore.get(id) ?? new CheckedServer(service.key, server);
        this.servers.set(id, state);
        this.assignProbes(state, server.checks, probesBefore);
      }
    }
    for (const [id, server] of serversBefore) if (!this.servers.has(id)) this.assignProbes(server, [], probesBefore);
    for (const [identity, probe] of probesBefore) if (!this.probes.has(identity)) this.abandon(probe);
    for (const server of this.servers.values()) this.announce(server);
  }

  private assignProbes(server: CheckedServer, checks: readonly Check[], before: ReadonlyMap<string, Probe>): void {
    const known = new Set(server.probes);
    for (const probe of known) probe.servers.delete(server);
    server.probes = [...new Set(checks.map((check) => this.adoptProbe(check, before)))];
    for (const probe of server.probes) {
      probe.servers.add(server);
      if (!known.has(probe)) this.log('info', `Activating healthchecker for service ${server.name} for VS ${server.serviceName}`);
    }
  }

  /** The probe for a check: of this configuration, kept from the one before, or a new one that runs at once. */
  private adoptProbe(check: Check, before: ReadonlyMap<string, Probe>): Probe {
    const identity = checkIdentity(check);
    const known = this.probes.get(identity) ?? before.get(identity);
    const probe = known ?? new Probe(check);
    if (!known) this.begin(probe);
    this.probes.set(identity, probe);
    return probe;
  }

  private abandon(probe: Probe): void {
    this.deadlines.delete(probe);
    this.ready.delete(probe);
    this.closeConnection(probe);
  }

  private tick(due: Instant, now: Instant): void {
    for (let probe = this.deadlines.popDue(due); probe; probe = this.deadlines.popDue(due)) {
      if (probe.phase === 'waiting') this.begin(probe);
      else if (probe.dialogue) this.failed(probe, probe.dialogue.timedOut(probe.phase === 'talking'), now);
    }
  }

  /** A round begins; it gets its connection at the end of this event, if one is free. */
  private begin(probe: Probe): void {
    probe.phase = 'ready';
    probe.dialogue = probe.newDialogue();
    this.ready.add(probe);
  }

  private openReady(now: Instant): void {
    for (const probe of this.ready) {
      if (this.connections.size >= this.maxConnections) return;
      this.ready.delete(probe);
      this.open(probe, now);
    }
  }

  private open(probe: Probe, now: Instant): void {
    const { target, connectTimeout } = probe.check;
    const connection = ++this.lastConnection;
    probe.connection = connection;
    probe.phase = 'connecting';
    probe.exchangeLimit = now + EXCHANGE_TIMEOUTS * connectTimeout;
    this.connections.set(connection, probe);
    this.deadlines.set(probe, now + connectTimeout);
    this.effects.push({
      type: 'open',
      connection,
      address: target.address,
      port: target.port,
      ...(target.bindAddress ? { bindAddress: target.bindAddress } : {}),
    });
  }

  private handleConnection(event: Extract<CheckEvent, { connection: number }>, now: Instant): void {
    const probe = this.connections.get(event.connection);
    const dialogue = probe?.dialogue;
    if (!probe || !dialogue) return;
    switch (event.type) {
      case 'connected':
        probe.phase = 'talking';
        probe.starved = false;
        this.advance(probe, dialogue.connected(), now);
        break;
      case 'data':
        this.advance(probe, dialogue.data(event.bytes), now);
        break;
      case 'ended':
        this.advance(probe, dialogue.ended(), now);
        break;
      case 'broken':
        this.failed(probe, dialogue.broken(probe.phase === 'talking', event.error), now);
        break;
      case 'starved':
        this.putOff(probe, event.error, now);
    }
  }

  private advance(probe: Probe, step: Step, now: Instant): void {
    switch (step.kind) {
      case 'failed':
        this.failed(probe, step.failure, now);
        break;
      case 'passed':
        this.passed(probe, now);
        break;
      case 'reconnect':
        this.closeConnection(probe);
        this.open(probe, now);
        break;
      case 'send':
        this.effects.push({ type: 'send', connection: probe.connection as number, bytes: step.bytes });
        this.extend(probe, now);
        break;
      case 'wait':
        this.extend(probe, now);
    }
  }

  /** Something happened: the silence that counts begins anew. */
  private extend(probe: Probe, now: Instant): void {
    this.deadlines.set(probe, Math.min(now + probe.check.connectTimeout, probe.exchangeLimit));
  }

  private passed(probe: Probe, now: Instant): void {
    this.endRound(probe, now, probe.check.delayLoop);
    probe.retries = 0;
    if (probe.verdict === 'up') return;
    probe.reason = `${probe.title} succeeded`;
    this.logAbout(probe, 'info', (name) =>
      probe.check.kind === 'tcp' ? `TCP connection to ${name} success.` : `Remote Web server ${name} succeed on service.`,
    );
    this.decide(probe, 'up');
  }

  private failed(probe: Probe, failure: Failure, now: Instant): void {
    const { retry, delayBeforeRetry, delayLoop } = probe.check;
    this.logAbout(probe, 'debug', failure.line);
    if (probe.verdict === 'up' && probe.retries < retry) {
      probe.retries++;
      this.endRound(probe, now, delayBeforeRetry);
      return;
    }
    this.endRound(probe, now, delayLoop);
    if (probe.verdict === 'down') return;
    const after = probe.retries === 0 ? '' : ` after ${probe.retries} retries`;
    probe.reason = `${probe.title} failed${after}: ${failure.reason}`;
    probe.retries = 0;
    this.logAbout(probe, 'info', (name) => `${probe.title} on service ${name} failed${after}.`);
    this.decide(probe, 'down');
  }

  /** The fault is this machine's: the round does not count and is tried again soon. */
  private putOff(probe: Probe, error: string, now: Instant): void {
    this.starvedRounds++;
    if (!probe.starved)
      this.logAbout(probe, 'warning', (name) => `${probe.title} of ${name}: cannot open a connection (${error}). Rescheduling.`);
    probe.starved = true;
    this.endRound(probe, now, STARVED_DELAY);
  }

  private endRound(probe: Probe, now: Instant, delay: number): void {
    this.closeConnection(probe);
    probe.dialogue = undefined;
    probe.phase = 'waiting';
    this.deadlines.set(probe, now + Math.max(delay, SHORTEST_DELAY));
  }

  private closeConnection(probe: Probe): void {
    if (probe.connection === undefined) return;
    this.effects.push({ type: 'close', connection: probe.connection });
    this.connections.delete(probe.connection);
    probe.connection = undefined;
  }

  private decide(probe: Probe, verdict: 'up' | 'down'): void {
    probe.verdict = verdict;
    for (const server of probe.servers) this.announce(server);
  }

  private announce(server: CheckedServer): void {
    const verdict = server.news();
    if (verdict) this.effects.push({ type: 'verdict', verdict });
  }

  /** One line for each name under which the services know the server. */
  private logAbout(probe: Probe, level: 'debug' | 'info' | 'warning', line: (name: string) => string): void {
    for (const name of new Set([...probe.servers].map((server) => server.name))) this.log(level, line(name));
  }

  private log(level: 'debug' | 'info' | 'warning', message: string): void {
    this.effects.push({ type: 'log', level, message });
  }
}
