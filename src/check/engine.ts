/**
 * Runs every check of a configuration. Pure: connections, bytes and time come in as events, what to do comes out as effects.
 *
 * The schedule is keepalived's with two differences. First checks run at once and in parallel, unless the file asks for a random
 * warm-up; and checks that would do exactly the same for several services run once. The period counts from the end of one
 * round to the start of the next, of programs from start to start. What is random comes from the seed, so a run can be replayed.
 */
import { type Instant, millis, Random, seconds } from '../base/index.ts';
import { type Check, type CheckedService, type ScheduledCheck, serverKeyText, serviceKeyText } from '../model/index.ts';
import { Deadlines } from './deadlines.ts';
import type { Failure, Step } from './dialogue.ts';
import type { CheckEffect, CheckEvent, OpenConnection } from './events.ts';
import { type FollowedNews, followedBy } from './followed.ts';
import { MiscDialogue } from './misc.ts';
import { CheckedServer, checkIdentity, isScheduled, Probe, transportOf } from './probe.ts';
import type { CheckedServerSnapshot } from './snapshot.ts';

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
  /** The last about each thing that checks may follow. */
  private readonly news = new Map<string, FollowedNews>();
  private localAddresses: ReadonlySet<string> = new Set();
  private effects: CheckEffect[] = [];
  private readonly random: Random;
  private lastConnection = 0;
  private starvedRounds = 0;

  constructor(options: CheckEngineOptions = {}, seed = 0) {
    this.random = new Random(seed);
    this.maxConnections = options.maxConnections ?? DEFAULT_MAX_CONNECTIONS;
  }

  handle(event: CheckEvent, now: Instant): void {
    switch (event.type) {
      case 'configure':
        this.configure(event.services, now);
        break;
      case 'tick':
        this.tick(Math.min(event.due ?? now, now), now);
        break;
      case 'number':
      case 'session':
        this.follow(event);
        break;
      case 'addresses':
        this.localAddresses = event.addresses;
        this.judgePresence();
        break;
      case 'stop':
        this.configure([], now);
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

  /** In file order. */
  snapshot(): readonly CheckedServerSnapshot[] {
    return [...this.servers.values()].map((server) => server.snapshot());
  }

  private configure(services: readonly CheckedService[], now: Instant): void {
    const probesBefore = this.probes;
    const serversBefore = this.servers;
    this.probes = new Map();
    this.servers = new Map();
    for (const service of services) {
      for (const server of service.servers) {
        const id = `${serviceKeyText(service.key)} ${serverKeyText(server)}`;
        if (this.servers.has(id)) continue;
        const state = serversBefore.get(id) ?? new CheckedServer(service.key, server);
        state.weight = server.weight;
        state.vip = service.haSuspend && service.key.kind === 'address' ? `${service.key.address}` : undefined;
        state.suspended = this.isAway(state);
        state.followed = server.checks.flatMap((check) => followedBy(check) ?? []);
        for (const news of this.news.values()) for (const followed of state.followed) followed.hear(news);
        this.servers.set(id, state);
        this.assignProbes(state, server.checks, probesBefore, now);
      }
    }
    for (const [id, server] of serversBefore) if (!this.servers.has(id)) this.assignProbes(server, [], probesBefore, now);
    for (const [identity, probe] of probesBefore) if (!this.probes.has(identity)) this.abandon(probe);
    this.suspendIdle();
    for (const server of this.servers.values()) this.announce(server);
  }

  private assignProbes(server: CheckedServer, checks: readonly Check[], before: ReadonlyMap<string, Probe>, now: Instant): void {
    const known = new Set(server.probes);
    for (const probe of known) probe.servers.delete(server);
    server.probes = [...new Set(checks.filter(isScheduled).map((check) => this.adoptProbe(check, before, now)))];
    for (const probe of server.probes) {
      probe.servers.add(server);
      if (!known.has(probe) && !server.suspended) this.log('info', server.activityLine('Activating'));
    }
  }

  /** The probe for a check: of this configuration, kept from the one before, or a new one that runs at once or after its warm-up. */
  private adoptProbe(check: ScheduledCheck, before: ReadonlyMap<string, Probe>, now: Instant): Probe {
    const identity = checkIdentity(check);
    const known = this.probes.get(identity) ?? before.get(identity);
    const probe = known ?? new Probe(check);
    if (!known && check.warmup > 0) this.deadlines.set(probe, now + Math.floor((this.random.uint32() / 2 ** 32) * check.warmup));
    else if (!known) this.begin(probe);
    this.probes.set(identity, probe);
    return probe;
  }

  private abandon(probe: Probe): void {
    this.deadlines.delete(probe);
    this.ready.delete(probe);
    this.closeConnection(probe);
  }

  /** Every server that follows the thing is judged and weighed anew. */
  private follow(news: FollowedNews): void {
    this.news.set(news.type === 'number' ? `file ${news.trackFile}` : `session ${news.session}`, news);
    for (const server of this.servers.values()) {
      const before = server.followed.map(({ verdict }) => verdict);
      for (const followed of server.followed) followed.hear(news);
      this.announce(server);
      for (const [i, { check, verdict }] of server.followed.entries())
        if (verdict !== before[i] && verdict !== 'undecided') this.reportChange(server, check.kind, verdict, before[i] === 'undecided');
    }
  }

  private isAway({ vip }: CheckedServer): boolean {
    return vip !== undefined && !this.localAddresses.has(vip);
  }

  /** VIPs came to this host or left it. */
  private judgePresence(): void {
    for (const server of this.servers.values()) {
      const suspended = this.isAway(server);
      if (suspended === server.suspended) continue;
      server.suspended = suspended;
      if (server.probes.length > 0) this.log('info', server.activityLine(suspended ? 'Suspending' : 'Activating'));
    }
    this.suspendIdle();
  }

  /** Probes that nobody asks any more rest with the verdict that they have; those that somebody asks again run at once. */
  private suspendIdle(): void {
    for (const probe of this.probes.values()) {
      const { isIdle } = probe;
      if (isIdle === (probe.phase === 'suspended')) continue;
      if (!isIdle) {
        this.begin(probe);
        continue;
      }
      this.abandon(probe);
      probe.dialogue = undefined;
      probe.retries = 0;
      probe.phase = 'suspended';
    }
  }

  private tick(due: Instant, now: Instant): void {
    for (let probe = this.deadlines.popDue(due); probe; probe = this.deadlines.popDue(due)) {
      if (probe.phase === 'waiting') this.begin(probe);
      else if (probe.dialogue) this.advance(probe, probe.dialogue.timedOut(probe.phase === 'talking'), now);
    }
  }

  /** A round begins; it gets its connection at the end of this event, if one is free. */
  private begin(probe: Probe): void {
    probe.phase = 'ready';
    probe.dialogue = probe.newDialogue(this.random);
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
    const { check } = probe;
    const connection = ++this.lastConnection;
    probe.connection = connection;
    probe.phase = 'connecting';
    probe.startedAt = now;
    probe.exchangeLimit = now + EXCHANGE_TIMEOUTS * probe.patience;
    this.connections.set(connection, probe);
    this.deadlines.set(probe, now + probe.patience);
    this.effects.push(check.kind === 'misc' ? { type: 'run', connection, command: check.command } : openingOf(check, connection));
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
      case 'exited':
        if (dialogue instanceof MiscDialogue) this.advance(probe, dialogue.exited(event.end), now);
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
        this.passed(probe, step.weight, now);
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
    this.deadlines.set(probe, Math.min(now + probe.patience, probe.exchangeLimit));
  }

  private passed(probe: Probe, weight: number | undefined, now: Instant): void {
    this.endRound(probe, this.nextRound(probe, now));
    probe.retries = 0;
    const sameWeight = probe.weight === weight;
    probe.weight = weight;
    if (probe.verdict === 'up' && sameWeight) return;
    probe.reason = `${probe.title} succeeded${weight === undefined ? '' : ` with weight ${weight}`}`;
    if (probe.verdict !== 'up') this.logAbout(probe, 'info', (server) => probe.upLine(server));
    this.decide(probe, 'up');
  }

  private failed(probe: Probe, failure: Failure, now: Instant): void {
    const { retry, delayBeforeRetry, logAllFailures } = probe.check;
    this.logAbout(probe, logAllFailures ? 'info' : 'debug', ({ name }) => failure.line(name));
    if (probe.verdict === 'up' && probe.retries < retry) {
      probe.retries++;
      this.endRound(probe, now + Math.max(delayBeforeRetry, SHORTEST_DELAY));
      return;
    }
    this.endRound(probe, this.nextRound(probe, now));
    if (probe.verdict === 'down') return;
    const after = probe.retries === 0 ? '' : ` after ${probe.retries} retries`;
    probe.reason = `${probe.title} failed${after}: ${failure.reason}`;
    probe.retries = 0;
    this.logAbout(probe, 'info', (server) => probe.downLine(server, after, failure.reason));
    this.decide(probe, 'down');
  }

  /** The fault is this machine's: the round does not count and is tried again soon. */
  private putOff(probe: Probe, error: string, now: Instant): void {
    this.starvedRounds++;
    if (!probe.starved)
      this.logAbout(probe, 'warning', ({ name }) => `${probe.title} of ${name}: cannot open a connection (${error}). Rescheduling.`);
    probe.starved = true;
    this.endRound(probe, now + STARVED_DELAY);
  }

  private nextRound({ check, startedAt }: Probe, now: Instant): Instant {
    return Math.max((check.kind === 'misc' ? startedAt : now) + check.delayLoop, now + SHORTEST_DELAY);
  }

  private endRound(probe: Probe, next: Instant): void {
    this.closeConnection(probe);
    probe.dialogue = undefined;
    probe.phase = 'waiting';
    this.deadlines.set(probe, next);
  }

  private closeConnection(probe: Probe): void {
    if (probe.connection === undefined) return;
    this.effects.push({ type: 'close', connection: probe.connection });
    this.connections.delete(probe.connection);
    probe.connection = undefined;
  }

  private decide(probe: Probe, verdict: 'up' | 'down'): void {
    const before = probe.verdict;
    probe.verdict = verdict;
    for (const server of probe.servers) {
      this.announce(server);
      if (verdict !== before) this.reportChange(server, probe.check.kind, verdict, before === 'undecided');
    }
  }

  private reportChange({ service, server }: CheckedServer, check: Check['kind'], state: 'up' | 'down', first: boolean): void {
    this.effects.push({ type: 'check-changed', change: { service, server, check, state, first } });
  }

  private announce(server: CheckedServer): void {
    const verdict = server.news();
    if (verdict) this.effects.push({ type: 'verdict', verdict });
  }

  /** Each different line once: services may know one server under one name. */
  private logAbout(probe: Probe, level: 'debug' | 'info' | 'warning', line: (server: CheckedServer) => string): void {
    for (const text of new Set([...probe.servers].map(line))) this.log(level, text);
  }

  private log(level: 'debug' | 'info' | 'warning', message: string): void {
    this.effects.push({ type: 'log', level, message });
  }
}

function openingOf(check: Exclude<ScheduledCheck, { kind: 'misc' }>, connection: number): OpenConnection {
  const { address, port, bindAddress, bindPort } = check.target;
  const transport = transportOf(check.kind);
  return {
    type: 'open',
    connection,
    transport,
    address,
    port: transport === 'icmp' ? 0 : port,
    ...(bindAddress && { bindAddress }),
    ...(bindPort !== undefined && { bindPort }),
    ...(check.kind === 'http' && check.tls && { tls: check.tls }),
  };
}
