/** `vipwright trace` for people: what becomes of a packet, and why. */
import type { TraceAnswer } from '../../api/index.ts';

const MARGIN = 13;
const METHODS = { dr: 'by direct routing', tun: 'through a tunnel', nat: 'by masquerading', fullnat: 'by full NAT' } as const;

const SYN_PROXY = {
  'awaits-server': "the SYN proxy made it, and waits for the real server's answer to its SYN",
  translates: 'the SYN proxy made it, and translates its sequence numbers',
} as const;

export function formatTrace(report: TraceAnswer): string {
  const lines = [
    ...block('packet', [`comes in by ${report.interface}`, ...report.packet]),
    ...(report.service === undefined ? [] : block('service', [`${report.service}, scheduler ${report.scheduler}`])),
    ...block('connection', connectionWords(report)),
    ...(report.template ? block('template', [templateWords(report.template)]) : []),
    ...(report.server ? block('real server', [serverWords(report.server)]) : []),
    ...candidateLines(report),
    ...fateLines(report),
  ];
  return `${lines.join('\n')}\n`;
}

function block(title: string, words: readonly string[]): string[] {
  return words.map((line, at) => `${at === 0 ? title.padEnd(MARGIN) : ' '.repeat(MARGIN)}${line}`);
}

function connectionWords({ connection }: TraceAnswer): string[] {
  if (!connection) return ['none'];
  const { kind, state, secondsLeft, nextState, nextSecondsLeft, local, synProxy } = connection;
  const next =
    nextState === undefined ? [] : [`${kind === 'new' ? 'new, it would be' : 'after this packet'} ${nextState} for ${nextSecondsLeft} s`];
  return [
    ...(kind === 'new' ? [] : [`known: ${state}, ${secondsLeft} s left`]),
    ...next,
    ...(local === undefined ? [] : [`the real server sees it come from ${local}`]),
    ...(synProxy === undefined ? [] : [SYN_PROXY[synProxy]]),
  ];
}

function templateWords({ kind, client, secondsLeft }: NonNullable<TraceAnswer['template']>): string {
  return kind === 'existing' ? `of client ${client}, ${secondsLeft} s left` : `new, for client ${client}, ${secondsLeft} s`;
}

function serverWords({ server, method, tunnel, by }: NonNullable<TraceAnswer['server']>): string {
  const how = `${method}${tunnel ? ` ${tunnel.type}` : ''}`;
  const why = {
    connection: 'the connection has it',
    template: 'the client stays with it',
    scheduler: 'the scheduler takes it now',
    reply: 'it answers its client',
  };
  return `${server} (${how}): ${why[by]}`;
}

function candidateLines({ candidates = [], server }: TraceAnswer): string[] {
  return candidates.map(({ server: name, weight, activeConnections, inactiveConnections, overloaded }) => {
    const state = weight === 0 ? ', takes none' : overloaded ? ', over its threshold' : '';
    const chosen = name === server?.server ? '>' : ' ';
    return `${' '.repeat(MARGIN)}${chosen} ${name}  weight ${weight}, active ${activeConnections}, inactive ${inactiveConnections}${state}`;
  });
}

function fateLines(report: TraceAnswer): string[] {
  const { fate, reason, out, server } = report;
  const words: string[] = [];
  if (fate === 'forwarded') {
    const how = !server ? '' : server.by === 'reply' ? ', to the client under the virtual address' : `, ${METHODS[server.method]}`;
    words.push(`out by ${out?.interface}${how}`);
  }
  if (fate === 'answered') words.push(`out by ${out?.interface}, back to where the packet came from`);
  if (fate === 'passed') words.push("to the director's own network stack");
  if (fate === 'dropped') words.push('nothing leaves');
  if (reason) {
    const name = reason.name === undefined ? '' : `${reason.name} (${reason.number}): `;
    words.push(`${name}the packet ${reason.meaning}`, `What to do: ${reason.remedy}`);
  }
  return block(fate, [...words, ...(out?.packet ?? [])]);
}
