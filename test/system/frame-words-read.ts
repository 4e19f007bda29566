/** From the bytes of a frame to its words: what a failed fixture shows. Whatever the words cannot say is said as bytes. */
import { IpAddress } from '../../src/base/index.ts';
import {
  EXTENSION_NAMES,
  type FrameWords,
  frameOfWords,
  INCOMING,
  NAMED_MACS,
  type Names,
  type PacketWords,
  packetOfWords,
  pattern,
  TAG_TYPES,
} from './frame-words.ts';
import { macText, PROTOCOL } from './xdp-frames.ts';
import { serverMac } from './xdp-support.ts';

const FLAG_LETTERS = 'FSRPAU';
const MAX_TAGS = 2;

export function wordsOfFrame(frame: Uint8Array, names: Names, defaults: { from: string; to: string }): string {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const tags: { kind: 'vlan' | 'qinq'; id: number }[] = [];
  let at = 12;
  for (; tags.length < MAX_TAGS && at + 6 <= frame.length; at += 4) {
    const kind = (Object.keys(TAG_TYPES) as (keyof typeof TAG_TYPES)[]).find((name) => TAG_TYPES[name] === view.getUint16(at));
    if (!kind) break;
    tags.push({ kind, id: view.getUint16(at + 2) });
  }
  const bytes = frame.subarray(at + 2);
  const [to, from] = [macName(frame.subarray(0, 6), names), macName(frame.subarray(6, 12), names)];
  const type = view.getUint16(at);
  const raw = {
    kind: 'raw',
    head: hexOf(frame.subarray(at, at + 2)),
    source: '',
    destination: '',
    words: new Map([['hex', hexOf(bytes)]]),
  };
  const packet = type === 0x86dd ? readPacket6(bytes, names) : type === 0x0800 ? readPacket(bytes, names) : undefined;
  const plain = { from, to, tags, packet: raw };
  const words = packet ? withRest({ ...plain, packet }, frame, at + 2, names) : plain;
  const isWhole = Buffer.from(frameOfWords(words, names, INCOMING)).equals(frame);
  return textOfFrame(isWhole ? words : plain, defaults);
}

/** Adds the bytes in which what the words make differs from the frame. */
function withRest(words: FrameWords, frame: Uint8Array, header: number, names: Names): FrameWords {
  const made = frameOfWords(words, names, INCOMING);
  const extra = new Map(words.packet.words);
  if (made.length > frame.length) extra.set('cut', String(frame.length - header));
  if (made.length < frame.length && frame.subarray(made.length).every((byte) => byte === 0))
    extra.set('pad', String(frame.length - made.length));
  const differences: string[] = [];
  for (let at = header; at < Math.min(made.length, frame.length); at++) {
    if (made[at] !== frame[at]) differences.push(`${at - header}=${hexOf(frame.subarray(at, at + 1))}`);
  }
  if (differences.length > 0) extra.set('bytes', differences.join(','));
  return { ...words, packet: { ...words.packet, words: extra } };
}

function readPacket(bytes: Uint8Array, names: Names): PacketWords | undefined {
  const header = ((bytes[0] as number) & 15) * 4;
  if ((bytes[0] as number) >> 4 !== 4 || header < 20 || bytes.length < header) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = new Map<string, string>();
  const fragment = view.getUint16(6);
  if (bytes[8] !== 64) words.set('ttl', String(bytes[8]));
  if (bytes[1] !== 0) words.set('tos', hexOf(bytes.subarray(1, 2)));
  if (view.getUint16(4) !== 1) words.set('id', String(view.getUint16(4)));
  if (fragment & 0x4000) words.set('df', '');
  if (fragment & 0x2000) words.set('mf', '');
  if (fragment & 0x1fff) words.set('offset', String(fragment & 0x1fff));
  if (header > 20) words.set('options', hexOf(bytes.subarray(20, header)));
  const [source, destination] = [nameOf(bytes.subarray(12, 16), names), nameOf(bytes.subarray(16, 20), names)];
  const body = bytes.subarray(header, Math.max(header, view.getUint16(2)));
  const wanted = view.getUint16(2);
  const packet = readBody(bytes[9] as number, body, { source, destination, words, isLater: (fragment & 0x1fff) !== 0 }, names);
  if (wanted > bytes.length) words.set('first', String(bytes.length));
  else describeChecksum(packet, bytes.subarray(0, wanted), names);
  return packet;
}

