/** What the packet path has, of all that the model can say. */
import type { RealServer } from '../../model/index.ts';
import { DataPlaneError } from '../../ports/index.ts';

/** Throws DataPlaneError `unsupported` for a real server that it cannot forward to. */
export function requireForwardable({ method }: RealServer): void {
  if (method === 'fullnat') throw new DataPlaneError('unsupported', 'this version does not forward by fullnat');
}
