/**
 * The kernel's state tables, cell by cell. A connection in any state can be had through the synchronization daemon: as a
 * backup it takes what a master tells it. Then one packet goes through the connection, and the table of connections says
 * what became of it.
 */
import { IpAddress } from '../../src/base/index.ts';
import {
  DIRECTIONS,
  type Direction,
  isActiveSctpState,
  isActiveTcpState,
  SCTP_EVENTS,
  SCTP_STATES,
  type SctpState,
  TCP_EVENTS,
  TCP_STATES,
  type TcpState,
} from '../../src/dataplane/memory/index.ts';
import { frameOf } from './frames.ts';
import { type Answer, INGRESS, type Step } from './plan.ts';
import { inProc, portInProc } from './record-histories.ts';

/** A row of a table: the next state for each present one. */
interface Row {
  readonly protocol: 'tcp' | 'sctp';
  readonly secure: boolean;
  readonly direction: Direction;
  readonly event: string;
}

const PORT = 80;
const SYNC_ID = 7;
const SYNC_PORT = 8848;
/** As many connections as a message of 1472 bytes holds. */
const PER_MESSAGE = 40;
const FLAGS: Readonly<Record<string, string>> = { syn: 'S', fin: 'F', ack: 'A', rst: 'R', none: '' };
const CHUNKS: Readonly<Record<string, number>> = {
  data: 0,
  init: 1,
  'init-ack': 2,
  'cookie-echo': 10,
  'cookie-ack': 11,
  shutdown: 7,
  'shutdown-ack': 8,
  'shutdown-complete': 14,
  error: 9,
  abort: 6,
};
const ROWS: readonly Row[] = [
  ...[false, true].flatMap((secure) =>
    DIRECTIONS.flatMap((direction) => [...TCP_EVENTS, 'none'].map((event) => ({ protocol: 'tcp' as const, secure, direction, event }))),
  ),
  ...DIRECTIONS.flatMap((direction) => SCTP_EVENTS.map((event) => ({ protocol: 'sctp' as const, secure: false, direction, event }))),
];

/** Connection flags of the kernel: translation is 0, direct routing 3. */
const DIRECT_ROUTING = 3;
const NO_OUTPUT = 0x80;
const INACTIVE = 0x100;

/** Three steps at the beginning, then two for each row, then one: see recordedStates. */
export function stateSteps(): Step[] {
  return [
    { kind: 'change', lines: (['tcp', 'sctp'] as const).flatMap(serviceLines) },
    // A SYN on a closed connection would begin a new one.
    { kind: 'run', argv: ['sysctl', '-q', '-w', 'net.ipv4.vs.conn_reuse_mode=0'] },
    { kind: 'run', argv: ['ipvsadm', '--start-daemon', 'backup', '--mcast-interface', INGRESS, '--syncid', String(SYNC_ID)] },
    ...ROWS.flatMap((row, index) => rowSteps(row, index)),
    { kind: 'run', argv: ['ipvsadm', '--stop-daemon', 'backup'] },
  ];
}

/** `answers` are those of stateSteps. One line a row, then for each protocol the seconds that its states were seen to last. */
export function recordedStates(answers: readonly Answer[]): string {
  const lasting = { tcp: new Map<string, number>(), sctp: new Map<string, number>() };
  const lines = ROWS.map(({ protocol, secure, direction, event }, index) => {
    const { found = [] } = answers[3 + index * 4 + 3] as Answer;
    const next = found.map((text) => text.split(' ')[1] ?? '-');
    for (const [, state = '', expires] of found.map((text) => text.split(' '))) {
      lasting[protocol].set(state, Math.max(Number(expires), lasting[protocol].get(state) ?? 0));
    }
    return `${protocol}${secure ? ' secure' : ''} ${direction} ${event}: ${next.join(' ')}`;
  });
  for (const protocol of ['tcp', 'sctp'] as const) {
    const states = [...lasting[protocol]].sort(([a], [b]) => a.localeCompare(b));
    lines.push(`${protocol} seconds left: ${states.map(([state, left]) => `${state} ${left}`).join(' ')}`);
  }
  return `${lines.join('\n')}\n`;
}

