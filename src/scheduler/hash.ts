/** The hashes that sh, dh, mh, lblc and lblcr find their slots with, bit for bit the kernel's on a 64-bit machine. */
import type { IpAddress, IpFamily } from '../base/index.ts';

/** The kernel's GOLDEN_RATIO_32. */
const GOLDEN = 0x61c88647;

/** An address as one host-order 32-bit number: IPv6 by the exclusive or of its four words; in an IPv4 service the first word. */
export function foldAddress(address: IpAddress, family: IpFamily): number {
  const { bytes } = address;
  let folded = wordAt(bytes, 0);
  if (family === 6) for (let at = 4; at < bytes.length; at += 4) folded ^= wordAt(bytes, at);
  return folded >>> 0;
}

/** hash_32(): the upper `bits` bits of the product with the golden ratio. */
export function goldenHash(value: number, bits: number): number {
  return Math.imul(value, GOLDEN) >>> (32 - bits);
}

/**
 * hsiphash() of one 32-bit number with a key of two equal words: SipHash-1-3, of whose 64 bits the lower 32 are the answer.
 * The 64-bit words are pairs in `state`, the lower half first.
 */
export function sipHash(value: number, key: number): number {
  const state = Uint32Array.of(0x70736575, 0x736f6d65, 0x6e646f6d, 0x646f7261, 0x6e657261, 0x6c796765, 0x79746573, 0x74656462);
  for (const low of [0, 2, 4, 6]) xorInto(state, low, key, 0);
  // The only block: the number, and its length in bytes in the topmost byte.
  const lengthByte = 4 << 24;
  xorInto(state, 6, value, lengthByte);
  sipRound(state);
  xorInto(state, 0, value, lengthByte);
  xorInto(state, 4, 0xff, 0);
  sipRound(state);
  sipRound(state);
  sipRound(state);
  return (at(state, 0) ^ at(state, 2) ^ at(state, 4) ^ at(state, 6)) >>> 0;
}

function sipRound(state: Uint32Array): void {
  addInto(state, 0, 2);
  rotate(state, 2, 13);
  xorInto(state, 2, at(state, 0), at(state, 1));
  swap(state, 0);
  addInto(state, 4, 6);
  rotate(state, 6, 16);
  xorInto(state, 6, at(state, 4), at(state, 5));
  addInto(state, 0, 6);
  rotate(state, 6, 21);
  xorInto(state, 6, at(state, 0), at(state, 1));
  addInto(state, 4, 2);
  rotate(state, 2, 17);
  xorInto(state, 2, at(state, 4), at(state, 5));
  swap(state, 4);
}

function addInto(state: Uint32Array, to: number, from: number): void {
  const low = at(state, to) + at(state, from);
  state[to] = low;
  state[to + 1] = at(state, to + 1) + at(state, from + 1) + (low > 0xffff_ffff ? 1 : 0);
}

function xorInto(state: Uint32Array, to: number, low: number, high: number): void {
  state[to] = at(state, to) ^ low;
  state[to + 1] = at(state, to + 1) ^ high;
}

/** To the left, by less than 32 bits. */
function rotate(state: Uint32Array, word: number, by: number): void {
  const low = at(state, word);
  const high = at(state, word + 1);
  state[word] = (low << by) | (high >>> (32 - by));
  state[word + 1] = (high << by) | (low >>> (32 - by));
}

/** Rotation by 32 bits. */
function swap(state: Uint32Array, word: number): void {
  const low = at(state, word);
  state[word] = at(state, word + 1);
  state[word + 1] = low;
}

function at(state: Uint32Array, index: number): number {
  return state[index] as number;
}

function wordAt(bytes: Uint8Array, offset: number): number {
  const [a, b, c, d] = bytes.subarray(offset, offset + 4) as unknown as [number, number, number, number];
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}
