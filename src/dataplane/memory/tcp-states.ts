/** TCP's connection states: IPVS's tables, in the order and with the names of the kernel's (ip_vs_proto_tcp). */
import { type Micros, seconds } from '../../base/index.ts';
import type { Timeouts } from '../../model/index.ts';
import type { Direction } from './directions.ts';

/** By number, 0 first, as ipvsadm prints them. NONE is also what a template shows until a connection of it was established. */
export const TCP_STATES = [
  'NONE',
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'SYNACK',
] as const;
export type TcpState = (typeof TCP_STATES)[number];

/** What a segment is to the tables: the first of RST, SYN, FIN, ACK that it carries. */
export const TCP_EVENTS = ['syn', 'fin', 'ack', 'rst'] as const;
export type TcpEvent = (typeof TCP_EVENTS)[number];

/** The flags of a TCP segment that IPVS looks at. */
export interface TcpFlags {
  readonly syn?: boolean;
  readonly ack?: boolean;
  readonly fin?: boolean;
  readonly rst?: boolean;
}

/** The names of TCP_STATES in the tables below, in the same order. */
const SHORT = ['NO', 'ES', 'SS', 'SR', 'FW', 'TW', 'CL', 'CW', 'LA', 'LI', 'SA'];

type Rows = Readonly<Record<TcpEvent, string>>;
type Table = Readonly<Record<Direction, Rows>>;

/** The next state for each present one, these in the order of SHORT. */
const NORMAL: Table = {
  input: {
    syn: 'SR ES ES SR SR SR SR SR SR SR SR',
    fin: 'CL CW SS TW TW TW CL CW LA LI TW',
    ack: 'ES ES SS ES FW TW CL CW CL LI ES',
    rst: 'CL CL CL SR CL CL CL CL LA LI SR',
  },
  output: {
    syn: 'SS ES SS SR SS SS SS SS SS LI SR',
    fin: 'TW FW SS TW FW TW CL TW LA LI TW',
    ack: 'ES ES SS ES FW TW CL CW LA ES ES',
    rst: 'CL CL SS CL CL TW CL CL CL CL CL',
  },
  'input-only': {
    syn: 'SR ES ES SR SR SR SR SR SR SR SR',
    fin: 'CL FW SS TW FW TW CL CW LA LI TW',
    ack: 'ES ES SS ES FW TW CL CW CL LI ES',
    rst: 'CL CL CL SR CL CL CL CL LA LI CL',
  },
};

/** With secure_tcp a connection is established by the server's answer only, as far as the director sees answers. */
const SECURE: Table = {
  input: {
    syn: 'SR ES ES SR SR SR SR SR SR SR SA',
    fin: 'CL CW SS TW TW TW CL CW LA LI SA',
    ack: 'ES ES SS SR FW TW CL CW CL LI SA',
    rst: 'CL CL CL SR CL CL CL CL LA LI CL',
  },
  output: {
    ...NORMAL.output,
    syn: 'SS ES SS SA SS SS SS SS SS LI SA',
  },
  'input-only': {
    ...NORMAL['input-only'],
    syn: 'SA ES ES SR SA SA SA SA SA SA SA',
  },
};

type Rules = ReadonlyMap<TcpEvent, readonly TcpState[]>;

const NORMAL_RULES = rulesOf(NORMAL);
const SECURE_RULES = rulesOf(SECURE);

function rulesOf(table: Table): Readonly<Record<Direction, Rules>> {
  const states = (text: string): TcpState[] => text.split(' ').map((short) => TCP_STATES[SHORT.indexOf(short)] as TcpState);
  const rules = (rows: Rows): Rules => new Map(TCP_EVENTS.map((event) => [event, states(rows[event])]));
  return { input: rules(table.input), output: rules(table.output), 'input-only': rules(table['input-only']) };
}

/** The state after a segment. `secure` chooses the table of secure_tcp. */
export function nextTcpState(state: TcpState, flags: TcpFlags, direction: Direction, secure = false): TcpState {
  const event = eventOf(flags);
  // A segment with none of the four flags is nonsense; the kernel closes on it.
  if (!event) return 'CLOSE';
  return (secure ? SECURE_RULES : NORMAL_RULES)[direction].get(event)?.[TCP_STATES.indexOf(state)] as TcpState;
}

/** The order matters: RST before SYN before FIN before ACK. */
function eventOf(flags: TcpFlags): TcpEvent | undefined {
  if (flags.rst) return 'rst';
  if (flags.syn) return 'syn';
  if (flags.fin) return 'fin';
  return flags.ack ? 'ack' : undefined;
}

/** Whether a connection in this state counts as active (ActiveConn) rather than inactive. */
export function isActiveTcpState(state: TcpState): boolean {
  return state === 'ESTABLISHED' || state === 'SYN_SENT' || state === 'SYN_RECV' || state === 'SYNACK';
}

const FIXED_SECONDS = {
  NONE: 2,
  SYN_SENT: 120,
  SYN_RECV: 60,
  TIME_WAIT: 120,
  CLOSE: 10,
  CLOSE_WAIT: 60,
  LAST_ACK: 30,
  LISTEN: 120,
  SYNACK: 120,
} as const;

/** How long a TCP connection may be silent; `ipvsadm --set` changes ESTABLISHED and FIN_WAIT only. */
export function tcpTimeout(state: TcpState, timeouts: Timeouts): Micros {
  if (state === 'ESTABLISHED') return timeouts.tcp;
  if (state === 'FIN_WAIT') return timeouts.tcpFin;
  return seconds(FIXED_SECONDS[state]);
}
