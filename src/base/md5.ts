/**
 * MD5 (RFC 1321), fed piece by piece in constant memory. It compares a page with the digest that `genhash` printed, and it is what
 * the VRRP authentication header asks for (RFC 2403), whose key travels in configuration files anyway. For nothing new.
 */

const BLOCK_LENGTH = 64;

const SHIFTS = [
  [7, 12, 17, 22],
  [5, 9, 14, 20],
  [4, 11, 16, 23],
  [6, 10, 15, 21],
] as const;

/** The table of RFC 1321 section 3.4: the integer part of 2^32 times |sin(i + 1)|. */
const SINES = Uint32Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 0x1_0000_0000));

export class Md5 {
  private readonly state = Uint32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  private readonly block = new Uint8Array(64);
  private readonly words = new Uint32Array(16);
  private filled = 0;
  /** Bytes so far; exact up to 2^53, far beyond any page. */
  private length = 0;

  update(bytes: Uint8Array): void {
    this.length += bytes.length;
    let from = 0;
    while (from < bytes.length) {
      const take = Math.min(64 - this.filled, bytes.length - from);
      this.block.set(bytes.subarray(from, from + take), this.filled);
      this.filled += take;
      from += take;
      if (this.filled === 64) this.compress();
    }
  }

  /** The digest as 32 lower-case hexadecimal digits. The object is used up by it. */
  hex(): string {
    let text = '';
    for (const byte of this.digest()) text += byte.toString(16).padStart(2, '0');
    return text;
  }

  /** The digest as 16 bytes. The object is used up by it. */
  digest(): Uint8Array {
    const bits = this.length * 8;
    const padding = new Uint8Array((this.filled < 56 ? 64 : 128) - this.filled);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    view.setUint32(padding.length - 8, bits % 0x1_0000_0000, true);
    view.setUint32(padding.length - 4, Math.floor(bits / 0x1_0000_0000), true);
    this.update(padding);
    const digest = new Uint8Array(16);
    const out = new DataView(digest.buffer);
    for (const [i, word] of this.state.entries()) out.setUint32(4 * i, word, true);
    return digest;
  }

  private compress(): void {
    const { state, words, block } = this;
    for (let i = 0; i < 16; i++) {
      const at = 4 * i;
      words[i] =
        (block[at] as number) | ((block[at + 1] as number) << 8) | ((block[at + 2] as number) << 16) | ((block[at + 3] as number) << 24);
    }
    let [a, b, c, d] = state as unknown as [number, number, number, number];
    for (let i = 0; i < 64; i++) {
      const [mixed, word] = round(i, b, c, d);
      const sum = (a + mixed + (SINES[i] as number) + (words[word] as number)) | 0;
      const shift = (SHIFTS[i >> 4] as (typeof SHIFTS)[number])[i & 3] as number;
      a = d;
      d = c;
      c = b;
      b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0;
    }
    state[0] = (state[0] as number) + a;
    state[1] = (state[1] as number) + b;
    state[2] = (state[2] as number) + c;
    state[3] = (state[3] as number) + d;
    this.filled = 0;
  }
}

/** HMAC (RFC 2104) with MD5 over one message: 16 bytes. Any key length. */
export function hmacMd5(key: Uint8Array, message: Uint8Array): Uint8Array {
  const padded = new Uint8Array(BLOCK_LENGTH);
  padded.set(key.length > BLOCK_LENGTH ? md5(key) : key);
  const inner = md5(
    padded.map((byte) => byte ^ 0x36),
    message,
  );
  return md5(
    padded.map((byte) => byte ^ 0x5c),
    inner,
  );
}

function md5(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = new Md5();
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** The auxiliary function of step `i` and the index of the word that it takes (RFC 1321 section 3.4). */
function round(i: number, b: number, c: number, d: number): [mixed: number, word: number] {
  if (i < 16) return [(b & c) | (~b & d), i];
  if (i < 32) return [(b & d) | (c & ~d), (5 * i + 1) & 15];
  if (i < 48) return [b ^ c ^ d, (3 * i + 5) & 15];
  return [c ^ (b | ~d), (7 * i) & 15];
}
