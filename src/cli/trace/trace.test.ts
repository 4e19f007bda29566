import { describe, expect, it } from 'vitest';
import type { TraceAnswer } from '../../api/index.ts';
import { parseFlow } from './flow.ts';
import { formatTrace } from './format.ts';
import { runTrace } from './index.ts';

const words = ['192.0.2.7:40000', '192.168.18.200:80'] as const;

describe('the words of a packet', () => {
  it('are protocol, source and destination', () => {
    const flow = { protocol: 'tcp', source: '192.0.2.7', sourcePort: 40_000, destination: '192.168.18.200', destinationPort: 80 };
    expect(parseFlow('tcp', ...words, {})).toEqual(flow);
    expect(parseFlow('TCP', ...words, { fin: true, interface: 'eth1', length: '1500', ttl: '3' })).toEqual({
      ...flow,
      flag: 'fin',
      interface: 'eth1',
      length: 1500,
      hops: 3,
    });
    expect(parseFlow('udp', '[2001:db8::7]:53', '[2001:db8::1]:53', {})).toMatchObject({ source: '2001:db8::7', destinationPort: 53 });
    expect(parseFlow('icmp', '2001:db8::7', '2001:db8::1', {})).toMatchObject({ protocol: 'icmp', sourcePort: 0, destinationPort: 0 });
  });

  it.each([
    ['dccp', ...words, {}, /'dccp' is no protocol/],
    ['tcp', '192.0.2.7', words[1], {}, /'192.0.2.7' is not ADDRESS:PORT/],
    ['tcp', '2001:db8::7:80', words[1], {}, /\[ADDRESS\]:PORT/],
    ['tcp', '192.0.2.7:70000', words[1], {}, /is not ADDRESS:PORT/],
    ['tcp', 'www.example.com:80', words[1], {}, /is not ADDRESS:PORT/],
    ['icmp', words[0], words[1], {}, /is no IP address/],
    ['tcp', ...words, { syn: true, ack: true } as const, /one of --syn, --ack/],
    ['udp', ...words, { rst: true } as const, /--rst is for TCP/],
    ['tcp', ...words, { length: 'long' }, /'long' is not a length/],
    ['tcp', ...words, { ttl: '-1' }, /'-1' is not a TTL/],
  ])('%s %s %s is refused', (protocol, source, destination, options, message) => {
    expect(() => parseFlow(protocol, source, destination, options)).toThrow(message);
  });

  it('that are wrong end with usage, before anybody is asked', async () => {
    const said: string[] = [];
    const io = { out: (text: string) => void said.push(text), err: (text: string) => void said.push(text) };
    expect(await runTrace(['tcp', 'x', 'y'], { socket: '/nowhere/vipwright.sock' }, io)).toBe(2);
    expect(said).toEqual(["vipwright: 'x' is not ADDRESS:PORT, with IPv6 [ADDRESS]:PORT\n"]);
  });
});

