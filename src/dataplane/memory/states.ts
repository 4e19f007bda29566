/** Connection states and their time-outs, from the kernel's ip_vs_proto_tcp and ip_vs_proto_udp. */
import { type Micros, seconds } from '../../base/index.ts';
import type { Timeouts } from '../../model/index.ts';

/** The names ipvsadm prints. NONE is also what a persistence template shows until a connection of it was established. */
export type TcpState =
  | 'NONE'
  | 'ESTABLISHED'
  | 'SYN_SENT'
  | 'SYN_RECV'
  | 'FIN_WAIT'
  | 'TIME_WAIT'
  | 'CLOSE'
  | 'CLOSE_WAIT'
  | 'LAST_ACK'
  | 'LISTEN'
  | 'SYNACK';

/** The flags of a TCP segment that IPVS looks at. */
export interface TcpFlags {
  readonly syn?: boolean;
  readonly ack?: boolean;
  readonly fin?: boolean;
  readonly rst?: boolean;
}

const SHORT: Readonly<Record<string, TcpState>> = {
  NO: 'NONE',
  ES: 'ESTABLISHED',
  SS: 'SYN_SENT',
  SR: 'SYN_RECV',
  FW: 'FIN_WAIT',
  TW: 'TIME_WAIT',
  CL: 'CLOSE',
  CW: 'CLOSE_WAIT',
  LA: 'LAST_ACK',
  LI: 'LISTEN',
  SA: 'SYNACK',
};

type Row = Readonly<Record<TcpState, TcpState>>;

/** A row of the kernel's tables: the next state for each present state, in the order of SHORT. */
function row(text: string): Row {
  const next = text.split(' ');
  return Object.fromEntries(Object.values(SHORT).map((state, index) => [state, SHORT[next[index] as string]])) as Row;
}

type Event = 'syn' | 'fin' | 'ack' | 'rst';

/** Both directions pass the director (masquerading): what a segment from the client does. */
const INPUT: Readonly<Record<Event, Row>> = {
  syn: row('SR ES ES SR SR SR SR SR SR SR SR'),
  fin: row('CL CW SS TW TW TW CL CW LA LI TW'),
  ack: row('ES ES SS ES FW TW CL CW CL LI ES'),
  rst: row('CL CL CL SR CL CL CL CL LA LI SR'),
};

/** Answers go past the director (direct routing, tunnels): the client's segments alone decide. */
const INPUT_ONLY: Readonly<Record<Event, Row>> = {
  syn: row('SR ES ES SR SR SR SR SR SR SR SR'),
  fin: row('CL FW SS TW FW TW CL CW LA LI TW'),
  ack: row('ES ES SS ES FW TW CL CW CL LI ES'),
  rst: row('CL CL CL SR CL CL CL CL LA LI CL'),
};

/** The state after a segment from the client. `answersSeen` is true where the server's answers pass the director. */
export function nextTcpState(state: TcpState, flags: TcpFlags, answersSeen: boolean): TcpState {
  const event = eventOf(flags);
  // A segment with none of the four flags is nonsense; the kernel closes on it.
  return event === undefined ? 'CLOSE' : (answersSeen ? INPUT : INPUT_ONLY)[event][state];
}

/** The order matters: RST before SYN before FIN before ACK. */
function eventOf(flags: TcpFlags): Event | undefined {
  if (flags.rst) return 'rst';
  if (flags.syn) return 'syn';
  if (flags.fin) return 'fin';
  return flags.ack ? 'ack' : undefined;
}

/** Whether a connection in this state counts as active (ActiveConn) rather than inactive. */
export function isActiveTcpState(state: TcpState): boolean {
  return state === 'ESTABLISHED' || state === 'SYN_SENT' || state === 'SYN_RECV' || state === 'SYNACK';
}

const FIXED_TCP_SECONDS = {
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
  return seconds(FIXED_TCP_SECONDS[state]);
}
