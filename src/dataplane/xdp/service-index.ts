/** Which service a packet's address, port and protocol lead to: one map for each address family; and which a firewall mark. */
import type { ServiceKey } from '../../model/index.ts';
import type { BpfMap } from '../../os/bpf/index.ts';
import { enterNear, removeNear } from './near-services.ts';
import type { PacketPath } from './program.ts';
import { Records } from './records.ts';

const PROTOCOL_NUMBERS = { tcp: 6, udp: 17, sctp: 132 } as const;

export function enterService(path: PacketPath, key: ServiceKey, index: number): void {
  const { map, bytes } = entryOf(path, key);
  map.update(bytes, new Uint8Array(Uint32Array.of(index).buffer));
  if (map === path.serviceIndexes[4]) enterNear(path, bytes, index);
}

/** Packets find it no more. */
export function removeService(path: PacketPath, key: ServiceKey): void {
  const { map, bytes } = entryOf(path, key);
  if (map === path.serviceIndexes[4]) removeNear(path, bytes);
  map.delete(bytes);
}

/** Removes all services but these. */
export function keepServices(path: PacketPath, known: readonly ServiceKey[]): void {
  path.nearServices.fill(0n);
  const entries = known.map((key) => entryOf(path, key));
  for (const map of [...Object.values(path.serviceIndexes), path.serviceMarks]) {
    const kept = new Set(entries.filter((entry) => entry.map.name === map.name).map(({ bytes }) => bytes.toString()));
    const keys = Array.from(map.keys());
    for (const bytes of keys) if (!kept.has(bytes.toString())) map.delete(bytes);
  }
  for (const { map, bytes } of entries) {
    const index = map === path.serviceIndexes[4] ? map.lookup(bytes) : undefined;
    if (index) enterNear(path, bytes, new DataView(index.buffer, index.byteOffset).getUint32(0, true));
  }
}

/** Address and port as in packets, protocol in host order. */
function entryOf(path: PacketPath, key: ServiceKey): { readonly map: BpfMap; readonly bytes: Uint8Array } {
  if (key.kind === 'fwmark') {
    const mark = new Records(new Uint8Array(path.struct('mark_key').size), path.struct('mark_key'));
    mark.setU32(0, 'mark', key.mark);
    mark.setU32(0, 'family', key.family);
    return { map: path.serviceMarks, bytes: mark.bytes };
  }
  const { family } = key.address;
  const layout = path.struct(family === 4 ? 'service_key' : 'service_key6');
  const record = new Records(new Uint8Array(layout.size), layout);
  record.setBytes(0, 'address', key.address.bytes);
  record.setPort(0, 'port', key.port);
  record.setU16(0, 'protocol', PROTOCOL_NUMBERS[key.protocol]);
  return { map: path.serviceIndexes[family], bytes: record.bytes };
}
