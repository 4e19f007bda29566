/** Alert mail in keepalived's words: people filter on the subjects. Composing only; `src/daemon/mail` sends. */
import { type RealServerKey, realServerText, type ServerVerdict, type ServiceKey, serviceKeyText } from '../model/index.ts';

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

/** A real server went up or down by the verdict of its checks. */
export function composeVerdictMail(routerId: string, verdict: ServerVerdict): Mail {
  const up = verdict.state === 'up';
  const subject = serverSubject(routerId, verdict.service, verdict.server, up ? 'UP' : 'DOWN');
  if (verdict.check === 'tcp') return { subject, body: `=> TCP CHECK ${up ? 'succeed' : 'failed'} on service <=` };
  return { subject, body: up ? '=> CHECK succeed on service <=' : '=> CHECK failed on service : HTTP request failed <=' };
}

/** A live real server was taken out of the configuration. */
export function composeRemovalMail(routerId: string, service: ServiceKey, server: RealServerKey): Mail {
  return { subject: serverSubject(routerId, service, server, 'DOWN'), body: '=> Removing <=' };
}

function serverSubject(routerId: string, service: ServiceKey, server: RealServerKey, state: 'UP' | 'DOWN'): string {
  return `[${routerId}] Realserver ${realServerText(service, server)} of virtual server ${serviceKeyText(service)} - ${state}`;
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
export function composeQuorumMail(routerId: string, service: ServiceKey, change: QuorumChange): Mail {
  const { up, event, quorum, hysteresis, liveWeight } = change;
  const threshold = up ? quorum + hysteresis : quorum - hysteresis;
  return {
    subject: `[${routerId}] Virtualserver ${serviceKeyText(service)} - ${up ? 'UP' : 'DOWN'}`,
    body: `=> ${event} ${quorum}+${hysteresis}=${threshold} <= ${liveWeight} <=`,
  };
}

/** The same for the log: `Gained quorum 1+0=1 <= 2 for VS [10.0.0.1]:tcp:80`. */
export function quorumLogLine(service: ServiceKey, change: QuorumChange): string {
  const { up, event, quorum, hysteresis, liveWeight } = change;
  const sum = up ? `${quorum}+${hysteresis}=${quorum + hysteresis} <=` : `${quorum}-${hysteresis}=${quorum - hysteresis} >`;
  return `${event} ${sum} ${liveWeight} for VS ${serviceKeyText(service)}`;
}
