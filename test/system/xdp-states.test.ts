/**
 * The state tables of the real packet path: every state, event and direction, with both tables of TCP, against what Linux did. Each cell
 * puts the only connection into a state, by its entry in the map, and sends it a packet.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toSeconds } from '../../src/base/index.ts';
import {
  type Direction,
  isActiveSctpState,
  isActiveTcpState,
  SCTP_STATES,
  type SctpState,
  sctpTimeout,
  TCP_STATES,
  type TcpState,
  tcpTimeout,
} from '../../src/dataplane/memory/index.ts';
import { DEFAULT_TIMEOUTS, type ServiceKey } from '../../src/model/index.ts';
import { expectAbout, real, tcp, VIP } from '../compliance/harness.ts';
import { buildFrame, type FrameFields, PROTOCOL } from './xdp-frames.ts';
import { Rig } from './xdp-support.ts';

const recording = readFileSync(new URL('../golden/ipvs/states-linux-6.1.192.txt', import.meta.url), 'utf8');
const rows = [...recording.matchAll(/^(tcp|sctp)( secure)? (input|output|input-only) (\S+): (.*)$/gm)].map((row) => ({
  protocol: row[1] as 'tcp' | 'sctp',
  secure: row[2] !== undefined,
  direction: row[3] as Direction,
  event: row[4] as string,
  next: (row[5] as string).split(' '),
}));

/** What makes a segment the event; a reset and a FIN also come with an ACK, which counts for nothing then. */
const SEGMENTS: Readonly<Record<string, readonly string[]>> = {
  syn: ['S', 'SA', 'SF'],
  fin: ['F', 'FA'],
  ack: ['A', 'PA'],
  rst: ['R', 'RA', 'RS'],
  none: ['', 'P'],
};
/** The types of the chunks; an ABORT behind a COOKIE ECHO or COOKIE ACK goes before it, behind another chunk it counts for nothing. */
const CHUNKS: Readonly<Record<string, readonly (readonly number[])[]>> = {
  data: [[0], [3], [0, 6], [192]],
  init: [[1]],
  'init-ack': [[2], [2, 6]],
  'cookie-echo': [[10], [10, 0]],
  'cookie-ack': [[11], [11, 0]],
  shutdown: [[7]],
  'shutdown-ack': [[8]],
  'shutdown-complete': [[14]],
  error: [[9]],
  abort: [[6], [10, 6], [11, 6]],
};
const [DIRECT_PORT, NAT_PORT, SERVER_PORT] = [80, 81, 8080];
/** SCTP's are so much higher. */
const SCTP_PORTS = 100;

function sctp(port: number): ServiceKey {
  return { kind: 'address', protocol: 'sctp', address: VIP, port };
}

