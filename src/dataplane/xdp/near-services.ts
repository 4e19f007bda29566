/**
 * Services over IPv4 where packets find them in one step, without a look into the map of all services: near_services in bpf/maps.h. Where the
 * place of one is taken already it is in the map only. `key` is that of its entry there.
 */
import type { PacketPath } from './program.ts';

export function enterNear(path: PacketPath, key: Uint8Array, index: number): void {
  const { place, word, shift } = placeOf(path, key);
  if (path.nearServices[place] === 0n) path.nearServices[place] = word | (BigInt(index + 1) << BigInt(shift));
}

/** Packets find it here no more. */
export function removeNear(path: PacketPath, key: Uint8Array): void {
  const { place, word, shift } = placeOf(path, key);
  if (BigInt.asUintN(shift, path.nearServices[place] as bigint) === word) path.nearServices[place] = 0n;
}

/** As find_near_service() computes them: the place, and the word there but for the index, which begins at bit `shift`. */
function placeOf({ nearServices, numbers }: PacketPath, key: Uint8Array): { place: number; word: bigint; shift: number } {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  const mixed = Math.imul(view.getUint32(0, true), 0x9e3779b1) + Math.imul(view.getUint16(4, true), 0x85ebca6b);
  const shift = numbers.nearService.NEAR_INDEX_SHIFT as number;
  // Address, port and protocol lie in the word as in the key, and what stands there of the protocol is its lower bits.
  return { place: (mixed >>> 0) >>> (32 - Math.log2(nearServices.length)), word: BigInt.asUintN(shift, view.getBigUint64(0, true)), shift };
}
