/** Questions to `trace` about full NAT, the SYN proxy and other defences: what the packet path has to remember to answer them. */
import { expect } from 'vitest';
import type { ConnectionStatus, TraceFlow } from '../../src/ports/index.ts';
import { ip } from '../compliance/harness.ts';
import { buildFrame, type FrameFields } from './xdp-frames.ts';
import type { Rig } from './xdp-support.ts';
import { seeSegment } from './xdp-tcp.ts';
import {
  type Case,
  CLIENT,
  FRAME6,
  FULL_NAT_SERVER,
  FULL_NAT_SERVER6,
  LOCAL_ADDRESSES,
  NAT_SERVER,
  PORTS,
  reason,
  to,
} from './xdp-trace-tables.ts';

const CLIENTS_FIRST = 0xffff_ff00;
const SERVERS_FIRST = 0x1234_5678;

/** What the server by full NAT answers to a local endpoint. */
export function fromFullNatServer(local: ConnectionStatus['local'], source = FULL_NAT_SERVER): Partial<TraceFlow> {
  if (!local) throw new Error('the connection has no local endpoint');
  return { source: ip(source), sourcePort: 8080, destination: local.address, destinationPort: local.port };
}
const ofOnlyConnection =
  (source: string) =>
  (rig: Rig): Partial<TraceFlow> =>
    fromFullNatServer([...rig.plane.connections()][0]?.local, source);
const fromNatServer: Partial<TraceFlow> = { source: NAT_SERVER, sourcePort: 8080, destination: ip('10.0.0.1'), destinationPort: 40_000 };

/** The SYN proxy shakes hands with the client, and where it is said with the server too. */
function shakeHands(destinationPort: number, withServer: boolean): (rig: Rig) => void {
  return (rig) => {
    const opening = { destinationPort, sequence: CLIENTS_FIRST };
    const cookie = seeSegment(rig.run(buildFrame(opening)).frame).sequence;
    rig.run(buildFrame({ ...opening, flags: 'A', sequence: CLIENTS_FIRST + 1, acknowledgement: cookie + 1 }));
    if (!withServer) return;
    const local = [...rig.plane.connections()][0]?.local;
    const { source, sourcePort, destination, destinationPort: to } = local ? fromFullNatServer(local) : fromNatServer;
    const ends = { source: String(source), sourcePort, destination: String(destination), destinationPort: to } as FrameFields;
    rig.run(buildFrame({ ...ends, flags: 'SA', sequence: SERVERS_FIRST, acknowledgement: CLIENTS_FIRST + 1 }));
  };
}

