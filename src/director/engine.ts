/**
 * Decides which servers each virtual service has in the data plane, with which weights: from the configuration, the verdicts of
 * the checks, the quorum, and an operator's overrides. Pure; the daemon performs its effects.
 *
 * A server that has checks enters the table when they have passed for the first time (milliseconds after the start), a server
 * without checks at once. That is the one difference to keepalived, which sends clients to every server until it is found dead.
 */
import type { Instant } from '../base/index.ts';
import { type CheckedService, type ServiceTable, serverKeyText, serviceKeyText } from '../model/index.ts';
import type { DirectorEffect, DirectorEvent } from './events.ts';
import { DirectedService } from './service.ts';
import type { ServiceSnapshot } from './snapshot.ts';
import type { Outbox } from './voice.ts';

export interface DirectorEngineOptions {
  /**
   * What the data plane held before this process started (its maps outlive a crash): rows of configured servers stay until their
   * first verdict, so that a restarted director interrupts nobody.
   */
  readonly inherited?: readonly ServiceTable[];
}

export class DirectorEngine {
  private readonly inherited: Map<string, ServiceTable>;
  private services = new Map<string, DirectedService>();
  private effects: DirectorEffect[] = [];
  private tables: readonly ServiceTable[] | undefined;
  private readonly outbox: Outbox;

  constructor(options: DirectorEngineOptions = {}) {
    this.inherited = new Map(options.inherited?.map((table) => [serviceKeyText(table.key), table]));
    this.outbox = {
      policy: { routerId: '', noCheckerMail: false, initialNotifies: false },
      log: (message) => this.effects.push({ type: 'log', level: 'info', message }),
      mail: (mail) => this.effects.push({ type: 'mail', mail }),
      script: (command, object) => this.effects.push({ type: 'script', command, object }),
      line: (line) => this.effects.push({ type: 'line', line }),
    };
  }

  handle(event: DirectorEvent, now: Instant): void {
    switch (event.type) {
      case 'configure':
        this.outbox.policy = event.policy;
        this.configure(event.services, now);
        break;
      case 'verdict':
        // A verdict about a server that a reload took away meanwhile has nothing to say any more.
        this.services.get(serviceKeyText(event.verdict.service))?.verdict(event.verdict, now);
        break;
      case 'check-changed':
        this.services.get(serviceKeyText(event.change.service))?.checkChanged(event.change);
        break;
      case 'override': {
        const known = this.services.get(serviceKeyText(event.service))?.override(event.server, event.weight, now);
        const where = `${serverKeyText(event.server)} of VS ${serviceKeyText(event.service)}`;
        if (!known)
          this.effects.push({ type: 'log', level: 'warning', message: `No such real server: ${where}; its weight stays as it is` });
        break;
      }
      case 'stop':
        for (const service of this.services.values()) service.shutDown();
        this.services.clear();
    }
  }

  /** The effects so far, in the order in which they are to be performed. */
  drain(): DirectorEffect[] {
    const effects = this.effects;
    this.effects = [];
    const tables = [...this.services.values()].map((service) => service.table());
    const before = this.tables;
    if (before && before.length === tables.length && tables.every((table, i) => table === before[i])) return effects;
    this.tables = tables;
    return [{ type: 'tables', tables }, ...effects];
  }

  /** The director waits for nothing: it acts on events only. */
  nextDeadline(): undefined {
    return undefined;
  }

  /** In file order. */
  snapshot(): readonly ServiceSnapshot[] {
    return [...this.services.values()].map((service) => service.snapshot());
  }

  private configure(services: readonly CheckedService[], now: Instant): void {
    const before = this.services;
    this.services = new Map();
    const wanted = new Map<string, CheckedService>();
    for (const service of services) {
      const key = serviceKeyText(service.key);
      if (!wanted.has(key)) wanted.set(key, service);
    }
    const groups = new Set([...wanted.values()].flatMap(({ group }) => group ?? []));
    for (const [key, service] of before) if (!wanted.has(key)) service.remove(groups, now);
    let last: CheckedService | undefined;
    for (const [key, config] of wanted) {
      const speaks = !last || !isSameBlock(last, config);
      last = config;
      const known = before.get(key);
      known?.reconfigure(config, speaks, now);
      this.services.set(key, known ?? new DirectedService(config, speaks, this.inherited.get(key), now, this.outbox));
    }
    this.inherited.clear();
  }
}

/**
 * Whether two services, the second right after the first, are members of one virtual_server's group. They follow each other, and
 * another block with the same group has another protocol.
 */
function isSameBlock(a: CheckedService, b: CheckedService): boolean {
  if (a.group === undefined || a.group !== b.group) return false;
  return a.key.kind === 'fwmark' || b.key.kind === 'fwmark' || a.key.protocol === b.key.protocol;
}
