/** Lists of virtual addresses. */
import type { Vip, VirtualRouter } from '../model/index.ts';

/** The addresses that move with a router: those in the advertisement, then the excluded ones. */
export function allVips(settings: VirtualRouter): readonly Vip[] {
  return settings.excludedVips.length === 0 ? settings.vips : [...settings.vips, ...settings.excludedVips];
}

/** The addresses of `a` that `b` does not have in exactly the same form (address, length, interface, label …). */
export function vipsMissingFrom(b: VirtualRouter, a: VirtualRouter): Vip[] {
  const keep = new Set(allVips(b).map((vip) => JSON.stringify(vip)));
  return allVips(a).filter((vip) => !keep.has(JSON.stringify(vip)));
}
