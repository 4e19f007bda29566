/** Lists of virtual addresses. */
import type { Vip, VirtualRouter } from '../model/index.ts';

/** The addresses that move with a router: those in the advertisement, then the excluded ones. */
export function allVips(settings: VirtualRouter): readonly Vip[] {
  return settings.excludedVips.length === 0 ? settings.vips : [...settings.vips, ...settings.excludedVips];
}
