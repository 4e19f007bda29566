/** Histories as steps for the virtual machine, and the machine's answers as recorded histories. */
import { IpAddress } from '../../src/base/index.ts';
import { frameOf } from './frames.ts';
import { clientOf, type History, type HistoryEvent, serverKeyOf, virtualOf } from './histories.ts';
import type { Answer, Step } from './plan.ts';

type Traffic = HistoryEvent & { readonly kind: 'new' | 'ack' | 'fin' | 'reset' };

const FLAGS = { new: 'S', ack: 'A', fin: 'FA', reset: 'R' } as const;
const SCTP_INIT = 1;

/** One step an event, between one that makes the service and one that deletes it. */
export function stepsOf(history: History): Step[] {
  const service = serviceWords(history);
  const flags = history.flags.length > 0 ? ` -b ${history.flags.join(',')}` : '';
  const persistence = persistenceWords(history);
  return [
    { kind: 'change', lines: [`-A ${service} -s ${history.scheduler}${flags}${persistence}`] },
    ...history.events.map((event) => stepOf(history, service, event)),
    { kind: 'change', lines: [`-D ${service}`] },
  ];
}

/** `answers` are those of stepsOf. */
export function answered(history: History, answers: readonly Answer[]): History {
  const begin = answers[0]?.atMs ?? 0;
  const names = new Map<string, number>();
  for (const event of history.events) {
    if (event.kind === 'add') names.set(inProc(serverKeyOf(history, event.server).address), event.server);
  }
  const events = history.events.map((event, index): HistoryEvent => {
    const { atMs, found = [] } = answers[index + 1] as Answer;
    const at = (atMs - begin) / 1000;
    if (event.kind !== 'new') return { ...event, at };
    return { ...event, at, chosen: found.map((text) => names.get(text.split(' ')[0] as string)) };
  });
  return { ...history, events };
}

function stepOf(history: History, service: string, event: HistoryEvent): Step {
  switch (event.kind) {
    case 'add':
    case 'edit': {
      const verb = event.kind === 'add' ? '-a' : '-e';
      const { weight, upper, lower } = event;
      return {
        kind: 'change',
        lines: [`${verb} ${service} -r ${serverWords(history, event.server)} -g -w ${weight} -x ${upper} -y ${lower}`],
      };
    }
    case 'delete':
      return { kind: 'change', lines: [`-d ${service} -r ${serverWords(history, event.server)}`] };
    case 'wait':
      return { kind: 'wait', seconds: event.seconds };
    default:
      return sendStep(history, event);
  }
}

function sendStep(history: History, event: Traffic): Step {
  const { address: target, port: targetPort } = virtualOf(history, event.target);
  const { protocol } = history;
  const clients = event.clients.map((client) => clientOf(history, client));
  const frames = clients.map(({ address: source, port: sourcePort }) =>
    frameOf({ protocol, source, sourcePort, target, targetPort, flags: FLAGS[event.kind], chunks: [SCTP_INIT] }),
  );
  const lookUp = clients.map(({ address, port }) =>
    [protocol.toUpperCase(), inProc(address), portInProc(port), inProc(target), portInProc(targetPort)].join(' '),
  );
  return { kind: 'send', frames, mark: history.marked ? history.number : 0, lookUp: event.kind === 'new' ? lookUp : [] };
}

function serviceWords(history: History): string {
  if (history.marked) return `-f ${history.number}${history.family === 6 ? ' -6' : ''}`;
  const option = { tcp: '-t', udp: '-u', sctp: '--sctp-service' }[history.protocol];
  const { address, port } = virtualOf(history, 0);
  return `${option} ${bracketed(address)}:${port}`;
}

function persistenceWords({ persistence, family }: History): string {
  if (!persistence) return '';
  const { timeoutSeconds, prefixLength } = persistence;
  const mask = family === 6 ? prefixLength : IpAddress.fromV4Number((0xffff_ffff << (32 - prefixLength)) >>> 0);
  return ` -p ${timeoutSeconds} -M ${mask}`;
}

function serverWords(history: History, server: number): string {
  const { address, port } = serverKeyOf(history, server);
  return `${bracketed(address)}:${port}`;
}

function bracketed(address: IpAddress): string {
  return address.family === 4 ? `${address}` : `[${address}]`;
}

/** As /proc/net/ip_vs_conn writes addresses and ports. */
export function inProc(address: IpAddress): string {
  const digits = Buffer.from(address.bytes).toString('hex');
  return address.family === 4 ? digits.toUpperCase() : `${digits.replace(/.{4}(?!$)/g, '$&:')}`;
}

export function portInProc(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0');
}