describe('the packet path moves connections from state to state as Linux 6.1.192 did', () => {
  let rig: Rig;
  beforeAll(() => {
    // Or a SYN to a connection that is over would begin another one.
    rig = new Rig({ settings: { connectionReuse: 0 } });
    for (const [key, server] of [
      [tcp(DIRECT_PORT), real(1, 1, { port: DIRECT_PORT })],
      [tcp(NAT_PORT), real(2, 1, { port: SERVER_PORT, method: 'nat' })],
      [sctp(DIRECT_PORT + SCTP_PORTS), real(3, 1, { port: DIRECT_PORT })],
      [sctp(NAT_PORT + SCTP_PORTS), real(2, 1, { port: SERVER_PORT, method: 'nat' })],
    ] as const) {
      rig.plane.addService({ key, scheduler: 'rr', schedulerFlags: [], onePacket: false });
      rig.plane.addServer(key, server);
    }
    for (const destinationPort of [DIRECT_PORT, NAT_PORT]) {
      expect(rig.run(buildFrame({ destinationPort })).verdict).toBe('TX');
      const init = { destinationPort: destinationPort + SCTP_PORTS, protocol: PROTOCOL.sctp, chunks: [1] };
      expect(rig.run(buildFrame(init)).verdict).toBe('TX');
    }
  });
  afterAll(() => rig.close());

  function portOf(direction: Direction, protocol: 'tcp' | 'sctp' = 'tcp'): number {
    return (direction === 'input-only' ? DIRECT_PORT : NAT_PORT) + (protocol === 'sctp' ? SCTP_PORTS : 0);
  }

  /** Puts the connection of a port into a state: the entry and its server's counts. */
  function force(port: number, state: number, active: boolean): void {
    const { loads, numbers, tables } = rig.plane.path;
    const { entries, lines } = tables[0];
    const { META_VALID, META_REPLY, META_STATE, META_INACTIVE } = numbers.meta as Record<string, number>;
    const kind = (META_VALID as number) | (META_REPLY as number);
    const index = Array.from({ length: lines * 2 }, (_, slot) => slot).find(
      (slot) => (entries.u32(slot, 'meta') & kind) === META_VALID && entries.port(slot, 'virtual_port') === port,
    );
    if (index === undefined) throw new Error(`port ${port} has no connection`);
    const rest = entries.u32(index, 'meta') & ~((META_STATE as number) | (META_INACTIVE as number));
    entries.setU32(index, 'meta', (rest | state | (active ? 0 : (META_INACTIVE as number))) >>> 0);
    const server = entries.u32(index, 'server');
    loads.setU32(server, 'connections', 1);
    // The upper half of the same word.
    new DataView(loads.bytes.buffer, loads.bytes.byteOffset).setUint32(loads.at(server, 'connections') + 4, active ? 1 : 0, true);
  }

  function send(direction: Direction, packet: FrameFields): void {
    const toServer = { destinationPort: portOf(direction, packet.chunks ? 'sctp' : 'tcp'), ...packet };
    const toClient = { source: '10.2.0.2', sourcePort: SERVER_PORT, destination: '10.0.0.1', destinationPort: 40_000, ...packet };
    expect(rig.run(buildFrame(direction === 'output' ? toClient : toServer)).verdict).toBe('TX');
  }

  /** State, active and inactive connections, and the remaining seconds of the connection of a port. */
  function look(port: number): { state: string; counts: readonly number[]; seconds: number } {
    const isPort = (key: ServiceKey): boolean => key.kind === 'address' && key.port === port;
    const connections = [...rig.plane.connections()].filter(({ virtualPort }) => virtualPort === port);
    const [server] = rig.plane.services().find(({ key }) => isPort(key))?.servers ?? [];
    expect(connections).toHaveLength(1);
    const { state = '', expiresSeconds: seconds = 0 } = connections[0] ?? {};
    return { state, counts: [server?.activeConnections ?? 0, server?.inactiveConnections ?? 0], seconds };
  }

  it('in every cell of the recording', () => {
    const cells = (protocol: string): number =>
      rows.filter((row) => row.protocol === protocol).reduce((sum, { next }) => sum + next.length, 0);
    expect([cells('tcp'), cells('sctp')]).toEqual([11 * 5 * 3 * 2, 14 * 10 * 3]);
    expect(new Set(rows.map(({ event }) => event))).toEqual(new Set([...Object.keys(SEGMENTS), ...Object.keys(CHUNKS)]));
  });

  it.each(rows.filter(({ protocol }) => protocol === 'tcp'))(
    'TCP, secure_tcp $secure, $direction, $event',
    ({ secure, direction, event, next }) => {
      rig.plane.setSettings({ secureTcp: secure ? 3 : 0 });
      for (const flags of SEGMENTS[event] ?? []) {
        const reached = TCP_STATES.map((state) => {
          force(portOf(direction), rig.plane.path.numbers.state[`STATE_${state}`] as number, isActiveTcpState(state));
          send(direction, { flags });
          const after = look(portOf(direction));
          expect(after.counts).toEqual(isActiveTcpState(after.state as TcpState) ? [1, 0] : [0, 1]);
          expectAbout(after.seconds, toSeconds(tcpTimeout(after.state as TcpState, DEFAULT_TIMEOUTS)));
          return after.state;
        });
        expect(reached).toEqual(next);
      }
    },
  );

  it.each(rows.filter(({ protocol }) => protocol === 'sctp'))('SCTP, $direction, $event', ({ direction, event, next }) => {
    for (const chunks of CHUNKS[event] ?? []) {
      const reached = SCTP_STATES.map((state, number) => {
        force(portOf(direction, 'sctp'), number, isActiveSctpState(state));
        send(direction, { chunks, protocol: PROTOCOL.sctp });
        const after = look(portOf(direction, 'sctp'));
        expect(after.counts).toEqual(isActiveSctpState(after.state as SctpState) ? [1, 0] : [0, 1]);
        expectAbout(after.seconds, toSeconds(sctpTimeout(after.state as SctpState)));
        return after.state;
      });
      expect(reached).toEqual(next);
    }
  });

  it('of TCP’s first packet, secure_tcp or not', () => {
    const first = (secureTcp: boolean, destinationPort: number): string => {
      rig.plane.setSettings({ secureTcp: secureTcp ? 3 : 0 });
      const sourcePort = secureTcp ? 50_000 : 50_001;
      rig.run(buildFrame({ sourcePort, destinationPort }));
      return [...rig.plane.connections()].find((one) => one.clientPort === sourcePort && one.virtualPort === destinationPort)?.state ?? '';
    };
    expect([first(false, DIRECT_PORT), first(true, DIRECT_PORT), first(true, NAT_PORT)]).toEqual(['SYN_RECV', 'SYNACK', 'SYN_RECV']);
  });
});
