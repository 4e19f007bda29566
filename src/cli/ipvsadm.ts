/** `vipwright ipvsadm`: ipvsadm's command line over the daemon's socket. */
import { lookup, reverse } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import {
  ApiClient,
  ConnectionError,
  connectionFromJson,
  realServerToJson,
  serverKeyToJson,
  serviceKeyToJson,
  serviceStatusFromJson,
  timeoutsFromJson,
  timeoutsToJson,
  virtualServiceToJson,
} from '../api/index.ts';
import { IpAddress } from '../base/index.ts';
import { DEFAULT_TIMEOUTS, type Protocol } from '../model/index.ts';
import { type IpvsadmIo, runIpvsadm, SourceUnavailableError, type TableSource } from './ipvsadm/index.ts';

/** IPVS's own default; printed when no table is loaded at all, as a kernel whose table is empty prints it. */
const EMPTY_TABLE_SIZE = 4096;

export function ipvsadm(argv: readonly string[], socketPath: string): Promise<number> {
  return runIpvsadm(argv, socketSource(socketPath), terminalIo);
}

function socketSource(socketPath: string): TableSource {
  const client = new ApiClient(socketPath);
  const change = (request: Parameters<ApiClient['change']>[0]) => client.change(request).catch(explain);
  /** Without a daemon nothing is loaded (it leaves no trace), so an empty list is the truth, and what ipvsadm shows after a stop. */
  const orEmpty =
    <T>(empty: T) =>
    (error: unknown): T => {
      if (error instanceof ConnectionError && error.reason === 'absent') return empty;
      return explain(error);
    };
  return {
    tables: () =>
      client
        .tables()
        .then(({ tableSize, services }) => ({ tableSize, services: services.map(serviceStatusFromJson) }))
        .catch(orEmpty({ tableSize: EMPTY_TABLE_SIZE, services: [] })),
    connections: () =>
      client
        .connections()
        .then(({ connections }) => connections.map(connectionFromJson))
        .catch(orEmpty([])),
    timeouts: () =>
      client
        .timeouts()
        .then((timeouts) => ({ ...DEFAULT_TIMEOUTS, ...timeoutsFromJson(timeouts) }))
        .catch(orEmpty(DEFAULT_TIMEOUTS)),
    addService: (service) => change({ operation: 'add-service', service: virtualServiceToJson(service) }),
    editService: (service) => change({ operation: 'edit-service', service: virtualServiceToJson(service) }),
    deleteService: (key) => change({ operation: 'delete-service', key: serviceKeyToJson(key) }),
    addServer: (key, server) => change({ operation: 'add-server', key: serviceKeyToJson(key), server: realServerToJson(server) }),
    editServer: (key, server) => change({ operation: 'edit-server', key: serviceKeyToJson(key), server: realServerToJson(server) }),
    deleteServer: (key, server) => change({ operation: 'delete-server', key: serviceKeyToJson(key), server: serverKeyToJson(server) }),
    flush: () => change({ operation: 'flush' }),
    zero: (key) => change({ operation: 'zero', ...(key && { key: serviceKeyToJson(key) }) }),
    setTimeouts: (timeouts) => change({ operation: 'set-timeouts', timeouts: timeoutsToJson(timeouts) }),
  };
}

function explain(error: unknown): never {
  if (error instanceof ConnectionError) throw new SourceUnavailableError(error.message);
  throw error;
}

const terminalIo: IpvsadmIo = {
  out: (output) => void process.stdout.write(output),
  err: (output) => void process.stderr.write(output),
  input: () => text(process.stdin),
  names: {
    address: (host) =>
      lookup(host, { family: 4 }).then(
        (found) => IpAddress.parse(found.address),
        () => undefined,
      ),
    host: (address) =>
      reverse(String(address)).then(
        (names) => names[0],
        () => undefined,
      ),
    portNumber: async (service, protocol) => portTable(protocol).find((entry) => entry.names.includes(service))?.port,
    portName: async (port, protocol) => portTable(protocol).find((entry) => entry.port === port)?.names[0],
  },
};

interface PortEntry {
  readonly port: number;
  /** The official name first, then the aliases. */
  readonly names: readonly string[];
}

/** /etc/services: `http  80/tcp  www  # comment`. Empty on a machine without it. */
function portTable(protocol: Protocol): PortEntry[] {
  const entries: PortEntry[] = [];
  for (const line of servicesFile().split('\n')) {
    const [name, place, ...aliases] = line.replace(/#.*/, '').trim().split(/\s+/);
    const [port, carrier] = place?.split('/') ?? [];
    if (name && carrier === protocol) entries.push({ port: Number(port), names: [name, ...aliases] });
  }
  return entries;
}

function servicesFile(): string {
  try {
    return readFileSync('/etc/services', 'utf8');
  } catch {
    return '';
  }
}