describe('the answer in words', () => {
  it('of a new connection', () => {
    const report: TraceAnswer = {
      interface: 'eth0',
      packet: ['IPv4 192.0.2.7 > 192.168.18.200, TTL 64, 40 bytes', 'TCP 40000 > 80 SYN'],
      fate: 'forwarded',
      service: '[192.168.18.200]:tcp:80',
      scheduler: 'wlc',
      connection: { kind: 'new', nextState: 'SYN_RECV', nextSecondsLeft: 60 },
      template: { kind: 'new', client: '192.0.2.0', secondsLeft: 300 },
      server: { server: '192.168.18.21:80', method: 'tun', tunnel: { type: 'gue', port: 6080, checksum: 'none' }, by: 'scheduler' },
      candidates: [
        { server: '192.168.18.22:80', weight: 0, activeConnections: 1, inactiveConnections: 0, overloaded: false },
        { server: '192.168.18.21:80', weight: 3, activeConnections: 4, inactiveConnections: 1, overloaded: false },
        { server: '192.168.18.20:80', weight: 3, activeConnections: 9, inactiveConnections: 0, overloaded: true },
      ],
      out: { interface: 'eth1', packet: ['IPv4 192.0.2.7 > 192.168.18.200, TTL 63, 40 bytes'] },
    };
    expect(formatTrace(report)).toBe(`\
packet       comes in by eth0
             IPv4 192.0.2.7 > 192.168.18.200, TTL 64, 40 bytes
             TCP 40000 > 80 SYN
service      [192.168.18.200]:tcp:80, scheduler wlc
connection   new, it would be SYN_RECV for 60 s
template     new, for client 192.0.2.0, 300 s
real server  192.168.18.21:80 (tun gue): the scheduler takes it now
               192.168.18.22:80  weight 0, active 1, inactive 0, takes none
             > 192.168.18.21:80  weight 3, active 4, inactive 1
               192.168.18.20:80  weight 3, active 9, inactive 0, over its threshold
forwarded    out by eth1, through a tunnel
             IPv4 192.0.2.7 > 192.168.18.200, TTL 63, 40 bytes
`);
  });

  it('of a packet of a known connection that goes nowhere', () => {
    const report: TraceAnswer = {
      interface: 'eth0',
      packet: [],
      fate: 'dropped',
      reason: { number: 3, name: 'DROP_SERVER_DELETED', meaning: 'belongs to nobody.', remedy: 'Nothing.' },
      service: '[192.168.18.200]:tcp:80',
      scheduler: 'rr',
      connection: { kind: 'existing', state: 'ESTABLISHED', secondsLeft: 850, nextState: 'ESTABLISHED', nextSecondsLeft: 850 },
      template: { kind: 'existing', client: '192.0.2.0', secondsLeft: 20 },
      server: { server: '192.168.18.21:80', method: 'dr', by: 'connection' },
    };
    expect(formatTrace(report)).toBe(`\
packet       comes in by eth0
service      [192.168.18.200]:tcp:80, scheduler rr
connection   known: ESTABLISHED, 850 s left
             after this packet ESTABLISHED for 850 s
template     of client 192.0.2.0, 20 s left
real server  192.168.18.21:80 (dr): the connection has it
dropped      nothing leaves
             DROP_SERVER_DELETED (3): the packet belongs to nobody.
             What to do: Nothing.
`);
  });

  it.each([
    ['awaits-server', "the SYN proxy made it, and waits for the real server's answer to its SYN"],
    ['translates', 'the SYN proxy made it, and translates its sequence numbers'],
  ] as const)('of a connection by full NAT that the SYN proxy made: %s', (synProxy, words) => {
    const connection = { kind: 'existing', state: 'SYN_RECV', secondsLeft: 9, local: '10.2.0.201:1024', synProxy } as const;
    expect(formatTrace({ interface: 'eth0', packet: [], fate: 'forwarded', connection })).toContain(`\
connection   known: SYN_RECV, 9 s left
             the real server sees it come from 10.2.0.201:1024
             ${words}
`);
  });

  it('of what is none of ours', () => {
    const report: TraceAnswer = { interface: 'eth0', packet: [], fate: 'passed', reason: { meaning: 'is not ours.', remedy: 'Look.' } };
    expect(formatTrace(report)).toBe(`\
packet       comes in by eth0
connection   none
passed       to the director's own network stack
             the packet is not ours.
             What to do: Look.
`);
  });

  it.each([
    ['nat', 'reply', 'out by eth0, to the client under the virtual address'],
    ['nat', 'connection', 'out by eth0, by masquerading'],
    ['dr', 'template', 'out by eth0, by direct routing'],
  ] as const)('of %s and %s', (method, by, wanted) => {
    const out = { interface: 'eth0', packet: [] };
    const report: TraceAnswer = { interface: 'eth0', packet: [], fate: 'forwarded', server: { server: '10.0.0.1:80', method, by }, out };
    expect(formatTrace(report)).toContain(`forwarded    ${wanted}\n`);
  });

  it('of an answer with an ICMP error', () => {
    const report: TraceAnswer = {
      interface: 'eth0',
      packet: [],
      fate: 'answered',
      out: { interface: 'eth0', packet: ['ICMP type 3 code 3'] },
    };
    expect(formatTrace(report)).toContain(
      'answered     out by eth0, back to where the packet came from\n             ICMP type 3 code 3\n',
    );
  });
});
