/** For tests: checks, services, and a bench that plays servers and clock against one engine. */
import { type Instant, IpAddress, seconds } from '../base/index.ts';
import type { Check, CheckedService, ServiceKey } from '../model/index.ts';
import { CheckEngine, type CheckEngineOptions } from './engine.ts';
import type { CheckEffect } from './events.ts';

export const ip = (text: string) => IpAddress.parse(text) as IpAddress;
export const service = (text: string): ServiceKey => ({ kind: 'address', protocol: 'tcp', address: ip(text), port: 80 });

const TIMING = {
  delayLoop: seconds(6),
  connectTimeout: seconds(2),
  retry: 3,
  delayBeforeRetry: seconds(1),
  warmup: 0,
  alpha: false,
  logAllFailures: false,
};

export function tcp(address: string, changes: Partial<Check> = {}): Check {
  return { kind: 'tcp', target: { address: ip(address), port: 80, mark: 0 }, ...TIMING, ...changes } as Check;
}

export function http(address: string, changes: Partial<Extract<Check, { kind: 'http' }>> = {}): Check {
  const urls = [{ path: '/', statusCodes: [{ from: 200, to: 200 }] }];
  return {
    kind: 'http',
    target: { address: ip(address), port: 80, mark: 0 },
    urls,
    httpVersion: '1.0',
    connectionClose: false,
    fastRecovery: true,
    ...TIMING,
    ...changes,
  };
}

export function checkedService(vip: string, checks: Readonly<Record<string, readonly Check[]>>): CheckedService {
  return {
    key: service(vip),
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
    servers: Object.entries(checks).map(([address, list]) => ({
      address: ip(address),
      port: 80,
      method: 'dr',
      weight: 1,
      upperThreshold: 0,
      lowerThreshold: 0,
      checks: list,
      inhibitOnFailure: false,
      alpha: false,
      smtpAlert: true,
    })),
  };
}

/** Plays servers and clock against one engine. */
export class Bench {
  readonly engine: CheckEngine;
  now: Instant = 0;
  /** Everything the engine asked for since the last look. */
  private seen: CheckEffect[] = [];
  /** Open connections by target address. */
  readonly open = new Map<string, number>();

  constructor(options?: CheckEngineOptions, seed?: number) {
    this.engine = new CheckEngine(options, seed);
  }

  event(event: Parameters<CheckEngine['handle']>[0]): void {
    this.engine.handle(event, this.now);
    for (const effect of this.engine.drain()) {
      this.seen.push(effect);
      if (effect.type === 'open') this.open.set(`${effect.address}`, effect.connection);
      if (effect.type === 'close') for (const [address, id] of this.open) if (id === effect.connection) this.open.delete(address);
    }
  }

  configure(...services: CheckedService[]): void {
    this.event({ type: 'configure', services });
  }

  /** Lets time pass up to `at`, ticking at every deadline on the way. */
  until(at: Instant): void {
    for (let next = this.engine.nextDeadline(); next !== undefined && next <= at; next = this.engine.nextDeadline()) {
      this.now = next;
      this.event({ type: 'tick' });
    }
    this.now = at;
  }

  connection(address: string): number {
    const id = this.open.get(address);
    if (id === undefined) throw new Error(`no connection to ${address} is open`);
    return id;
  }

  accept(address: string): void {
    this.event({ type: 'connected', connection: this.connection(address) });
  }

  refuse(address: string): void {
    this.event({ type: 'broken', connection: this.connection(address), error: 'ECONNREFUSED' });
  }

  answer(address: string, text: string): void {
    const connection = this.connection(address);
    this.event({ type: 'connected', connection });
    this.event({ type: 'data', connection, bytes: new TextEncoder().encode(text) });
    this.event({ type: 'ended', connection });
  }

  /** What was asked for since the last look, for reading: opens, verdicts and logs at `info` or worse. */
  story(): string[] {
    const seen = this.seen;
    this.seen = [];
    return seen.flatMap((effect) => {
      if (effect.type === 'open') return [`open ${effect.address}:${effect.port}`];
      if (effect.type === 'verdict') return [`${effect.verdict.server.address} ${effect.verdict.state}: ${effect.verdict.reason}`];
      return effect.type === 'log' && effect.level !== 'debug' ? [effect.message] : [];
    });
  }

  effects(): CheckEffect[] {
    const seen = this.seen;
    this.seen = [];
    return seen;
  }
}

export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi';
export const RS1 = '192.168.18.201';
export const RS2 = '192.168.18.202';
export const VIP = '192.168.18.200';
