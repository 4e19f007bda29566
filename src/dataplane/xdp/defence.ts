/** How a service's defences stand in its record: which of the SYN proxy's two ways it goes, and what each source may do. */
import type { ServerEntry, ServiceEntry } from '../memory/index.ts';
import type { PacketPath } from './program.ts';

/**
 * The director can make handshakes for a service only where all of its servers' packets come back through it. Otherwise, and while it has no
 * server, clients are challenged, which works with every forwarding method.
 */
function answersForServers({ servers }: ServiceEntry, isLocal: (server: ServerEntry) => boolean): boolean {
  return servers.length > 0 && servers.every((server) => (server.method === 'nat' || server.method === 'fullnat') && !isLocal(server));
}

/** The flags of a service's record that its defences set. `isLocal` tells the director itself among the servers. */
export function defenceFlags({ numbers }: PacketPath, entry: ServiceEntry, isLocal: (server: ServerEntry) => boolean): number {
  const { key, defence } = entry.service;
  const { SERVICE_COOKIES, SERVICE_CHALLENGE, SERVICE_SOURCE_LIMIT } = numbers.serviceFlag as Record<string, number>;
  const isTcp = key.kind === 'fwmark' || key.protocol === 'tcp';
  const proxy = !defence?.synProxy || !isTcp ? 0 : answersForServers(entry, isLocal) ? SERVICE_COOKIES : SERVICE_CHALLENGE;
  return (proxy as number) | (defence?.sourceLimit ? (SERVICE_SOURCE_LIMIT as number) : 0);
}

/** All flags that defences may set. */
export function defenceMask({ numbers }: PacketPath): number {
  const { SERVICE_COOKIES, SERVICE_CHALLENGE, SERVICE_SOURCE_LIMIT } = numbers.serviceFlag as Record<string, number>;
  return (SERVICE_COOKIES as number) | (SERVICE_CHALLENGE as number) | (SERVICE_SOURCE_LIMIT as number);
}

/** Connections that cookies made outlive their service and this process: once they may be there, they are always looked for. */
export function expectProxied({ settings, numbers }: PacketPath): void {
  settings.setU32(0, 'flags', (settings.u32(0, 'flags') | (numbers.settingsFlag.SETTING_PROXIED as number)) >>> 0);
}