function readPacket6(bytes: Uint8Array, names: Names): PacketWords | undefined {
  if ((bytes[0] as number) >> 4 !== 6 || bytes.length < 40) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = new Map<string, string>();
  const [first, length] = [view.getUint32(0), 40 + view.getUint16(4)];
  if (bytes[7] !== 64) words.set('ttl', String(bytes[7]));
  if ((first >> 20) & 255) words.set('tos', ((first >> 20) & 255).toString(16).padStart(2, '0'));
  if (first & 0xfffff) words.set('flow', (first & 0xfffff).toString(16));
  const [source, destination] = [nameOf(bytes.subarray(8, 24), names), nameOf(bytes.subarray(24, 40), names)];
  let [next, at, isLater] = [bytes[6] as number, 40, false];
  const extensions: string[] = [];
  for (; at + 8 <= bytes.length; at += 8) {
    const name = Object.keys(EXTENSION_NAMES).find((candidate) => EXTENSION_NAMES[candidate] === next);
    if (name !== undefined) extensions.push(name);
    else if (next !== 44) break;
    else {
      const offset = view.getUint16(at + 2);
      words.set('offset', String(offset >> 3));
      if (offset & 1) words.set('mf', '');
      if (view.getUint32(at + 4) !== 1) words.set('id', String(view.getUint32(at + 4)));
      isLater = offset >> 3 !== 0;
    }
    next = bytes[at] as number;
  }
  if (extensions.length > 0) words.set('ext', extensions.join(','));
  const packet = readBody(next, bytes.subarray(at, Math.max(at, length)), { source, destination, words, isLater }, names);
  if (length > bytes.length) words.set('first', String(bytes.length));
  else describeChecksum(packet, bytes.subarray(0, length), names);
  return packet;
}

/** Quoted segments whose addresses were changed have checksums that are not theirs. */
function describeChecksum(packet: PacketWords, bytes: Uint8Array, names: Names): void {
  const made = packetOfWords(packet, names);
  const wrong = [...made.keys()].filter((at) => made[at] !== bytes[at]);
  const [first = 0, last = 0] = [wrong[0], wrong.at(-1)];
  if (!/^(tcp|udp)$/.test(packet.kind) || made.length !== bytes.length || wrong.length === 0 || last - first > 1) return;
  for (const at of [first, first - 1]) {
    const words = packet.words as Map<string, string>;
    words.set('sum', hexOf(bytes.subarray(at, at + 2)));
    if (Buffer.from(packetOfWords(packet, names)).equals(bytes)) return;
    words.delete('sum');
  }
}

interface Around {
  readonly source: string;
  readonly destination: string;
  readonly words: Map<string, string>;
  readonly isLater: boolean;
}

function readBody(protocol: number, body: Uint8Array, around: Around, names: Names): PacketWords {
  const { source, destination, words, isLater } = around;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const plain = (kind: string, head: string, payload: Uint8Array, inner?: PacketWords): PacketWords => {
    if (!inner && payload.length > 0) describePayload(payload, words);
    return { kind, head, source, destination, words, ...(inner && { inner }) };
  };
  const inside = (at: number): PacketWords | undefined => {
    const packet = body.subarray(at);
    return (packet[0] as number) >> 4 === 6 ? readPacket6(packet, names) : readPacket(packet, names);
  };
  const kind = { 6: 'tcp', 17: 'udp' }[protocol];
  if (isLater) return kind ? plain(kind, kind === 'tcp' ? 'S' : '', body) : plain('ip', String(protocol), body);
  if (kind && body.length >= 8) return readPorts(kind, body, view, plain, inside);
  if ((protocol === PROTOCOL.icmp || protocol === PROTOCOL.icmp6) && body.length >= 8) {
    if (view.getUint32(4) !== 0) words.set('info', String(view.getUint32(4)));
    const isError = protocol === PROTOCOL.icmp ? [3, 4, 5, 11, 12].includes(body[0] as number) : (body[0] as number) < 128;
    return plain('icmp', `${body[0]}/${body[1]}`, body.subarray(8), isError && body.length > 28 ? inside(8) : undefined);
  }
  const carried =
    protocol === 4 || protocol === 41 ? inside(0) : protocol === 47 && body.length > 24 ? inside(body[0] === 0x80 ? 8 : 4) : undefined;
  if (carried && body[0] === 0x80) words.set('csum', '');
  if (carried) return plain(protocol === 47 ? 'gre' : 'ipip', '', body, carried);
  return plain('ip', String(protocol), body);
}

