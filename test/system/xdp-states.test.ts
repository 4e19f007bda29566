/**
 * The state tables of the real packet path: every state, event and direction, with both tables of TCP, against what Linux did. Each cell
 * puts the only connection into a state, by its entry in the map, and sends it a packet.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toSeconds } from '../../src/base/index.ts';
import { type Direction, isActiveTcpState, TCP_STATES, type TcpState, tcpTimeout } from '../../src/dataplane/memory/index.ts';
import { DEFAULT_TIMEOUTS, type ServiceKey } from '../../src/model/index.ts';
import { expectAbout, real, tcp } from '../compliance/harness.ts';
import { buildFrame, PROTOCOL } from './xdp-frames.ts';
import { Rig } from './xdp-support.ts';

const recording = readFileSync(new URL('../golden/ipvs/states-linux-6.1.192.txt', import.meta.url), 'utf8');
const rows = [...recording.matchAll(/^(tcp)( secure)? (input|output|input-only) (\S+): (.*)$/gm)].map((row) => ({
  protocol: row[1] as 'tcp',
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
const [DIRECT_PORT, NAT_PORT, SERVER_PORT] = [80, 81, 8080];

describe('the packet path moves connections from state to state as Linux 6.1.192 did', () => {
  let rig: Rig;
  beforeAll(() => {
    // Or a SYN to a connection that is over would begin another one.
    rig = new Rig({ settings: { connectionReuse: 0 } });
    for (const [key, server] of [
      [tcp(DIRECT_PORT), real(1, 1, { port: DIRECT_PORT })],
      [tcp(NAT_PORT), real(2, 1, { port: SERVER_PORT, method: 'nat' })],
    ] as const) {
      rig.plane.addService({ key, scheduler: 'rr', schedulerFlags: [], onePacket: false });
      rig.plane.addServer(key, server);
    }
    for (const destinationPort of [DIRECT_PORT, NAT_PORT]) expect(rig.run(buildFrame({ destinationPort })).verdict).toBe('TX');
  });
  afterAll(() => rig.close());

  function portOf(direction: Direction): number {
    return direction === 'input-only' ? DIRECT_PORT : NAT_PORT;
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

  function send(direction: Direction, flags: string): void {
    const toServer = { destinationPort: portOf(direction), flags, protocol: PROTOCOL.tcp };
    const toClient = { source: '10.2.0.2', sourcePort: SERVER_PORT, destination: '10.0.0.1', destinationPort: 40_000, flags };
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
    expect(rows.reduce((sum, { next }) => sum + next.length, 0)).toBe(11 * 5 * 3 * 2);
    expect(new Set(rows.map(({ event }) => event))).toEqual(new Set(Object.keys(SEGMENTS)));
  });

  it.each(rows)('$protocol, secure_tcp $secure, $direction, $event', ({ secure, direction, event, next }) => {
    rig.plane.setSettings({ secureTcp: secure });
    for (const flags of SEGMENTS[event] ?? []) {
      const reached = TCP_STATES.map((state) => {
        force(portOf(direction), rig.plane.path.numbers.state[`STATE_${state}`] as number, isActiveTcpState(state));
        send(direction, flags);
        const after = look(portOf(direction));
        expect(after.counts).toEqual(isActiveTcpState(after.state as TcpState) ? [1, 0] : [0, 1]);
        expectAbout(after.seconds, toSeconds(tcpTimeout(after.state as TcpState, DEFAULT_TIMEOUTS)));
        return after.state;
      });
      expect(reached).toEqual(next);
    }
  });

  it('of TCP’s first packet, secure_tcp or not', () => {
    const first = (secureTcp: boolean, destinationPort: number): string => {
      rig.plane.setSettings({ secureTcp });
      const sourcePort = secureTcp ? 50_000 : 50_001;
      rig.run(buildFrame({ sourcePort, destinationPort }));
      return [...rig.plane.connections()].find((one) => one.clientPort === sourcePort && one.virtualPort === destinationPort)?.state ?? '';
    };
    expect([first(false, DIRECT_PORT), first(true, DIRECT_PORT), first(true, NAT_PORT)]).toEqual(['SYN_RECV', 'SYNACK', 'SYN_RECV']);
  });
});
