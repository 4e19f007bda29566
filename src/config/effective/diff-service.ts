/** What a reload would change about virtual services and their real servers. */
import type { IpAddress } from '../../base/index.ts';
import {
  type Check,
  type CheckedRealServer,
  type CheckedService,
  type HttpUrl,
  type RealServer,
  type ServiceDefence,
  serverKeyText,
  serviceKeyText,
  type Timeouts,
} from '../../model/index.ts';
import { type Change, compareFields, type Fields } from './change.ts';
import { commandText, sameValue, secondsText, serverText, serviceText } from './words.ts';

const OTHERS_STAY = 'connections stay';

const SERVICE: Fields = {
  scheduler: { name: 'lvs_sched', effect: `new connections are spread by it, ${OTHERS_STAY}` },
  schedulerFlags: { name: 'scheduler flags', effect: OTHERS_STAY },
  persistence: {
    name: 'persistence_timeout',
    text: ({ timeoutSeconds, prefixLength }: { timeoutSeconds: number; prefixLength: number }) =>
      `${timeoutSeconds} s for each /${prefixLength}`,
    effect: OTHERS_STAY,
  },
  defence: {
    name: 'syn_proxy, new_connections_per_source',
    text: ({ synProxy, sourceLimit }: ServiceDefence) =>
      [
        ...(synProxy ? ['SYN proxy'] : []),
        ...(sourceLimit ? [`${sourceLimit.perSecond}/s for each source, burst ${sourceLimit.burst}`] : []),
      ].join(', '),
    effect: OTHERS_STAY,
  },
  localAddresses: { item: 'local address', each: (address: IpAddress) => String(address), effect: OTHERS_STAY },
  timeouts: {
    name: 'time-outs',
    text: ({ tcp, tcpFin, udp }: Partial<Timeouts>) =>
      [
        ...(tcp === undefined ? [] : [`timeout_tcp ${secondsText(tcp)}`]),
        ...(tcpFin === undefined ? [] : [`timeout_tcp_fin ${secondsText(tcpFin)}`]),
        ...(udp === undefined ? [] : [`timeout_udp ${secondsText(udp)}`]),
      ].join(', '),
    effect: `packets from now on start them, ${OTHERS_STAY}`,
  },
  quorum: { name: 'quorum', effect: 'it is judged again at once' },
  hysteresis: { name: 'hysteresis' },
  quorumUp: { name: 'quorum_up', text: commandText },
  quorumDown: { name: 'quorum_down', text: commandText },
  sorryServer: { name: 'sorry_server', text: (server: RealServer) => serverText(server) },
  smtpAlert: { name: 'smtp_alert' },
  haSuspend: { name: 'ha_suspend' },
};

const SERVER: Fields = {
  weight: {
    name: 'weight',
    effect: (_from: number | undefined, to: number | undefined) =>
      to === 0 ? `it gets no new connections, ${OTHERS_STAY}` : `new connections are spread by it, ${OTHERS_STAY}`,
  },
  method: { name: 'lvs_method', text: (method: string) => method.toUpperCase() },
  upperThreshold: { name: 'uthreshold' },
  lowerThreshold: { name: 'lthreshold' },
  inhibitOnFailure: { name: 'inhibit_on_failure' },
  notifyUp: { name: 'notify_up', text: commandText },
  notifyDown: { name: 'notify_down', text: commandText },
  smtpAlert: { name: 'smtp_alert' },
};

const CHECK: Fields = {
  delayLoop: { name: 'delay_loop', text: secondsText },
  connectTimeout: { name: 'connect_timeout', text: secondsText },
  delayBeforeRetry: { name: 'delay_before_retry', text: secondsText },
  warmup: { name: 'warmup', text: secondsText },
  timeout: { name: 'misc_timeout', text: secondsText },
  command: { name: 'misc_path', text: commandText },
  urls: { item: 'url', each: ({ path, virtualHost }: HttpUrl) => (virtualHost === undefined ? path : `${path} of ${virtualHost}`) },
};

export function diffServices(before: readonly CheckedService[], after: readonly CheckedService[]): Change[] {
  const old = new Map(before.map((service) => [serviceKeyText(service.key), service]));
  const changes: Change[] = [];
  for (const service of after) {
    const known = old.get(serviceKeyText(service.key));
    old.delete(serviceKeyText(service.key));
    if (known) changes.push(...diffService(known, service));
    else changes.push({ object: nameOf(service), kind: 'added', effect: `${service.servers.length} real servers, checked at once` });
  }
  const gone = [...old.values()].map(
    (service): Change => ({
      object: nameOf(service),
      kind: 'removed',
      effect: 'packets to it are no longer balanced: its connections end',
    }),
  );
  return [...gone, ...changes];
}

function nameOf({ key }: CheckedService): string {
  return `virtual server ${serviceText(key)}`;
}

function diffService(before: CheckedService, after: CheckedService): Change[] {
  const { servers: oldServers, key: _, ...old } = before;
  const { servers, key: __, ...settings } = after;
  return [...compareFields(nameOf(after), old, settings, SERVICE), ...diffServers(oldServers, servers, after)];
}

function diffServers(before: readonly CheckedRealServer[], after: readonly CheckedRealServer[], service: CheckedService): Change[] {
  const old = new Map(before.map((server) => [serverKeyText(server), server]));
  const changes: Change[] = [];
  for (const server of after) {
    const object = `real server ${serverText(server)} of ${serviceText(service.key)}`;
    const known = old.get(serverKeyText(server));
    old.delete(serverKeyText(server));
    if (known) changes.push(...diffServer(object, known, server));
    else changes.push({ object, kind: 'added', effect: addedEffect(server) });
  }
  const gone = [...old.values()].map((server): Change => {
    const object = `real server ${serverText(server)} of ${serviceText(service.key)}`;
    return {
      object,
      kind: 'removed',
      effect: 'it gets no new connections, and those that it has are cut off; drain it first to spare them',
    };
  });
  return [...gone, ...changes];
}

function addedEffect({ checks, weight }: CheckedRealServer): string {
  const when = checks.length === 0 ? 'at once, it has no check' : 'as soon as its checks have passed';
  return `it takes new connections ${when}, with weight ${weight}`;
}

function diffServer(object: string, before: CheckedRealServer, after: CheckedRealServer): Change[] {
  const { checks: oldChecks, ...old } = before;
  const { checks, ...settings } = after;
  return [...compareFields(object, old, settings, SERVER), ...diffChecks(object, oldChecks, checks)];
}

/** Checks have no names: those of one kind are told apart by their order. */
function diffChecks(object: string, before: readonly Check[], after: readonly Check[]): Change[] {
  const left = [...before];
  const changes = after.flatMap((check): Change[] => {
    let index = left.findIndex((candidate) => sameValue(candidate, check));
    const same = index >= 0;
    if (!same) index = left.findIndex(({ kind }) => kind === check.kind);
    const [known] = index >= 0 ? left.splice(index, 1) : [];
    if (same) return [];
    if (known)
      return compareFields(object, known, check, CHECK).map((change) => ({
        ...change,
        setting: `${kindText(check)} ${change.setting}`,
        effect: 'the check begins anew, the verdict so far holds',
      }));
    return [{ object, kind: 'added', setting: kindText(check), effect: 'it must pass, too' }];
  });
  return [...left.map((check): Change => ({ object, kind: 'removed', setting: kindText(check) })), ...changes];
}

function kindText(check: Check): string {
  return check.kind === 'http' ? (check.tls ? 'SSL_GET' : 'HTTP_GET') : `${check.kind.toUpperCase()}_CHECK`;
}
