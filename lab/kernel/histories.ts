/**
 * Histories of a virtual service: servers come, change and go, connections begin and end, and the server that each new
 * connection got. Written as text, one event a line, with the seconds since the history's first event. The recorder has them
 * answered by the kernel; tests replay them on a data plane.
 */
import { IpAddress, type IpFamily } from '../../src/base/index.ts';
import type { Persistence, Protocol, RealServer, SchedulerName, VirtualService } from '../../src/model/index.ts';

export interface History {
  readonly number: number;
  readonly scheduler: SchedulerName;
  readonly flags: readonly string[];
  readonly protocol: Protocol;
  readonly family: IpFamily;
  /** A service of a firewall mark (the history's number), with many virtual addresses; else one address and port. */
  readonly marked: boolean;
  readonly persistence?: Persistence;
  readonly events: readonly HistoryEvent[];
}

interface At {
  /** Seconds since the first event; 0 before it was recorded. */
  readonly at: number;
}

export type HistoryEvent = At &
  (
    | { readonly kind: 'add' | 'edit'; readonly server: number; readonly weight: number; readonly upper: number; readonly lower: number }
    | { readonly kind: 'delete'; readonly server: number }
    /** First packets of clients; `chosen` are the servers' numbers, undefined for a refused one. */
    | {
        readonly kind: 'new';
        readonly target: number;
        readonly clients: readonly number[];
        readonly chosen: readonly (number | undefined)[];
      }
    /** A further packet of each client: TCP's ACK, FIN or RST. */
    | { readonly kind: 'ack' | 'fin' | 'reset'; readonly target: number; readonly clients: readonly number[] }
    | { readonly kind: 'wait'; readonly seconds: number }
  );

const PORT = 80;

/** A history's clients are numbered from 0. Four share an address and differ in their ports. */
export function clientOf({ number, family }: History, client: number): { readonly address: IpAddress; readonly port: number } {
  const host = number * 4096 + (client >>> 2);
  const port = 1024 + ((client * 40_503) % 60_000);
  if (family === 4) return { address: IpAddress.fromV4Number((0x0a40_0000 + (Math.imul(host, 0x9e37_79b1) >>> 10)) >>> 0), port };
  return { address: ipv6(0xfd00_0064, Math.imul(host, 0x9e37_79b1), Math.imul(host, 0x85eb_ca6b), host), port };
}

export function virtualOf(history: History, target: number): { readonly address: IpAddress; readonly port: number } {
  const place = history.number * 256 + target;
  const address = history.family === 4 ? IpAddress.fromV4Number(0x0a80_0000 + place) : ipv6(0xfd00_0128, 0, 0, place);
  return { address, port: PORT };
}

export function serviceOf(history: History): VirtualService {
  const { number, scheduler, flags, protocol, family, marked, persistence } = history;
  return {
    key: marked ? { kind: 'fwmark', mark: number, family } : { kind: 'address', protocol, ...virtualOf(history, 0) },
    scheduler,
    schedulerFlags: flags,
    onePacket: false,
    ...(persistence && { persistence }),
  };
}

export function serverOf(history: History, event: HistoryEvent & { readonly kind: 'add' | 'edit' }): RealServer {
  const { server, weight, upper, lower } = event;
  return { ...serverKeyOf(history, server), method: 'dr', weight, upperThreshold: upper, lowerThreshold: lower };
}

export function serverKeyOf(history: History, server: number): { readonly address: IpAddress; readonly port: number } {
  const address =
    history.family === 4
      ? IpAddress.fromV4Number(0x0a02_0000 + (((server * 37) & 255) << 8) + server)
      : ipv6(0xfd00_0002, server * 37, 0, server);
  return { address, port: history.marked ? 0 : PORT };
}

function ipv6(...words: readonly [number, number, number, number]): IpAddress {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  for (const [index, word] of words.entries()) view.setUint32(index * 4, word);
  return IpAddress.fromBytes(bytes) as IpAddress;
}

export function formatHistories(histories: readonly History[]): string {
  return histories.map(formatHistory).join('\n');
}

function formatHistory({ number, scheduler, flags, protocol, family, marked, persistence, events }: History): string {
  const kind = [
    ...(marked ? ['marked'] : []),
    ...(persistence ? [`persistent:${persistence.timeoutSeconds}/${persistence.prefixLength}`] : []),
  ];
  const head = ['history', number, scheduler, protocol, `ipv${family}`, ...kind, ...flags].join(' ');
  return `${[head, ...events.map((event) => `${event.at.toFixed(2)} ${formatEvent(event)}`)].join('\n')}\n`;
}

function formatEvent(event: HistoryEvent): string {
  switch (event.kind) {
    case 'add':
    case 'edit': {
      const thresholds = event.upper > 0 ? ` thresholds ${event.lower} ${event.upper}` : '';
      return `${event.kind} ${event.server} weight ${event.weight}${thresholds}`;
    }
    case 'delete':
      return `delete ${event.server}`;
    case 'wait':
      return `wait ${event.seconds}`;
    case 'new':
      return `new ${event.target} ${formatNumbers(event.clients)} > ${event.chosen.map((server) => server ?? '-').join(' ')}`;
    default:
      return `${event.kind} ${event.target} ${formatNumbers(event.clients)}`;
  }
}

/** Rising numbers, with runs written as `3-7`. */
function formatNumbers(numbers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last && last[1] + 1 === number) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(' ');
}

function parseNumbers(words: readonly string[]): number[] {
  return words.flatMap((word) => {
    const [from = 0, to = from] = word.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, index) => from + index);
  });
}

/** Throws on a line that it does not understand: the text is ours. */
export function parseHistories(text: string): History[] {
  return text
    .split('\n\n')
    .map((part) => part.split('\n').filter((line) => line !== '' && !line.startsWith('#')))
    .filter((lines) => lines.length > 0)
    .map(([head = '', ...lines]) => {
      const [word, number, scheduler, protocol, family, ...more] = head.split(' ');
      if (word !== 'history') throw new Error(`no history begins with ${head}`);
      const persistence = /persistent:(\d+)\/(\d+)/.exec(head);
      return {
        number: Number(number),
        scheduler: scheduler as SchedulerName,
        flags: more.filter((flag) => flag !== 'marked' && !flag.startsWith('persistent:')),
        protocol: protocol as Protocol,
        family: family === 'ipv6' ? 6 : 4,
        marked: more.includes('marked'),
        ...(persistence && { persistence: { timeoutSeconds: Number(persistence[1]), prefixLength: Number(persistence[2]) } }),
        events: lines.map(parseEvent),
      };
    });
}

function parseEvent(line: string): HistoryEvent {
  const [time, kind, first, ...rest] = line.split(' ');
  const at = Number(time);
  switch (kind) {
    case 'add':
    case 'edit': {
      const [weight = 0, , lower = 0, upper = 0] = rest.slice(1).map(Number);
      return { at, kind, server: Number(first), weight, upper, lower };
    }
    case 'delete':
      return { at, kind, server: Number(first) };
    case 'wait':
      return { at, kind, seconds: Number(first) };
    case 'new': {
      const arrow = rest.indexOf('>');
      const chosen = rest.slice(arrow + 1).map((word) => (word === '-' ? undefined : Number(word)));
      return { at, kind, target: Number(first), clients: parseNumbers(rest.slice(0, arrow)), chosen };
    }
    case 'ack':
    case 'fin':
    case 'reset':
      return { at, kind, target: Number(first), clients: parseNumbers(rest) };
    default:
      throw new Error(`no event is ${line}`);
  }
}
