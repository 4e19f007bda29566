/** What the packet path has, of all that the model can say. */
import type { RealServer, VirtualService } from '../../model/index.ts';
import { DataPlaneError } from '../../ports/index.ts';

/** Throws DataPlaneError `unsupported` for a service that the packet path cannot balance. */
export function requireSupported({ key, onePacket }: VirtualService): void {
  if (key.kind === 'fwmark') throw new DataPlaneError('unsupported', 'this version has no firewall-mark services');
  if (key.protocol === 'sctp') throw new DataPlaneError('unsupported', 'this version balances TCP and UDP, not SCTP');
  // For any other protocol the table refuses it, as IPVS does.
  if (onePacket && key.protocol === 'udp') throw new DataPlaneError('unsupported', 'this version has no one-packet scheduling');
}

/** The same for a real server that it cannot forward to. */
export function requireForwardable({ method }: RealServer): void {
  if (method === 'fullnat') throw new DataPlaneError('unsupported', 'this version does not forward by fullnat');
}
