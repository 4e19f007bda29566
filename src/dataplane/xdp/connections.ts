/** Reads the connection table as `ipvsadm -L -c` shows it. */
import { IpAddress } from '../../base/index.ts';
import type { ConnectionStatus } from '../../ports/index.ts';
import type { PacketPath } from './program.ts';
import { Records } from './records.ts';

/** What the packet path writes into a template whose server was deleted: a port that no packet asks for, as in IPVS. */
const INVALID_PORT = 0xffff;

type MetaName = 'META_VALID' | 'META_BUSY' | 'META_REPLY' | 'META_PROTOCOL' | 'META_PROTOCOL_SHIFT';

/** Every live entry; those that change while they are read may be shown old or new. */
export function* readConnections(path: PacketPath, jiffies: number): Generator<ConnectionStatus> {
  for (let index = 0; index < path.tableSize; index++) {
    const status = describe(path, path.connections, index, jiffies);
    if (status) yield status;
  }
  for (const key of path.overflow.keys()) {
    const value = path.overflow.lookup(key);
    const status = value && describe(path, new Records(value, path.connections.layout), 0, jiffies);
    if (status) yield status;
  }
}

/** Undefined for an entry that is empty, being changed, or whose time has come. */
function describe(path: PacketPath, entries: Records, index: number, jiffies: number): ConnectionStatus | undefined {
  const { servers, numbers } = path;
  const { META_VALID, META_BUSY, META_REPLY, META_PROTOCOL, META_PROTOCOL_SHIFT } = numbers.meta as Record<MetaName, number>;
  const meta = entries.u32(index, 'meta');
  const remaining = (entries.u32(index, 'expires') - jiffies) | 0;
  if ((meta & (META_VALID | META_BUSY | META_REPLY)) !== META_VALID || remaining <= 0) return undefined;
  const server = entries.u32(index, 'server');
  const virtualPort = entries.port(index, 'virtual_port');
  const address = (records: Records, at: number, field: string) => IpAddress.fromBytes(records.field4(at, field)) as IpAddress;
  return {
    protocol: (meta & META_PROTOCOL) >>> META_PROTOCOL_SHIFT === numbers.protocol.CONN_UDP ? 'udp' : 'tcp',
    state: stateName(path, meta),
    expiresSeconds: Math.floor(remaining / path.hz),
    client: address(entries, index, 'client'),
    clientPort: entries.port(index, 'client_port'),
    virtual: address(entries, index, 'virtual'),
    virtualPort,
    server: address(servers, server, 'address'),
    // A server of every port has none of its own; with direct routing the packet keeps the one that it asked for.
    serverPort: virtualPort === INVALID_PORT ? INVALID_PORT : servers.port(server, 'port') || virtualPort,
  };
}

function stateName({ numbers }: PacketPath, meta: number): string {
  const { META_TEMPLATE, META_ASSURED, META_STATE } = numbers.meta as Record<'META_TEMPLATE' | 'META_ASSURED' | 'META_STATE', number>;
  if (meta & META_TEMPLATE) return meta & META_ASSURED ? 'ASSURED' : 'NONE';
  const name = Object.entries(numbers.state).find(([, number]) => number === (meta & META_STATE))?.[0];
  return name?.replace('STATE_', '') ?? 'NONE';
}
