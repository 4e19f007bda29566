/** What the engine knows: probes, each with what it has found so far, and the servers that they speak for. */
import type { Instant, Random } from '../base/index.ts';
import {
  type Check,
  type CheckedRealServer,
  type RealServerKey,
  realServerText,
  type ScheduledCheck,
  type ServerVerdict,
  type ServiceKey,
  serviceKeyText,
} from '../model/index.ts';
import type { CheckVerdict, Dialogue } from './dialogue.ts';
import { DnsDialogue } from './dns.ts';
import type { Transport } from './events.ts';
import type { Followed } from './followed.ts';
import { HttpDialogue } from './http.ts';
import { commandText, MiscDialogue } from './misc.ts';
import { PingDialogue } from './ping.ts';
import { SmtpDialogue } from './smtp.ts';
import type { CheckedServerSnapshot } from './snapshot.ts';
import { TcpDialogue } from './tcp.ts';
import { UdpDialogue } from './udp.ts';

/** A server's weight is a positive number of 31 bits in the kernel. */
const MAX_WEIGHT = 0x7fffffff;

/**
 * `waiting` for its time; `ready` but held back by the limit on open connections; `connecting`; `talking`; `suspended` while all its
 * servers are.
 */
type ProbePhase = 'waiting' | 'ready' | 'connecting' | 'talking' | 'suspended';

/** Checks that follow something else (FILE_CHECK, BFD_CHECK) have no schedule. */
export function isScheduled(check: Check): check is ScheduledCheck {
  return check.kind !== 'file' && check.kind !== 'bfd';
}

/** A check of one target with one set of parameters. */
export class Probe {
  readonly check: ScheduledCheck;
  /** The servers, of any services, that this probe speaks for. */
  readonly servers = new Set<CheckedServer>();
  phase: ProbePhase = 'waiting';
  verdict: CheckVerdict = 'undecided';
  /** Why the verdict is what it is, for a person. */
  reason = 'not checked yet';
  /** Failures since the last success, short of a verdict. */
  retries = 0;
  dialogue: Dialogue | undefined;
  connection: number | undefined;
  /** When the round began. */
  startedAt: Instant = 0;
  /** The weight that the last success gave to its servers. */
  weight: number | undefined;
  /** When the current connection must have given its answer, however lively it is. */
  exchangeLimit = 0;
  /** This machine could not open a connection (no descriptors left), and that was logged. */
  starved = false;

  constructor(check: ScheduledCheck) {
    this.check = check;
  }

  /** Nobody wants to know what it would find. */
  get isIdle(): boolean {
    for (const server of this.servers) if (!server.suspended) return false;
    return true;
  }

  /** keepalived's name for the kind of check. */
  get title(): string {
    const { check } = this;
    return check.kind === 'http' ? (check.tls ? 'SSL_CHECK' : 'HTTP_CHECK') : `${check.kind.toUpperCase()}_CHECK`;
  }

  /** How long the silence may last that counts as failure. */
  get patience(): number {
    return this.check.kind === 'misc' ? this.check.timeout : this.check.connectTimeout;
  }

  newDialogue(random: Random): Dialogue {
    const { check } = this;
    switch (check.kind) {
      case 'tcp':
        return new TcpDialogue();
      case 'http':
        return new HttpDialogue(check);
      case 'smtp':
        return new SmtpDialogue(check);
      case 'dns':
        return new DnsDialogue(check, random);
      case 'udp':
        return new UdpDialogue(check, random);
      case 'ping':
        return new PingDialogue(check, random);
      case 'misc':
        return new MiscDialogue(check);
    }
  }

  /** keepalived's log line about a server that came up. */
  upLine({ name, serviceName }: CheckedServer): string {
    const { check } = this;
    switch (check.kind) {
      case 'http':
        return `Remote Web server ${name} succeed on service.`;
      case 'smtp':
        return `Remote SMTP server ${name} succeed on service.`;
      case 'misc':
        return `Misc check for [${name} VS ${serviceName}] by [${commandText(check)}] succeeded.`;
      case 'ping':
        return `ICMP connection to ${name} success.`;
      default:
        return `${check.kind.toUpperCase()} connection to ${name} success.`;
    }
  }

