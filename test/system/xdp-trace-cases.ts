/** Questions to `trace`, and its answers: one for every kind of outcome. Those about full NAT and the SYN proxy are in xdp-trace-translated.ts. */
import { expect } from 'vitest';
import { ip, real, tcp } from '../compliance/harness.ts';
import { type Case, CLIENT, CLIENT6, FRAME6, NAT_SERVER, PORTS, reason, to } from './xdp-trace-tables.ts';

export const CASES: readonly Case[] = [
  {
    name: 'a new connection',
    expected: {
      interface: 'lo',
      packet: [expect.stringMatching(/^Ethernet /), 'IPv4 10.0.0.1 > 10.9.9.9, TTL 64, 40 bytes', 'TCP 40000 > 80 SYN'],
      fate: 'forwarded',
      service: '[10.9.9.9]:tcp:80',
      scheduler: 'rr',
      connection: { kind: 'new', nextState: 'SYN_RECV', nextSecondsLeft: expect.closeTo(60, -0.5) },
      server: { server: '10.2.0.2:80', method: 'dr', by: 'scheduler' },
      candidates: [2, 1].map((last) => ({
        server: `10.2.0.${last}:80`,
        weight: 1,
        activeConnections: 0,
        inactiveConnections: 0,
        overloaded: false,
      })),
      out: {
        interface: 'lo',
        packet: ['Ethernet 02:d1:00:00:00:01 > 02:05:0a:02:00:02', 'IPv4 10.0.0.1 > 10.9.9.9, TTL 63, 40 bytes', 'TCP 40000 > 80 SYN'],
      },
    },
  },
  {
    name: 'an established connection, by an ACK unless told otherwise',
    after: [{}, { flags: 'A' }],
    expected: {
      fate: 'forwarded',
      packet: expect.arrayContaining(['TCP 40000 > 80 ACK']),
      connection: {
        kind: 'existing',
        state: 'ESTABLISHED',
        secondsLeft: expect.closeTo(900, -0.5),
        nextState: 'ESTABLISHED',
        nextSecondsLeft: expect.closeTo(900, -0.5),
      },
      server: { server: '10.2.0.2:80', method: 'dr', by: 'connection' },
      candidates: undefined,
    },
  },
  {
    name: 'the end of a connection',
    after: [{}, { flags: 'A' }],
    flow: { flag: 'fin' },
    expected: { fate: 'forwarded', connection: expect.objectContaining({ state: 'ESTABLISHED', nextState: 'FIN_WAIT' }) },
  },
  {
    name: 'the reset of a connection',
    after: [{}, { flags: 'A' }],
    flow: { flag: 'rst' },
    expected: { connection: expect.objectContaining({ nextState: 'CLOSE', nextSecondsLeft: expect.closeTo(10, -0.5) }) },
  },
  {
    name: 'a SYN for a connection that is over: a new one',
    after: [{}, { flags: 'R' }, { flags: 'A' }, { flags: 'R' }],
    flow: { flag: 'syn' },
    expected: { fate: 'forwarded', connection: { kind: 'new', nextState: 'SYN_RECV', nextSecondsLeft: expect.closeTo(60, -0.5) } },
  },
  {
    name: 'a datagram',
    base: { ...CLIENT, protocol: 'udp', destinationPort: 53 },
    expected: { fate: 'forwarded', service: '[10.9.9.9]:udp:53', connection: expect.objectContaining({ kind: 'new', nextState: 'UDP' }) },
  },
  {
    name: 'the least loaded server',
    after: [1, 2, 3].map((port) => ({ destinationPort: PORTS.wlc, sourcePort: port })),
    flow: to(PORTS.wlc),
    expected: {
      scheduler: 'wlc',
      server: { server: '10.2.0.1:80', method: 'dr', by: 'scheduler' },
      candidates: [
        { server: '10.2.0.2:80', weight: 1, activeConnections: 1, inactiveConnections: 0, overloaded: false },
        { server: '10.2.0.1:80', weight: 3, activeConnections: 2, inactiveConnections: 0, overloaded: false },
      ],
    },
  },
  {
    name: 'through a tunnel',
    flow: to(PORTS.tunnel),
    expected: {
      server: { server: '10.2.0.60:86', method: 'tun', by: 'scheduler' },
      out: {
        interface: 'lo',
        packet: [
          expect.stringMatching(/^Ethernet /),
          'IPv4 10.2.0.254 > 10.2.0.60, TTL 63, 60 bytes',
          'IPv4 10.0.0.1 > 10.9.9.9, TTL 63, 40 bytes',
          'TCP 40000 > 86 SYN',
        ],
      },
    },
  },
  {
    name: 'through a GUE tunnel',
    flow: to(PORTS.gue),
    expected: {
      out: {
        interface: 'lo',
        packet: expect.arrayContaining(['GUE', 'IPv4 10.0.0.1 > 10.9.9.9, TTL 63, 40 bytes', expect.stringMatching(/^UDP \d+ > 6080$/)]),
      },
    },
  },
  {
    name: 'to a masqueraded server',
    flow: to(PORTS.nat),
    expected: {
      server: { server: '10.2.0.50:8080', method: 'nat', by: 'scheduler' },
      out: {
        interface: 'lo',
        packet: [expect.any(String), 'IPv4 10.0.0.1 > 10.2.0.50, TTL 63, 40 bytes', 'TCP 40000 > 8080 SYN'],
      },
    },
  },
  {
    name: 'the reply of a masqueraded server',
    after: [{ destinationPort: PORTS.nat }],
    base: { ...CLIENT, source: NAT_SERVER, sourcePort: 8080, destination: ip('10.0.0.1'), destinationPort: 40_000 },
    expected: {
      fate: 'forwarded',
      service: '[10.9.9.9]:tcp:85',
      connection: expect.objectContaining({ kind: 'existing', state: 'SYN_RECV', nextState: 'ESTABLISHED' }),
      server: { server: '10.2.0.50:8080', method: 'nat', by: 'reply' },
      out: {
        interface: 'lo',
        packet: ['Ethernet 02:d1:00:00:00:01 > 02:aa:5e:11:c3:01', 'IPv4 10.9.9.9 > 10.0.0.1, TTL 63, 40 bytes', 'TCP 85 > 40000 ACK'],
      },
    },
  },
  {
    name: 'what a masqueraded server sends on its own account',
    base: { ...CLIENT, source: NAT_SERVER, sourcePort: 1234, destination: ip('10.0.0.1'), destinationPort: 443 },
    expected: { fate: 'passed', reason: expect.objectContaining({ meaning: expect.stringMatching(/^is not for the address/) }) },
  },
  {
    name: 'a new client of a persistent service',
    flow: to(PORTS.persistent),
    expected: {
      fate: 'forwarded',
      template: { kind: 'new', client: '10.0.0.0', secondsLeft: expect.closeTo(300, -0.5) },
      server: expect.objectContaining({ by: 'scheduler' }),
    },
  },
  {
    name: 'a known client of a persistent service',
    after: [{ destinationPort: PORTS.persistent, source: '10.0.0.9' }],
    flow: to(PORTS.persistent),
    expected: {
      connection: expect.objectContaining({ kind: 'new' }),
      template: { kind: 'existing', client: '10.0.0.0', secondsLeft: expect.closeTo(300, -0.5) },
      server: { server: '10.2.0.2:80', method: 'dr', by: 'template' },
      candidates: undefined,
    },
  },
  {
    name: 'the connection of a persistent client',
    after: [{ destinationPort: PORTS.persistent }],
    flow: to(PORTS.persistent),
    expected: {
      connection: expect.objectContaining({ kind: 'existing' }),
      template: expect.objectContaining({ kind: 'existing' }),
      server: expect.objectContaining({ by: 'connection' }),
    },
  },
  {
    name: 'IPv6: a new connection',
    base: CLIENT6,
    expected: { fate: 'forwarded', service: '[fd00:9::9]:tcp:80', connection: expect.objectContaining({ kind: 'new' }) },
  },
  {
    name: 'IPv6: an established connection of a persistent client',
    base: { ...CLIENT6, destinationPort: 87 },
    after: [
      { ...FRAME6, destinationPort: 87 },
      { ...FRAME6, destinationPort: 87, flags: 'A' },
    ],
    expected: {
      connection: expect.objectContaining({ kind: 'existing', state: 'ESTABLISHED' }),
      template: expect.objectContaining({ kind: 'existing', client: 'fd00::' }),
      out: { interface: 'lo', packet: expect.arrayContaining(['IPv6 fd00::1 > fd00:9::9, hop limit 63, 60 bytes']) },
    },
  },
  {
    name: 'IPv6: an echo request',
    base: { ...CLIENT6, protocol: 'icmp', sourcePort: 0, destinationPort: 0 },
    expected: { fate: 'passed', ...reason('PASS_ICMP') },
  },
  {
    name: 'IPv6: no server',
    base: { ...CLIENT6, destinationPort: PORTS.empty },
    expected: {
      fate: 'answered',
      ...reason('REJECT_NO_SERVER'),
      out: expect.objectContaining({ packet: expect.arrayContaining(['ICMPv6 type 1 code 4']) }),
    },
  },
  {
    name: 'an echo request',
    base: { ...CLIENT, protocol: 'icmp', sourcePort: 0, destinationPort: 0 },
    expected: { fate: 'passed', ...reason('PASS_ICMP'), service: undefined },
  },
  {
    name: 'a port without a service',
    flow: to(99),
    expected: { fate: 'passed', ...reason('PASS_NO_SERVICE'), service: undefined, out: undefined },
  },
  {
    name: 'another address',
    flow: { destination: ip('10.9.9.8') },
    expected: { fate: 'passed', reason: { meaning: expect.any(String), remedy: expect.any(String) } },
  },
  {
    name: 'an ACK of nothing',
    flow: { flag: 'ack' },
    expected: { fate: 'passed', ...reason('PASS_NO_CONNECTION'), service: '[10.9.9.9]:tcp:80' },
  },
  { name: "active FTP's data port", flow: { sourcePort: 20 }, expected: { fate: 'passed', ...reason('PASS_FTP_DATA') } },
  { name: 'SCTP', flow: { protocol: 'sctp' }, expected: { fate: 'passed', ...reason('PASS_NO_SERVICE') } },
  {
    name: 'the director itself as a server',
    flow: to(PORTS.local),
    expected: {
      fate: 'passed',
      ...reason('PASS_LOCAL_SERVER'),
      server: expect.objectContaining({ server: '10.2.0.77:82' }),
      connection: expect.objectContaining({ kind: 'new' }),
    },
  },
  {
    name: 'a server without a next hop',
    flow: to(PORTS.unknown),
    expected: {
      fate: 'dropped',
      ...reason('DROP_NO_NEXT_HOP'),
      out: undefined,
      server: expect.objectContaining({ server: '10.2.0.66:83' }),
    },
  },
  {
    name: 'no server',
    flow: to(PORTS.empty),
    expected: {
      fate: 'answered',
      ...reason('REJECT_NO_SERVER'),
      connection: undefined,
      out: {
        interface: 'lo',
        packet: expect.arrayContaining([
          'IPv4 10.9.9.9 > 10.0.0.1, TTL 64, 56 bytes',
          'ICMP type 3 code 3',
          'about IPv4 10.0.0.1 > 10.9.9.9, TTL 64, 40 bytes',
        ]),
      },
    },
  },
  {
    name: 'only drained servers',
    flow: to(PORTS.drained),
    expected: { ...reason('REJECT_NO_SERVER'), candidates: [expect.objectContaining({ weight: 0 })], server: undefined },
  },
  { name: 'a packet at its last hop', flow: { hops: 1 }, expected: { fate: 'answered', ...reason('REJECT_TTL_EXCEEDED') } },
  {
    name: 'a segment that is too long',
    flow: { ...to(PORTS.narrow), length: 9000 },
    expected: {
      fate: 'answered',
      ...reason('REJECT_TOO_BIG'),
      out: expect.objectContaining({ packet: expect.arrayContaining(['ICMP type 3 code 4']) }),
    },
  },
  {
    name: 'a datagram that is too long',
    base: { ...CLIENT, protocol: 'udp', destinationPort: PORTS.narrow, length: 1400 },
    expected: { fate: 'answered', ...reason('REJECT_TOO_BIG') },
  },
  {
    name: 'a connection whose server was deleted',
    after: [{}, { flags: 'A' }],
    given: (rig) => rig.plane.deleteServer(tcp(80), real(2)),
    expected: {
      fate: 'dropped',
      ...reason('DROP_SERVER_DELETED'),
      connection: expect.objectContaining({ kind: 'existing', state: 'ESTABLISHED' }),
      server: { server: '10.2.0.2:80', method: 'dr', by: 'connection' },
    },
  },
  {
    name: 'a connection that is known but whose service was deleted',
    after: [{}, { flags: 'A' }],
    given: (rig) => rig.plane.deleteService(tcp(80)),
    expected: { fate: 'dropped', ...reason('DROP_SERVER_DELETED') },
  },
];