type Plain = (kind: string, head: string, payload: Uint8Array, inner?: PacketWords) => PacketWords;

function readPorts(
  kind: string,
  body: Uint8Array,
  view: DataView,
  plain: Plain,
  inside: (at: number) => PacketWords | undefined,
): PacketWords {
  const ports = ({ source, destination, ...rest }: PacketWords): PacketWords => ({
    ...rest,
    source: `${source}:${view.getUint16(0)}`,
    destination: `${destination}:${view.getUint16(2)}`,
  });
  if (kind === 'udp') {
    const carried = body.length > 32 && body[8] === 0 && (body[9] === 4 || body[9] === 41) ? inside(12) : undefined;
    if (carried) {
      const tunnel = plain('gue', '', body, carried);
      if (view.getUint16(6) !== 0) (tunnel.words as Map<string, string>).set('csum', '');
      return ports(tunnel);
    }
    const packet = plain('udp', '', body.subarray(8));
    if (view.getUint16(6) === 0) (packet.words as Map<string, string>).set('nosum', '');
    return ports(packet);
  }
  if (body.length < 20) return ports(plain('tcp', 'S', new Uint8Array()));
  const header = ((body[12] as number) >> 4) * 4;
  const flags = [...FLAG_LETTERS].filter((_, bit) => (body[13] as number) & (1 << bit)).join('') || '-';
  const packet = plain('tcp', flags, body.subarray(header));
  const words = packet.words as Map<string, string>;
  if (view.getUint32(4) !== 0) words.set('seq', String(view.getUint32(4)));
  if (view.getUint32(8) !== 0) words.set('ack', String(view.getUint32(8)));
  if (header > 20) words.set('tcpopt', hexOf(body.subarray(20, header)));
  return ports(packet);
}

function describePayload(payload: Uint8Array, words: Map<string, string>): void {
  if (Buffer.from(payload).equals(pattern(payload.length))) words.set('data', String(payload.length));
  else if (/^[ -!#-~\r\n]+$/.test(Buffer.from(payload).toString('latin1'))) {
    const text = Buffer.from(payload).toString('latin1').replaceAll('\r', '\\r').replaceAll('\n', '\\n');
    words.set('text', `"${text}"`);
  } else words.set('hex', hexOf(payload));
}

function textOfFrame({ from, to, tags, packet }: FrameWords, defaults: { from: string; to: string }): string {
  const macs = from !== defaults.from ? [`${from}>${to}:`] : to !== defaults.to ? [`${to}:`] : [];
  return [...macs, ...tags.map(({ kind, id }) => `${kind} ${id}`), textOfPacket(packet)].join(' ');
}

function textOfPacket({ kind, head, source, destination, words, inner }: PacketWords): string {
  if (kind === 'raw') return `raw ${head} ${words.get('hex')}`;
  const rest = [...words].map(([name, value]) => (value === '' ? name : `${name} ${value}`));
  return [kind, ...(head ? [head] : []), source, '>', destination, ...rest, ...(inner ? ['[', textOfPacket(inner), ']'] : [])].join(' ');
}

function nameOf(bytes: Uint8Array, names: Names): string {
  const address = String(IpAddress.fromBytes(bytes));
  const name = [...names].find(([, value]) => String(IpAddress.parse(value)) === address)?.[0];
  return name ?? (bytes.length === 16 ? `[${address}]` : address);
}

function macName(mac: Uint8Array, names: Names): string {
  const text = macText(mac);
  const named = Object.entries(NAMED_MACS).find(([, bytes]) => macText(bytes) === text)?.[0];
  const server = [...names].find(([, value]) => macText(serverMac(IpAddress.parse(value) as IpAddress)) === text)?.[0];
  return named ?? server ?? text.replaceAll(':', '-');
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