export const TRANSLATED: readonly Case[] = [
  {
    name: 'a new connection by full NAT',
    flow: to(PORTS.fullNat),
    expected: {
      fate: 'forwarded',
      connection: expect.objectContaining({ kind: 'new', local: expect.stringMatching(/^10\.2\.0\.201:\d+$/) }),
      server: { server: `${FULL_NAT_SERVER}:8080`, method: 'fullnat', by: 'scheduler' },
      out: {
        interface: 'lo',
        packet: [
          expect.any(String),
          `IPv4 10.2.0.201 > ${FULL_NAT_SERVER}, TTL 63, 40 bytes`,
          expect.stringMatching(/^TCP \d+ > 8080 SYN$/),
        ],
      },
    },
  },
  {
    name: 'a segment by full NAT that names its client',
    after: [{ destinationPort: PORTS.fullNat }],
    flow: to(PORTS.fullNat),
    expected: {
      connection: expect.objectContaining({ kind: 'existing', state: 'SYN_RECV', local: expect.any(String) }),
      out: {
        interface: 'lo',
        packet: [
          expect.any(String),
          `IPv4 10.2.0.201 > ${FULL_NAT_SERVER}, TTL 63, 48 bytes`,
          expect.stringMatching(/^TCP \d+ > 8080 ACK, client 10\.0\.0\.1 40000$/),
        ],
      },
    },
  },
  {
    name: 'the reply by full NAT',
    after: [{ destinationPort: PORTS.fullNat }, { destinationPort: PORTS.fullNat, flags: 'A' }],
    flow: ofOnlyConnection(FULL_NAT_SERVER),
    expected: {
      fate: 'forwarded',
      service: '[10.9.9.9]:tcp:91',
      connection: expect.objectContaining({ kind: 'existing', state: 'ESTABLISHED', local: expect.stringMatching(/^10\.2\.0\.201:/) }),
      server: { server: `${FULL_NAT_SERVER}:8080`, method: 'fullnat', by: 'reply' },
      out: {
        interface: 'lo',
        packet: ['Ethernet 02:d1:00:00:00:01 > 02:aa:5e:11:c3:01', 'IPv4 10.9.9.9 > 10.0.0.1, TTL 63, 40 bytes', 'TCP 91 > 40000 ACK'],
      },
    },
  },
  {
    name: 'IPv6: the reply by full NAT',
    after: [{ ...FRAME6, destinationPort: PORTS.fullNat }],
    flow: ofOnlyConnection(FULL_NAT_SERVER6),
    expected: {
      fate: 'forwarded',
      connection: expect.objectContaining({ kind: 'existing', local: expect.stringMatching(/^\[fd00:2::201\]:/) }),
      out: { interface: 'lo', packet: expect.arrayContaining(['IPv6 fd00:9::9 > fd00::1, hop limit 63, 60 bytes', 'TCP 91 > 40000 ACK']) },
    },
  },
  {
    name: 'what a server sends to a local address on its own account',
    base: { ...CLIENT, ...fromFullNatServer({ address: LOCAL_ADDRESSES[4], port: 1 }) },
    expected: { fate: 'passed', reason: expect.objectContaining({ meaning: expect.stringMatching(/^is not for the address/) }) },
  },
  {
    name: 'a SYN that is answered with a cookie',
    flow: to(PORTS.cookies),
    expected: {
      fate: 'answered',
      ...reason('ANSWER_COOKIE'),
      connection: undefined,
      out: expect.objectContaining({ packet: expect.arrayContaining(['TCP 92 > 40000 SYN ACK']) }),
    },
  },
  {
    name: 'a client of the SYN proxy while the server has not answered',
    given: shakeHands(PORTS.cookies, false),
    flow: to(PORTS.cookies),
    expected: {
      fate: 'forwarded',
      ...reason('ANSWER_HANDSHAKE'),
      connection: expect.objectContaining({ kind: 'existing', state: 'SYN_RECV', synProxy: 'awaits-server' }),
      server: { server: '10.2.0.50:8080', method: 'nat', by: 'connection' },
      out: expect.objectContaining({ packet: expect.arrayContaining(['TCP 40000 > 8080 SYN']) }),
    },
  },
  {
    name: 'a reset of such a client',
    given: shakeHands(PORTS.cookies, false),
    flow: { ...to(PORTS.cookies), flag: 'rst' },
    expected: {
      fate: 'dropped',
      ...reason('DROP_AWAITING_SERVER'),
      service: '[10.9.9.9]:tcp:92',
      connection: expect.objectContaining({ synProxy: 'awaits-server' }),
    },
  },
  {
    name: 'the answer that the SYN proxy waits for',
    given: shakeHands(PORTS.cookies, false),
    base: { ...CLIENT, ...fromNatServer },
    expected: {
      packet: expect.arrayContaining(['TCP 8080 > 40000 SYN ACK']),
      fate: 'forwarded',
      connection: expect.objectContaining({ synProxy: 'awaits-server' }),
      server: { server: '10.2.0.50:8080', method: 'nat', by: 'reply' },
      out: expect.objectContaining({
        packet: expect.arrayContaining(['IPv4 10.9.9.9 > 10.0.0.1, TTL 63, 41 bytes', 'TCP 92 > 40000 ACK']),
      }),
    },
  },
  {
    name: 'an answer that it does not wait for',
    given: shakeHands(PORTS.cookies, false),
    base: { ...CLIENT, ...fromNatServer, flag: 'ack' },
    expected: { fate: 'dropped', ...reason('DROP_AWAITING_SERVER'), server: expect.objectContaining({ by: 'reply' }) },
  },
  {
    name: 'a client of the SYN proxy whose server has answered',
    given: shakeHands(PORTS.cookies, true),
    flow: to(PORTS.cookies),
    expected: {
      fate: 'forwarded',
      reason: undefined,
      connection: expect.objectContaining({ nextState: 'ESTABLISHED', synProxy: 'translates' }),
      out: expect.objectContaining({ packet: expect.arrayContaining(['TCP 40000 > 8080 ACK']) }),
    },
  },
  {
    name: 'its server',
    given: shakeHands(PORTS.cookies, true),
    base: { ...CLIENT, ...fromNatServer },
    expected: {
      fate: 'forwarded',
      connection: expect.objectContaining({ synProxy: 'translates' }),
      out: expect.objectContaining({
        packet: expect.arrayContaining(['IPv4 10.9.9.9 > 10.0.0.1, TTL 63, 40 bytes', 'TCP 92 > 40000 ACK']),
      }),
    },
  },
  {
    name: 'a client of the SYN proxy by full NAT',
    given: shakeHands(PORTS.cookiesFullNat, true),
    flow: to(PORTS.cookiesFullNat),
    expected: {
      connection: expect.objectContaining({ local: expect.any(String), synProxy: 'translates' }),
      out: expect.objectContaining({
        packet: expect.arrayContaining([expect.stringMatching(/^TCP \d+ > 8080 ACK, client 10\.0\.0\.1 40000$/)]),
      }),
    },
  },
  {
    name: 'the answer that the SYN proxy waits for, by full NAT',
    given: shakeHands(PORTS.cookiesFullNat, false),
    flow: ofOnlyConnection(FULL_NAT_SERVER),
    expected: {
      packet: expect.arrayContaining([expect.stringMatching(/^TCP 8080 > \d+ SYN ACK$/)]),
      fate: 'forwarded',
      service: '[10.9.9.9]:tcp:93',
      connection: expect.objectContaining({ local: expect.any(String), synProxy: 'awaits-server' }),
      out: expect.objectContaining({
        packet: expect.arrayContaining(['IPv4 10.9.9.9 > 10.0.0.1, TTL 63, 41 bytes', 'TCP 93 > 40000 ACK']),
      }),
    },
  },
  {
    name: 'a client who has to prove that he is there',
    flow: to(PORTS.challenge),
    expected: { fate: 'answered', ...reason('ANSWER_CHALLENGE'), connection: undefined },
  },
  {
    name: 'a client who has proven it',
    given: (rig) => {
      const challenge = seeSegment(rig.run(buildFrame(to(PORTS.challenge) as FrameFields)).frame);
      rig.run(buildFrame({ ...(to(PORTS.challenge) as FrameFields), flags: 'R', sequence: challenge.acknowledged }));
    },
    flow: to(PORTS.challenge),
    expected: { fate: 'forwarded', connection: expect.objectContaining({ kind: 'new' }) },
  },
  {
    name: 'a source that has made as many connections as it may',
    after: [{ destinationPort: PORTS.limited }],
    flow: { ...to(PORTS.limited), sourcePort: 40_001 },
    expected: { fate: 'dropped', ...reason('DROP_SOURCE_LIMIT'), connection: undefined },
  },
];
