/** Alert mail in keepalived's words: people filter on the subjects. Composing only; `src/daemon/mail` sends. */
import { type Check, type ServiceKey, serviceKeyText } from '../model/index.ts';

/** One alert: a subject and a body of one line. */
export interface Mail {
  readonly subject: string;
  readonly body: string;
}

/** A virtual router's new state in keepalived's words; STOP when the daemon ends, DELETED when a reload took it away. */
export type RouterMailState = 'MASTER' | 'BACKUP' | 'FAULT' | 'STOP' | 'DELETED';

const ROUTER_BODIES: Readonly<Record<RouterMailState, string>> = {
  MASTER: '=> VRRP Instance is now owning VRRP VIPs <=',
  BACKUP: '=> VRRP Instance is no longer owning VRRP VIPs <=',
  FAULT: '=> VRRP Instance is no longer owning VRRP VIPs <=',
  STOP: '=> VRRP Instance stopping <=',
  DELETED: '=> VRRP Deleted at reload <=',
};

export function composeRouterMail(routerId: string, instance: string, state: RouterMailState): Mail {
  return { subject: `[${routerId}] VRRP Instance ${instance} - ${stateTitle(state)}`, body: ROUTER_BODIES[state] };
}

export function composeGroupMail(routerId: string, group: string, state: RouterMailState): Mail {
  const all = state === 'STOP' || state === 'DELETED' ? 'stopping' : `in ${state} state`;
  return { subject: `[${routerId}] VRRP Group ${group} - ${stateTitle(state)}`, body: `=> All VRRP group instances are now ${all} <=` };
}

function stateTitle(state: RouterMailState): string {
  if (state === 'STOP') return 'Stopping';
  return state === 'DELETED' ? 'Deleted' : `Entering ${state} state`;
}

/** The names of services and servers are keepalived's, as in its log. */
export function composeServerMail(routerId: string, service: string, server: string, state: 'up' | 'down', body: string): Mail {
  return { subject: `[${routerId}] Realserver ${server} of virtual server ${service} - ${state.toUpperCase()}`, body };
}

/** A check found the server up or down. */
export function verdictBody(check: Check['kind'], state: 'up' | 'down'): string {
  const result = state === 'up' ? 'succeed' : 'failed';
  if (check === 'http') return `=> CHECK ${result} on service ${state === 'up' ? '' : ': HTTP request failed '}<=`;
  if (check === 'dns') return `=> DNS_CHECK: ${result} on service <=`;
  return `=> ${check.toUpperCase()} CHECK ${result} on service <=`;
}

/** A live server was taken out of the configuration, or the daemon ends. */
export function removalBody(cause: 'removed' | 'shut-down'): string {
  return cause === 'removed' ? '=> Removing <=' : '=> Shutting down <=';
}

/** What a change of quorum is reported with; the sum is the live weight. */
export interface QuorumChange {
  readonly up: boolean;
  readonly event: 'Gained quorum' | 'Lost quorum' | 'Starting with quorum down';
  readonly quorum: number;
  readonly hysteresis: number;
  readonly liveWeight: number;
}

/** keepalived prints the plus sign and `<=` in mail also when the quorum is lost; its words are kept. */
export function composeQuorumMail(routerId: string, service: string, change: QuorumChange): Mail {
  const { up, event, quorum, hysteresis, liveWeight } = change;
  const threshold = up ? quorum + hysteresis : quorum - hysteresis;
  const body = `=> ${event} ${quorum}+${hysteresis}=${threshold} <= ${liveWeight} <=`;
  return { subject: serviceSubject(routerId, service, up), body };
}

export function composeShutdownMail(routerId: string, service: string): Mail {
  return { subject: serviceSubject(routerId, service, false), body: removalBody('shut-down') };
}

function serviceSubject(routerId: string, service: string, up: boolean): string {
  return `[${routerId}] Virtualserver ${service} - ${up ? 'UP' : 'DOWN'}`;
}

/** The same for the log: `Gained quorum 1+0=1 <= 2 for VS [10.0.0.1]:tcp:80`. */
export function quorumLogLine(service: ServiceKey, change: QuorumChange): string {
  const { up, event, quorum, hysteresis, liveWeight } = change;
  const sum = up ? `${quorum}+${hysteresis}=${quorum + hysteresis} <=` : `${quorum}-${hysteresis}=${quorum - hysteresis} >`;
  return `${event} ${sum} ${liveWeight} for VS ${serviceKeyText(service)}`;
}
