/** Reads the connection table as `ipvsadm -L -c` shows it. */
import { IpAddress, type IpFamily } from '../../base/index.ts';
import type { Protocol } from '../../model/index.ts';
import type { ConnectionStatus, LocalEndpoint } from '../../ports/index.ts';
import { SCTP_STATES } from '../memory/index.ts';
import type { PacketPath } from './program.ts';
import type { Records } from './records.ts';

/** What the packet path writes into a template whose server was deleted: a port that no packet asks for, as in IPVS. */
const INVALID_PORT = 0xffff;

type MetaName = 'META_VALID' | 'META_BUSY' | 'META_REPLY' | 'META_PROTOCOL' | 'META_PROTOCOL_SHIFT' | 'META_STATE';

/** Every live entry; those that change while they are read may be shown old or new. */
export function* readConnections(path: PacketPath, jiffies: number): Generator<ConnectionStatus> {
  for (const table of path.tables) {
    for (let index = 0; index < path.tableSize(table.family); index++) {
      const status = describe(path, table.family, table.entries, table.rests, index, jiffies);
      if (status) yield status;
    }
    for (const key of table.overflow.keys()) {
      const value = table.overflow.lookup(key);
      if (!value) continue;
      const { entry, rest } = path.entryIn(value, table.family);
      const status = describe(path, table.family, entry, rest, 0, jiffies);
      if (status) yield status;
    }
  }
}

/** Undefined for an entry that is empty, being changed, or whose time has come. */
function describe(
  path: PacketPath,
  family: IpFamily,
  entries: Records,
  rests: Records,
  index: number,
  jiffies: number,
): ConnectionStatus | undefined {
  const { numbers } = path;
  const { META_VALID, META_BUSY, META_REPLY } = numbers.meta as Record<MetaName, number>;
  const meta = entries.u32(index, 'meta');
  const remaining = (entries.u32(index, 'expires') - jiffies) | 0;
  if ((meta & (META_VALID | META_BUSY | META_REPLY)) !== META_VALID || remaining <= 0) return undefined;
  const ends = endsOf(entries, rests, index);
  const dataPort = dataPortOf(path, meta, entries, index);
  return {
    protocol: protocolOf(path, meta),
    state: stateName(path, meta),
    expiresSeconds: Math.floor(remaining / path.hz),
    ...ends,
    ...serverOf(path, entries.u32(index, 'server'), ends.virtualPort, family),
    ...(isForAllPorts(path, meta, ends.virtualPort) && { serverPort: ends.virtualPort }),
    ...(dataPort > 0 && { serverPort: dataPort }),
    ...(meta & (numbers.meta.META_FULLNAT as number) && { local: localOf(path, entries, index, family) }),
  };
}

/** Of an entry that is a connection or a template; `rests` is where its addresses are. */
export function endsOf(
  entries: Records,
  rests: Records,
  index = 0,
): Pick<ConnectionStatus, 'client' | 'clientPort' | 'virtual' | 'virtualPort'> {
  return {
    client: IpAddress.fromBytes(rests.bytesOf(index, 'client').slice()) as IpAddress,
    clientPort: entries.port(index, 'client_port'),
    virtual: IpAddress.fromBytes(rests.bytesOf(index, 'virtual').slice()) as IpAddress,
    virtualPort: entries.port(index, 'virtual_port'),
  };
}

/** A template that holds for every port, FTP's among them, names none of the server; nor does one whose server was deleted. */
function isForAllPorts({ numbers }: PacketPath, meta: number, virtualPort: number): boolean {
  return virtualPort === INVALID_PORT || (virtualPort === 0 && (meta & (numbers.meta.META_TEMPLATE as number)) !== 0);
}

/** Where a server sends and waits for FTP's data; 0 of all other connections. */
function dataPortOf({ numbers }: PacketPath, meta: number, entries: Records, index: number): number {
  return meta & (numbers.meta.META_FTP as number) ? entries.port(index, 'data') : 0;
}

/** local_endpoint(): the port as in packets, then the number of the address. */
function localOf({ localAddresses }: PacketPath, entries: Records, index: number, family: IpFamily): LocalEndpoint {
  const number = entries.u32(index, 'local') >>> 16;
  const address = localAddresses.bytesOf(number, 'address').slice(0, family === 4 ? 4 : 16);
  return { address: IpAddress.fromBytes(address) as IpAddress, port: entries.port(index, 'local') };
}

function serverOf(
  { servers, numbers }: PacketPath,
  server: number,
  virtualPort: number,
  family: IpFamily,
): Pick<ConnectionStatus, 'server' | 'serverPort'> {
  const isBypass = servers.u8(server, 'forwarding') === numbers.forwarding.FORWARD_BYPASS;
  const is6 = isBypass ? family === 6 : servers.u8(server, 'family') === numbers.family.FAMILY_6;
  const address = IpAddress.fromBytes(servers.bytesOf(server, 'address').subarray(0, is6 ? 16 : 4)) as IpAddress;
  // Of a connection that has no server IPVS shows zeros.
  if (isBypass) return { server: address, serverPort: 0 };
  // A server of every port has none of its own; with direct routing the packet keeps the one that it asked for.
  return { server: address, serverPort: virtualPort === INVALID_PORT ? INVALID_PORT : servers.port(server, 'port') || virtualPort };
}

/** Templates of firewall marks are of every protocol: `ip`. */
function protocolOf({ numbers }: PacketPath, meta: number): Protocol | 'ip' {
  const { META_PROTOCOL, META_PROTOCOL_SHIFT } = numbers.meta as Record<MetaName, number>;
  const protocol = (meta & META_PROTOCOL) >>> META_PROTOCOL_SHIFT;
  if (protocol === numbers.protocol.CONN_IP) return 'ip';
  return protocol === numbers.protocol.CONN_UDP ? 'udp' : protocol === numbers.protocol.CONN_SCTP ? 'sctp' : 'tcp';
}

function stateName(path: PacketPath, meta: number): string {
  const { numbers } = path;
  const { META_TEMPLATE, META_ASSURED, META_STATE } = numbers.meta as Record<'META_TEMPLATE' | 'META_ASSURED' | 'META_STATE', number>;
  if (meta & META_TEMPLATE) return meta & META_ASSURED ? 'ASSURED' : 'NONE';
  if (protocolOf(path, meta) === 'sctp') return SCTP_STATES[meta & META_STATE] ?? 'NONE';
  const name = Object.entries(numbers.state).find(([, number]) => number === (meta & META_STATE))?.[0];
  return name?.replace('STATE_', '') ?? 'NONE';
}
