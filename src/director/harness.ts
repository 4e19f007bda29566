/** For tests: services, servers, and a desk that drives one director engine and keeps what it wants and says. */
import { type Instant, IpAddress, seconds } from '../base/index.ts';
import type { Check, CheckedRealServer, CheckedService, RealServer, ServiceKey, ServiceTable } from '../model/index.ts';
import { DirectorEngine, type DirectorEngineOptions } from './engine.ts';
import type { DirectorEffect } from './events.ts';
import type { NoticePolicy } from './voice.ts';

export const ip = (text: string) => IpAddress.parse(text) as IpAddress;
export const RS1 = '192.168.18.201';
export const RS2 = '192.168.18.202';
export const SORRY = '192.168.18.250';
export const KEY: ServiceKey = { kind: 'address', protocol: 'tcp', address: ip('192.168.18.200'), port: 80 };
export const OTHER: ServiceKey = { ...KEY, port: 443 };

export const CHECK: Check = {
  kind: 'http',
  target: { address: ip(RS1), port: 80, mark: 0 },
  urls: [{ path: '/', statusCodes: [] }],
  httpVersion: '1.0',
  connectionClose: false,
  fastRecovery: false,
  delayLoop: seconds(6),
  connectTimeout: seconds(2),
  retry: 3,
  delayBeforeRetry: seconds(1),
  warmup: 0,
  alpha: false,
  logAllFailures: false,
};

export function row(address: string, weight = 1): RealServer {
  return { address: ip(address), port: 80, method: 'dr', weight, upperThreshold: 0, lowerThreshold: 0 };
}

export function server(address: string, changes: Partial<CheckedRealServer> = {}): CheckedRealServer {
  return { ...row(address), checks: [CHECK], inhibitOnFailure: false, alpha: false, smtpAlert: true, ...changes };
}

export function service(changes: Partial<CheckedService> = {}): CheckedService {
  return {
    key: KEY,
    scheduler: 'rr',
    schedulerFlags: [],
    onePacket: false,
    quorum: 1,
    hysteresis: 0,
    alpha: false,
    sorryServerInhibit: false,
    omega: false,
    haSuspend: false,
    smtpAlert: false,
    servers: [server(RS1), server(RS2)],
    ...changes,
  };
}

/** Drives one engine and keeps what it wants and says. */
export class Desk {
  readonly engine: DirectorEngine;
  now: Instant = 0;
  tables: readonly ServiceTable[] = [];
  private effects: DirectorEffect[] = [];
  private readonly policy: NoticePolicy;
  /** What the only check of each server said last. */
  private readonly said = new Map<string, 'up' | 'down'>();

  constructor(options?: DirectorEngineOptions, policy: Partial<NoticePolicy> = {}) {
    this.engine = new DirectorEngine(options);
    this.policy = { routerId: 'LVS_DEVEL', noCheckerMail: false, initialNotifies: false, ...policy };
  }

  event(event: Parameters<DirectorEngine['handle']>[0]): this {
    this.engine.handle(event, ++this.now);
    for (const effect of this.engine.drain()) {
      if (effect.type === 'tables') this.tables = effect.tables;
      this.effects.push(effect);
    }
    return this;
  }

  configure(...services: CheckedService[]): this {
    return this.event({ type: 'configure', services, policy: this.policy });
  }

  up(...addresses: string[]): this {
    for (const address of addresses) this.verdict(address, 'up');
    return this;
  }

  down(...addresses: string[]): this {
    for (const address of addresses) this.verdict(address, 'down');
    return this;
  }

  override(address: string, weight: number | undefined): this {
    return this.event({ type: 'override', service: KEY, server: { address: ip(address), port: 80 }, weight });
  }

  /** A check of a live server says what weight it should have. */
  measure(address: string, weight: number | undefined): this {
    this.verdict(address, 'up', weight);
    return this;
  }

  private verdict(address: string, state: 'up' | 'down', weight?: number): void {
    const reason = state === 'up' ? 'HTTP_CHECK succeeded' : 'HTTP_CHECK failed';
    const server = { address: ip(address), port: 80 };
    const measured = weight !== undefined && { weight };
    this.event({ type: 'verdict', verdict: { service: KEY, server, state, check: 'http', ...measured, reason } });
    const before = this.said.get(address);
    this.said.set(address, state);
    if (before !== state) this.check(address, state, 'http', before === undefined);
  }

  /** One check of a server comes to another result; what holds for the server does not change. */
  check(address: string, state: 'up' | 'down', check: Check['kind'], first: boolean): this {
    const server = { address: ip(address), port: 80 };
    return this.event({ type: 'check-changed', change: { service: KEY, server, check, state, first } });
  }

  /** The rows of the first service: `201 w1`. */
  table(): string[] {
    return (this.tables[0]?.servers ?? []).map((entry) => `${entry.address.bytes[3]} w${entry.weight}`);
  }

  private take<T extends DirectorEffect['type']>(type: T): Extract<DirectorEffect, { type: T }>[] {
    const taken = this.effects.filter((effect): effect is Extract<DirectorEffect, { type: T }> => effect.type === type);
    this.effects = this.effects.filter((effect) => effect.type !== type);
    return taken;
  }

  log(): string[] {
    return this.take('log').map((effect) => effect.message);
  }

  mail(): string[] {
    return this.take('mail').map(({ mail }) => `${mail.subject} | ${mail.body}`);
  }

  scripts(): string[] {
    return this.take('script').map(({ command, object }) => `${command.argv.join(' ')} for ${object}`);
  }

  lines(): string[] {
    return this.take('line').map(({ line }) => line);
  }

  /** Forgets what was said so far. */
  quiet(): this {
    this.effects = [];
    return this;
  }
}

export const script = (name: string) => ({ argv: [name] });