function serviceLines(protocol: 'tcp' | 'sctp'): string[] {
  const option = protocol === 'tcp' ? '-t' : '--sctp-service';
  return DIRECTIONS.flatMap((direction) => {
    const service = `${option} ${virtualOf(direction)}:${PORT}`;
    return [`-A ${service} -s rr`, `-a ${service} -r ${serverOf(direction)}:${PORT} ${direction === 'input-only' ? '-g' : '-m'}`];
  });
}

/** The connections of a row, one for each state; time for the daemon to take them; and a packet through each. */
function rowSteps(row: Row, index: number): Step[] {
  const { protocol, direction } = row;
  const states = protocol === 'tcp' ? TCP_STATES : SCTP_STATES;
  const target = virtualOf(direction);
  const clients = states.map((_, state) => IpAddress.fromV4Number(0x0a30_0000 + index * 256 + state));
  const port = 1024 + index;
  const master = { protocol: 'udp', source: address('192.0.2.9'), sourcePort: SYNC_PORT } as const;
  const message = frameOf({
    ...master,
    target: address('224.0.0.81'),
    targetPort: SYNC_PORT,
    payload: syncMessage(clients.map((client, state) => syncEntry(row, client, port, state))),
  });
  const packets = clients.map((client) => {
    const content = { protocol, flags: FLAGS[row.event] ?? '', chunks: [CHUNKS[row.event] ?? 0] };
    const [source, to] = [
      { source: client, sourcePort: port },
      { target, targetPort: PORT },
    ];
    if (direction !== 'output') return frameOf({ ...content, ...source, ...to });
    return frameOf({ ...content, source: serverOf(direction), sourcePort: PORT, target: client, targetPort: port });
  });
  const lookUp = clients.map((client) =>
    [protocol.toUpperCase(), inProc(client), portInProc(port), inProc(target), portInProc(PORT)].join(' '),
  );
  return [
    { kind: 'run', argv: ['sysctl', '-q', '-w', `net.ipv4.vs.secure_tcp=${row.secure ? 3 : 0}`] },
    { kind: 'send', frames: [message], mark: 0, lookUp: [] },
    { kind: 'wait', seconds: 0.1 },
    { kind: 'send', frames: packets, mark: 0, lookUp },
  ];
}

function virtualOf(direction: Direction): IpAddress {
  return IpAddress.fromV4Number(0x0a80_0001 + DIRECTIONS.indexOf(direction));
}

function serverOf(direction: Direction): IpAddress {
  return IpAddress.fromV4Number(0x0a02_0001 + DIRECTIONS.indexOf(direction));
}

function address(text: string): IpAddress {
  const parsed = IpAddress.parse(text);
  if (!parsed) throw new Error(`${text} is no address`);
  return parsed;
}

/** Version 1 of the protocol: a header and entries. */
function syncMessage(entries: readonly Uint8Array[]): Uint8Array {
  if (entries.length > PER_MESSAGE) throw new Error(`${entries.length} connections are too many for a message`);
  const body = Buffer.concat(entries);
  const header = Buffer.from([0, SYNC_ID, 0, 0, entries.length, 1, 0, 0]);
  header.writeUInt16BE(header.length + body.length, 2);
  return Buffer.concat([header, body]);
}

function syncEntry({ protocol, direction }: Row, client: IpAddress, port: number, state: number): Uint8Array {
  const isActive =
    protocol === 'tcp' ? isActiveTcpState(TCP_STATES[state] as TcpState) : isActiveSctpState(SCTP_STATES[state] as SctpState);
  const flags = (direction === 'input-only' ? DIRECT_ROUTING | NO_OUTPUT : 0) | (isActive ? 0 : INACTIVE);
  const entry = Buffer.alloc(36);
  entry[1] = protocol === 'tcp' ? 6 : 132;
  entry.writeUInt16BE(entry.length, 2);
  entry.writeUInt32BE(flags, 4);
  entry.writeUInt16BE(state, 8);
  entry.writeUInt16BE(port, 10);
  entry.writeUInt16BE(PORT, 12);
  entry.writeUInt16BE(PORT, 14);
  // Seconds to live.
  entry.writeUInt32BE(900, 20);
  entry.set(client.bytes, 24);
  entry.set(virtualOf(direction).bytes, 28);
  entry.set(serverOf(direction).bytes, 32);
  return entry;
}
