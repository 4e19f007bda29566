/** The interfaces by which packets of an earlier process's connections leave. */
import { type BpfMap, indexKey } from '../../os/bpf/index.ts';
import type { Records } from './records.ts';

/**
 * Lets frames leave by every interface that the inherited tables name, be it a port or the way to a server. The map of these is new with each
 * process, and the jump table leads all packets to the new programs at once: without this they would be dropped until the ports are found again.
 */
export function allowInherited(devices: BpfMap, settings: Records, servers: Records): void {
  const indexes = new Set<number>();
  for (let port = 0; port < settings.u32(0, 'port_count'); port++) indexes.add(settings.u32Of(0, 'port_indexes', port));
  const count = servers.bytes.length / servers.layout.size;
  for (let server = 0; server < count; server++) indexes.add(servers.u32(server, 'ifindex'));
  // Frames of a VLAN leave by the port underneath.
  for (let port = 0; port < settings.u32(0, 'port_count'); port++)
    if (settings.u32Of(0, 'port_lowers', port) !== 0) indexes.delete(settings.u32Of(0, 'port_indexes', port));
  indexes.delete(0);
  for (const index of indexes) {
    try {
      devices.update(indexKey(index), indexKey(index));
    } catch {
      // That interface is gone, and nothing leaves by it any more.
    }
  }
}
