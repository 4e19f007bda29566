/** SCTP's connection states: IPVS's tables, in the order of the kernel's (ip_vs_proto_sctp) and with ipvsadm's names. */
import { type Micros, seconds } from '../../base/index.ts';
import type { Direction } from './directions.ts';

/** By number, 0 first, as ipvsadm prints them. */
export const SCTP_STATES = [
  'NONE',
  'INIT1',
  'INIT',
  'C-SENT',
  'C-REPLIED',
  'C-WAIT',
  'COOKIE',
  'C-ECHOED',
  'ESTABLISHED',
  'S-SENT',
  'S-RECEIVED',
  'S-ACK-SENT',
  'REJECTED',
  'CLOSED',
] as const;
export type SctpState = (typeof SCTP_STATES)[number];

/** What a packet is to the tables, by its first chunk. `data` is also every chunk that has no event of its own. */
export const SCTP_EVENTS = [
  'data',
  'init',
  'init-ack',
  'cookie-echo',
  'cookie-ack',
  'shutdown',
  'shutdown-ack',
  'shutdown-complete',
  'error',
  'abort',
] as const;
export type SctpEvent = (typeof SCTP_EVENTS)[number];

/** Chunk types of RFC 9260 that mean something to the tables. */
const EVENT_OF_CHUNK: Readonly<Record<number, SctpEvent>> = {
  1: 'init',
  2: 'init-ack',
  6: 'abort',
  7: 'shutdown',
  8: 'shutdown-ack',
  9: 'error',
  10: 'cookie-echo',
  11: 'cookie-ack',
  14: 'shutdown-complete',
};

/** The names of SCTP_STATES in the tables below, in the same order. */
const SHORT = ['NO', 'I1', 'IN', 'CS', 'CR', 'CW', 'CO', 'CE', 'ES', 'SS', 'SR', 'SA', 'RJ', 'CL'];

type Rows = Readonly<Record<SctpEvent, string>>;

/** The next state for each present one, these in the order of SHORT. */
const TABLE: Readonly<Record<Direction, Rows>> = {
  input: {
    data: 'ES I1 IN CS CR CW CO CE ES SS SR SA RJ CL',
    init: 'I1 IN IN CS CR CW CO CE ES SS SR SA IN IN',
    'init-ack': 'CW CW CW CS CR CO CO CE ES SS SR SA RJ CL',
    'cookie-echo': 'CR IN IN CR CR CW CO CE ES SS SR SA RJ CL',
    'cookie-ack': 'ES I1 IN CS CR CW CO ES ES SS SR SA RJ CL',
    shutdown: 'SR I1 IN CS CR CW CO CE SR SS SR SA RJ CL',
    'shutdown-ack': 'CL IN IN CS CR CW CO CE ES CL SR CL RJ CL',
    'shutdown-complete': 'CL CL CL CS CR CW CO CE ES SS SR CL RJ CL',
    error: 'CL I1 IN CS CR CW CO CL ES SS SR SA RJ CL',
    abort: 'CL CL CL CL CL RJ CL CL CL CL CL CL CL CL',
  },
  output: {
    data: 'ES I1 IN CS CR CW CO CE ES SS SR SA RJ CL',
    init: 'CW CW CW CW CW CW CW CW ES CW CW CW CW CW',
    'init-ack': 'CS CS CS CS CR CW CO CE ES SS SR SA RJ CL',
    'cookie-echo': 'CE CE CE CE CE CE CE CE ES SS SR SA RJ CL',
    'cookie-ack': 'ES ES ES ES ES ES ES ES ES SS SR SA RJ CL',
    shutdown: 'SS SS SS SS SS SS SS SS SS SS SR SA RJ CL',
    'shutdown-ack': 'SA SA SA SA SA CW CO CE ES SA SA SA RJ CL',
    'shutdown-complete': 'CL I1 IN CS CR CW CO CE ES SS SR SA RJ CL',
    error: 'CL CL CL CL CL CW CO CE ES SS SR SA RJ CL',
    abort: 'CL RJ CL CL CL CL CL CL CL CL CL CL CL CL',
  },
  'input-only': {
    data: 'ES I1 IN CS CR ES CO CE ES SS SR SA RJ CL',
    init: 'I1 IN IN IN IN IN CO CE ES SS SR SA IN IN',
    'init-ack': 'CE CE CE CE CE CE CO CE ES SS SR SA RJ CL',
    'cookie-echo': 'ES ES ES ES ES ES CO CE ES SS SR SA RJ CL',
    'cookie-ack': 'ES I1 IN ES ES CW ES ES ES SS SR SA RJ CL',
    shutdown: 'SR I1 IN CS CR CW CO CE SR SS SR SA RJ CL',
    'shutdown-ack': 'CL IN IN CS CR CW CO CE CL CL SR CL RJ CL',
    'shutdown-complete': 'CL CL CL CL CL CW CO CE ES SS CL CL RJ CL',
    error: 'CL I1 IN CS CR CW CO CE ES SS SR SA RJ CL',
    abort: 'CL CL CL CL CL RJ CL CL CL CL CL CL CL CL',
  },
};

type Rules = ReadonlyMap<SctpEvent, readonly SctpState[]>;

const RULES: Readonly<Record<Direction, Rules>> = {
  input: rulesOf(TABLE.input),
  output: rulesOf(TABLE.output),
  'input-only': rulesOf(TABLE['input-only']),
};

function rulesOf(rows: Rows): Rules {
  const states = (text: string): SctpState[] => text.split(' ').map((short) => SCTP_STATES[SHORT.indexOf(short)] as SctpState);
  return new Map(SCTP_EVENTS.map((event) => [event, states(rows[event])]));
}

/**
 * The event of a packet, given the types of its chunks in order. Behind a COOKIE ECHO or COOKIE ACK other chunks may follow:
 * an ABORT there is the event.
 */
export function sctpEvent(chunks: readonly number[]): SctpEvent {
  const [first = 0, second] = chunks;
  const event = EVENT_OF_CHUNK[first] ?? 'data';
  const bundles = event === 'cookie-echo' || event === 'cookie-ack';
  return bundles && second !== undefined && EVENT_OF_CHUNK[second] === 'abort' ? 'abort' : event;
}

export function nextSctpState(state: SctpState, event: SctpEvent, direction: Direction): SctpState {
  return RULES[direction].get(event)?.[SCTP_STATES.indexOf(state)] as SctpState;
}

/** Only established associations count as active. */
export function isActiveSctpState(state: SctpState): boolean {
  return state === 'ESTABLISHED';
}

/** How long an SCTP connection may be silent; nothing changes these. */
export function sctpTimeout(state: SctpState): Micros {
  if (state === 'ESTABLISHED') return seconds(900);
  if (state === 'NONE') return seconds(2);
  if (state === 'S-RECEIVED') return seconds(60);
  return state === 'INIT1' || state === 'REJECTED' ? seconds(4) : seconds(61);
}
