/** The state tables of TCP and SCTP against what Linux 6.1.192 made of a packet in every state, cell by cell. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { toSeconds } from '../../../src/base/index.ts';
import {
  type Direction,
  nextSctpState,
  nextTcpState,
  SCTP_STATES,
  type SctpEvent,
  type SctpState,
  sctpTimeout,
  TCP_STATES,
  type TcpState,
  tcpTimeout,
} from '../../../src/dataplane/memory/index.ts';
import { DEFAULT_TIMEOUTS } from '../../../src/model/index.ts';

const text = readFileSync(new URL('states-linux-6.1.192.txt', import.meta.url), 'utf8');
const rows = [...text.matchAll(/^(tcp|sctp)( secure)? (input|output|input-only) (\S+): (.*)$/gm)].map(([, protocol, secure, direction, event = '', next = '']) => ({
  protocol,
  secure: secure !== undefined,
  direction: direction as Direction,
  event,
  next: next.split(' '),
}));

describe('states of Linux 6.1.192', () => {
  it('are recorded for every state, event and direction', () => {
    const cells = (protocol: string): number => rows.filter((row) => row.protocol === protocol).reduce((sum, { next }) => sum + next.length, 0);
    // TCP's fifth event is a segment without any of the four flags; SCTP has one table, TCP one more with secure_tcp.
    expect([cells('tcp'), cells('sctp')]).toEqual([11 * 5 * 3 * 2, 14 * 10 * 3]);
  });

  it.each(rows)('$protocol, secure_tcp $secure, $direction, $event', ({ protocol, secure, direction, event, next }) => {
    const ours =
      protocol === 'tcp'
        ? TCP_STATES.map((state) => nextTcpState(state, { [event]: true }, direction, secure))
        : SCTP_STATES.map((state) => nextSctpState(state, event as SctpEvent, direction));
    expect(ours).toEqual(next);
  });

  it.each(['tcp', 'sctp'] as const)('of %s last as long', (protocol) => {
    const states = protocol === 'tcp' ? TCP_STATES : SCTP_STATES;
    const left = new RegExp(`^${protocol} seconds left: (.*)$`, 'm').exec(text)?.[1]?.match(/\S+ \d+/g) ?? [];
    // NONE is what nothing leads to.
    expect(left).toHaveLength(states.length - 1);
    for (const [state = '', seen] of left.map((pair) => pair.split(' '))) {
      const timeout = protocol === 'tcp' ? tcpTimeout(state as TcpState, DEFAULT_TIMEOUTS) : sctpTimeout(state as SctpState);
      expect(`${state} ${seen}`).toBe(`${state} ${toSeconds(timeout)}`);
    }
  });
});
