/** Reads the connection table as `ipvsadm -L -c` shows it. */
import { IpAddress } from '../../base/index.ts';
import type { ConnectionStatus } from '../../ports/index.ts';
import type { PacketPath } from './program.ts';

/** Every live entry of the lines; entries that change while they are read may be shown old or new. */
export function* readConnections(path: PacketPath, jiffies: number): Generator<ConnectionStatus> {
  const { META_VALID, META_BUSY } = path.numbers.meta as Record<'META_VALID' | 'META_BUSY', number>;
  for (let index = 0; index < path.tableSize; index++) {
    const meta = path.connections.u32(index, 'meta');
    if ((meta & (META_VALID | META_BUSY)) !== META_VALID) continue;
    const remaining = (path.connections.u32(index, 'expires') - jiffies) | 0;
    if (remaining > 0) yield describe(path, index, meta, remaining / path.hz);
  }
}

function describe(path: PacketPath, index: number, meta: number, expiresSeconds: number): ConnectionStatus {
  const { connections, servers, numbers } = path;
  const server = connections.u32(index, 'server');
  const address = (records: typeof connections, at: number, field: string) => IpAddress.fromBytes(records.field4(at, field)) as IpAddress;
  const udp =
    (meta & (numbers.meta.META_PROTOCOL as number)) >>> (numbers.meta.META_PROTOCOL_SHIFT as number) === numbers.protocol.CONN_UDP;
  return {
    protocol: udp ? 'udp' : 'tcp',
    state: stateName(path, meta),
    expiresSeconds: Math.floor(expiresSeconds),
    client: address(connections, index, 'client'),
    clientPort: connections.port(index, 'client_port'),
    virtual: address(connections, index, 'virtual'),
    virtualPort: connections.port(index, 'virtual_port'),
    server: address(servers, server, 'address'),
    serverPort: servers.port(server, 'port'),
  };
}

function stateName({ numbers }: PacketPath, meta: number): string {
  const { META_TEMPLATE, META_ASSURED, META_STATE } = numbers.meta as Record<string, number>;
  if (meta & (META_TEMPLATE as number)) return meta & (META_ASSURED as number) ? 'ASSURED' : 'NONE';
  const name = Object.entries(numbers.state).find(([, number]) => number === (meta & (META_STATE as number)))?.[0];
  return name?.replace('STATE_', '') ?? 'NONE';
}
