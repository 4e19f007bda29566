/** The Internet checksum (RFC 1071): the one's complement of the one's complement sum of 16-bit words. */

/**
 * Adds bytes to a running sum, as 16-bit big-endian words; an odd last byte counts as the high half of a word.
 * A part in the middle of a message must therefore have an even length. The sum stays below 2^53 for any real packet.
 */
export function addToChecksum(sum: number, bytes: Uint8Array): number {
  let total = sum;
  const even = bytes.length & ~1;
  for (let i = 0; i < even; i += 2) total += ((bytes[i] as number) << 8) | (bytes[i + 1] as number);
  if (even !== bytes.length) total += (bytes[even] as number) << 8;
  return total;
}

/** Folds the carries of a sum and complements it: the value that goes into the checksum field. */
export function finishChecksum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000);
  return ~folded & 0xffff;
}

/**
 * The checksum of a message whose checksum field is zero. Over a message that already carries its checksum the result is 0
 * exactly when the checksum is right.
 */
export function internetChecksum(bytes: Uint8Array): number {
  return finishChecksum(addToChecksum(0, bytes));
}
