/** How much memory is free, as IPVS counts it. */
import { readFileSync } from 'node:fs';

const KIB_PER_PAGE = 4;

/** Free and buffered memory of the machine in pages of 4096 bytes. Throws where /proc/meminfo cannot be read. */
export function readFreePages(): number {
  return freePagesOf(readFileSync('/proc/meminfo', 'utf8'));
}

/** Of /proc/meminfo. As in IPVS the page cache does not count, although the kernel would give it up. Throws where there are no such lines. */
export function freePagesOf(text: string): number {
  const kib = (name: string): number => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text);
    if (!found) throw new Error(`/proc/meminfo has no line ${name}`);
    return Number(found[1]);
  };
  return Math.floor((kib('MemFree') + kib('Buffers')) / KIB_PER_PAGE);
}
