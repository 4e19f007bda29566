/**
 * Draining: an operator takes a real server out of service and gives its connections a time to end by themselves. It has weight 0 from the
 * first moment on; at the deadline what is left of its connections ends. Pure; the daemon performs the effects.
 */
import type { Instant } from '../base/index.ts';
import { type RealServerKey, type ServiceKey, serverKeyText, serviceKeyText } from '../model/index.ts';

export interface DrainTarget {
  readonly service: ServiceKey;
  readonly server: RealServerKey;
}

export type DrainEvent =
  /** Without a deadline connections have as long as they want. Asked for again, the new deadline counts. */
  | ({ readonly type: 'drain'; readonly deadline?: Instant } & DrainTarget)
  /** The server takes connections again. */
  | ({ readonly type: 'restore' } & DrainTarget)
  /** Connections that the server still has, active and inactive together. */
  | ({ readonly type: 'counted'; readonly connections: number } & DrainTarget)
  | { readonly type: 'time' };

export type DrainEffect =
  | ({ readonly type: 'weight'; readonly weight: 0 | undefined } & DrainTarget)
  | ({ readonly type: 'end-connections' } & DrainTarget)
  | { readonly type: 'log'; readonly message: string };

/** `empty`: it has no connection left. `ended`: the deadline came first. */
export type DrainState = 'draining' | 'empty' | 'ended';

export interface DrainSnapshot extends DrainTarget {
  readonly state: DrainState;
  readonly deadline?: Instant;
}

interface Drain extends DrainTarget {
  state: DrainState;
  deadline: Instant | undefined;
}

export class Drains {
  private readonly drains = new Map<string, Drain>();
  private effects: DrainEffect[] = [];

  handle(event: DrainEvent, now: Instant): void {
    if (event.type === 'time') {
      for (const drain of this.drains.values()) this.endOverdue(drain, now);
      return;
    }
    const { service, server } = event;
    const id = idOf(event);
    const known = this.drains.get(id);
    switch (event.type) {
      case 'drain':
        this.drains.set(id, { service, server, state: 'draining', deadline: event.deadline });
        this.effects.push({ type: 'weight', weight: 0, service, server });
        this.say(event, 'takes no new connections');
        break;
      case 'restore':
        if (!known) break;
        this.drains.delete(id);
        this.effects.push({ type: 'weight', weight: undefined, service, server });
        this.say(event, 'takes connections again');
        break;
      case 'counted':
        if (known?.state !== 'draining' || event.connections > 0) break;
        known.state = 'empty';
        this.say(event, 'has no connection left');
    }
  }

  drain(): DrainEffect[] {
    const { effects } = this;
    this.effects = [];
    return effects;
  }

  nextDeadline(): Instant | undefined {
    const deadlines = [...this.drains.values()].flatMap(({ state, deadline }) =>
      state === 'draining' && deadline !== undefined ? [deadline] : [],
    );
    return deadlines.length > 0 ? Math.min(...deadlines) : undefined;
  }

  snapshot(): readonly DrainSnapshot[] {
    return [...this.drains.values()].map(({ service, server, state, deadline }) => ({
      service,
      server,
      state,
      ...(deadline !== undefined && { deadline }),
    }));
  }

  private endOverdue(drain: Drain, now: Instant): void {
    const { service, server, state, deadline } = drain;
    if (state !== 'draining' || deadline === undefined || now < deadline) return;
    drain.state = 'ended';
    this.effects.push({ type: 'end-connections', service, server });
    this.say(drain, 'loses the connections that are left: the deadline has come');
  }

  private say({ service, server }: DrainTarget, what: string): void {
    this.effects.push({
      type: 'log',
      message: `Real server ${serverKeyText(server)} of VS ${serviceKeyText(service)} is drained: it ${what}`,
    });
  }
}

function idOf({ service, server }: DrainTarget): string {
  return `${serviceKeyText(service)} ${serverKeyText(server)}`;
}