  /** keepalived's log line about a server that went down. */
  downLine({ name, serviceName }: CheckedServer, after: string, reason: string): string {
    if (this.check.kind !== 'misc') return `${this.title} on service ${name} failed${after}.`;
    return `Misc check for [${name} VS ${serviceName}] by [${commandText(this.check)}] failed${after} (${reason}).`;
  }
}

/** What carries a check. A program has no transport. */
export function transportOf(kind: Exclude<ScheduledCheck['kind'], 'misc'>): Transport {
  if (kind === 'dns' || kind === 'udp') return 'udp';
  return kind === 'ping' ? 'icmp' : 'tcp';
}

/** A real server of one service: the checks that speak for it, and what was said last. */
export class CheckedServer {
  readonly service: ServiceKey;
  readonly server: RealServerKey;
  /** keepalived's name of the real server, `[10.0.0.1]:tcp:80`, and of its service. */
  readonly name: string;
  readonly serviceName: string;
  probes: readonly Probe[] = [];
  followed: readonly Followed[] = [];
  /** The address that must be on this host for its checks to run (`ha_suspend`). */
  vip: string | undefined;
  /** That address is not here. */
  suspended = false;
  /** As configured. */
  weight: number;
  private announced: 'up' | 'down' | undefined;
  private announcedWeight: number | undefined;

  constructor(service: ServiceKey, server: CheckedRealServer) {
    this.service = service;
    this.server = { address: server.address, port: server.port };
    this.weight = server.weight;
    this.name = realServerText(service, server);
    this.serviceName = serviceKeyText(service);
  }

  /**
   * The verdict to announce, if it is another one than last time: down as soon as one check is down, up when all are up.
   * While checks are undecided and none is down, what was said last stands.
   */
  news(): ServerVerdict | undefined {
    const opinions = [...this.probes, ...this.followed];
    const last = opinions.at(-1);
    if (!last) {
      this.announced = undefined;
      return undefined;
    }
    const down = opinions.find(({ verdict }) => verdict === 'down');
    const state = down ? 'down' : opinions.every(({ verdict }) => verdict === 'up') ? 'up' : undefined;
    const weight = this.measuredWeight();
    if (!state || (state === this.announced && weight === this.announcedWeight)) return undefined;
    this.announced = state;
    this.announcedWeight = weight;
    const decider = down ?? last;
    return {
      service: this.service,
      server: this.server,
      state,
      check: decider.check.kind,
      ...(weight !== undefined && { weight }),
      reason: decider.reason,
    };
  }

  /** keepalived's line about checks that begin or pause. */
  activityLine(activity: 'Activating' | 'Suspending'): string {
    return `${activity} healthchecker for service ${this.name} for VS ${this.serviceName}`;
  }

  snapshot(): CheckedServerSnapshot {
    const { service, server, suspended } = this;
    return {
      service,
      server,
      suspended,
      checks: [
        ...this.probes.map(({ title, verdict, reason, retries }) => ({ name: title, verdict, reason, retries })),
        ...this.followed.map(({ check, verdict, reason }) => ({ name: `${check.kind.toUpperCase()}_CHECK`, verdict, reason, retries: 0 })),
      ],
    };
  }

  /** Where several checks give a weight, each adds its difference to the configured one (keepalived). */
  private measuredWeight(): number | undefined {
    const differences = this.probes.flatMap(({ weight }) => (weight === undefined ? [] : [weight - this.weight]));
    for (const { difference } of this.followed) if (difference !== undefined) differences.push(difference);
    if (differences.length === 0) return undefined;
    const weight = differences.reduce((sum, difference) => sum + difference, this.weight);
    return Math.min(Math.max(weight, 0), MAX_WEIGHT);
  }
}

/** Equal for checks that would do exactly the same: these share one probe, whichever services they stand in. */
export function checkIdentity(check: ScheduledCheck): string {
  return JSON.stringify(check, (_key, value) => (value instanceof Uint8Array ? [...value] : value));
}
