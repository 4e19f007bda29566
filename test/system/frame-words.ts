/**
 * Frames in words, as the tables of packet fixtures have them:
 *
 *     tcp SA client:40000 > vip:80 df data 16        a segment; flags of `FSRPAU`, or `-` for none
 *     udp client > vip offset 3 data 16              a later fragment has no ports
 *     sctp init client:40000 > vip:80 data 16        its chunks; the data is in the first
 *     icmp 3/4 router > vip info 1400 [ ... ]        type and code; in brackets the packet that it quotes
 *     ip 47 client > vip data 40                     another protocol
 *     gue director:57012 > rs1:6080 ttl 63 [ ... ]   ipip, gre, gue: in brackets the packet inside
 *     raw 0806 000108000604                          an EtherType and the bytes behind it
 *
 * Words behind the addresses: ttl N (64 unless said), tos HEX, id N (1 unless said; `?` is whatever it is), df, mf, offset N (units of eight
 * bytes), options HEX (of IPv4), ext hbh,dst,rt (headers of IPv6), flow HEX, seq N, ack N, tcpopt HEX, info N (second word of an ICMP header),
 * csum (GUE and GRE with a checksum), nosum (no UDP checksum), sum HEX (a transport checksum that is not right), data N (N bytes of a pattern), hex HEX, text "..." (\r and \n are written so), first N (only so many bytes of it).
 * Behind the packet: bytes AT=HEX (overwritten, counted from the IP header, checksums left as they were), cut N (the frame ends N bytes
 * behind the start of the IP header), pad N (zeros behind it). Checksums are right.
 *
 * Before the packet: `rs1:` is the MAC address that the frame is sent to, `router>rs1:` both; then any of `qinq N` and `vlan N`.
 * `=` stands for the packet that came in; words behind it change it, `from X` and `to X` its endpoints.
 */
import { IpAddress } from '../../src/base/index.ts';
import { internetChecksum } from '../../src/wire/index.ts';
import { buildPacket, DIRECTOR_MAC, EXTENSION, type FrameFields, PROTOCOL, ROUTER_MAC } from './xdp-frames.ts';
import { serverMac } from './xdp-support.ts';

/** Names of addresses. */
export type Names = ReadonlyMap<string, string>;

export interface PacketWords {
  readonly kind: string;
  /** TCP flags, ICMP type and code, protocol number. */
  readonly head: string;
  readonly source: string;
  readonly destination: string;
  readonly words: ReadonlyMap<string, string>;
  readonly inner?: PacketWords;
}

export interface FrameWords {
  /** MAC addresses by name. */
  readonly from?: string;
  readonly to?: string;
  readonly tags: readonly { readonly kind: 'vlan' | 'qinq'; readonly id: number }[];
  readonly packet: PacketWords;
}

/** The MAC addresses of a frame that comes in, where it does not say others. */
export const INCOMING = { from: 'router', to: 'director' } as const;

const HEADED = new Set(['tcp', 'sctp', 'icmp', 'ip']);
const CHUNKS: Readonly<Record<string, number>> = {
  data: 0,
  init: 1,
  'init-ack': 2,
  sack: 3,
  heartbeat: 4,
  abort: 6,
  shutdown: 7,
  'shutdown-ack': 8,
  error: 9,
  'cookie-echo': 10,
  'cookie-ack': 11,
  'shutdown-complete': 14,
};
const FLAGS = new Set(['df', 'mf', 'csum', 'nosum']);
const VALUES = new Set('ttl tos id offset options ext flow seq ack tcpopt info sum data hex text first bytes cut pad from to'.split(' '));
const TUNNELS = new Set(['ipip', 'gre', 'gue']);
export const TAG_TYPES = { vlan: 0x8100, qinq: 0x88a8 } as const;
export const EXTENSION_NAMES: Readonly<Record<string, number>> = {
  hbh: EXTENSION.hopByHop,
  rt: EXTENSION.routing,
  dst: EXTENSION.destination,
};
export const NAMED_MACS: Readonly<Record<string, Uint8Array>> = {
  router: ROUTER_MAC,
  director: DIRECTOR_MAC,
  broadcast: new Uint8Array(6).fill(255),
};
const GRE_PROTOCOLS = { 4: 0x0800, 6: 0x86dd } as const;
const IP_IN_IP = { 4: 4, 6: 41 } as const;

export function parseFrameWords(text: string, came?: FrameWords): FrameWords {
  const tokens = text.match(/"[^"]*"|\S+/g) ?? [];
  const [first = ''] = tokens;
  const macs = first.endsWith(':') ? (tokens.shift() as string).slice(0, -1).split('>') : [];
  const tags: { kind: 'vlan' | 'qinq'; id: number }[] = [];
  while (tokens[0] === 'vlan' || tokens[0] === 'qinq') tags.push({ kind: tokens.shift() as 'vlan' | 'qinq', id: Number(tokens.shift()) });
  const packet = parsePacketWords(tokens, came?.packet);
  if (tokens.length > 0) throw new Error(`${text}: ${tokens[0]} is not understood`);
  const [to, from] = macs.reverse();
  return { tags, packet, ...(to !== undefined && { to }), ...(from !== undefined && { from }) };
}

function parsePacketWords(tokens: string[], came?: PacketWords): PacketWords {
  const packet = tokens[0] === '=' ? startOf(tokens, came) : headOf(tokens);
  const words = new Map(packet.words);
  let { source, destination, inner } = packet;
  for (let word = tokens[0]; word !== undefined && word !== ']'; word = tokens[0]) {
    tokens.shift();
    if (word === '[') {
      inner = parsePacketWords(tokens, came);
      if (tokens.shift() !== ']') throw new Error('a bracket is not closed');
    } else if (FLAGS.has(word)) words.set(word, '');
    else if (word.startsWith('no-') && FLAGS.has(word.slice(3))) words.delete(word.slice(3));
    else if (!VALUES.has(word)) throw new Error(`${word} is not understood`);
    else {
      const value = tokens.shift() ?? '';
      if (word === 'from') source = value;
      else if (word === 'to') destination = value;
      else words.set(word, value);
    }
  }
  return { ...packet, source, destination, words, ...(inner && { inner }) };
}

function startOf(tokens: string[], came?: PacketWords): PacketWords {
  tokens.shift();
  if (!came) throw new Error('= stands for the frame that came in, and there is none');
  return came;
}

function headOf(tokens: string[]): PacketWords {
  const kind = tokens.shift() ?? '';
  if (kind === 'raw') {
    const head = tokens.shift() ?? '';
    return { kind, head, source: '', destination: '', words: new Map([['hex', tokens.shift() ?? '']]) };
  }
  if (!HEADED.has(kind) && !TUNNELS.has(kind) && kind !== 'udp') throw new Error(`${kind} is no kind of packet`);
  const head = HEADED.has(kind) ? (tokens.shift() ?? '') : '';
  const source = tokens.shift() ?? '';
  if (tokens.shift() !== '>') throw new Error(`${kind} ${head} ${source}: no > behind the source`);
  return { kind, head, source, destination: tokens.shift() ?? '', words: new Map() };
}

export function frameOfWords(frame: FrameWords, names: Names, defaults: { from: string; to: string }): Uint8Array {
  const { kind: packetKind, head: packetHead, source, words } = frame.packet;
  const isRaw = packetKind === 'raw';
  const ip = isRaw ? payloadOf(words) : packetOfWords(frame.packet, names);
  for (const spoilt of words.get('bytes')?.split(',') ?? []) {
    const [at, hex = ''] = spoilt.split('=');
    ip.set(bytesOfHex(hex), Number(at));
  }
  const tags = frame.tags.flatMap(({ kind, id }) => [...sixteen(TAG_TYPES[kind]), ...sixteen(id)]);
  const type = isRaw ? Number.parseInt(packetHead, 16) : addressOf(source, names).family === 6 ? 0x86dd : 0x0800;
  const head = [...macOfName(frame.to ?? defaults.to, names), ...macOfName(frame.from ?? defaults.from, names), ...tags, ...sixteen(type)];
  const body = words.has('cut') ? ip.subarray(0, Number(words.get('cut'))) : ip;
  return Uint8Array.of(...head, ...body, ...new Uint8Array(Number(words.get('pad') ?? 0)));
}

/** Of the outermost packet. */
export function withIdentification(frame: FrameWords, id: number): FrameWords {
  const words = new Map(frame.packet.words);
  if (words.get('id') === '?') words.set('id', String(id));
  return { ...frame, packet: { ...frame.packet, words } };
}

export function packetOfWords(packet: PacketWords, names: Names): Uint8Array {
  const inner = packet.inner && packetOfWords(packet.inner, names);
  const fields = { ...fieldsOf(packet, names), ...protocolFields(packet, names, inner) };
  const bytes = buildPacket(fields);
  const [first, sum] = [packet.words.get('first'), packet.words.get('sum')];
  if (sum !== undefined) bytes.set(bytesOfHex(sum), checksumOffset(packet.kind, bytes.length, fields));
  return first === undefined ? bytes : bytes.subarray(0, Number(first));
}

/** Where the checksum of TCP or UDP is, counted back from the payload at the end. */
function checksumOffset(kind: string, length: number, { tcpOptions, payload }: FrameFields): number {
  return length - (payload?.length ?? 0) - (kind === 'tcp' ? 4 + (tcpOptions?.length ?? 0) : 2);
}

/** What a tunnel, an ICMP header or a segment carries, and under which number. */
function protocolFields(packet: PacketWords, names: Names, inner: Uint8Array | undefined): FrameFields {
  const { kind, head } = packet;
  const family = addressOf(packet.source, names).family;
  const payload = inner ?? payloadOf(packet.words);
  const carried = inner && (inner[0] as number) >> 4 === 6 ? 6 : 4;
  if (kind === 'ipip') return { protocol: IP_IN_IP[carried], payload };
  const hasSum = packet.words.has('csum');
  if (kind === 'gre') return { protocol: 47, payload: grePayload(carried, payload, hasSum) };
  if (kind === 'gue')
    return { protocol: PROTOCOL.udp, noChecksum: !hasSum, payload: Uint8Array.of(0, IP_IN_IP[carried], 0, 0, ...payload) };
  if (kind === 'ip') return { protocol: Number(head), payload };
  if (kind === 'udp') return { protocol: PROTOCOL.udp, payload };
  if (kind === 'sctp') return { protocol: PROTOCOL.sctp, chunks: head.split(',').map(chunkOf), payload };
  if (kind === 'tcp') return { protocol: PROTOCOL.tcp, flags: head === '-' ? '' : head, payload };
  const [icmpType = 0, icmpCode = 0] = head.split('/').map(Number);
  return { protocol: family === 6 ? PROTOCOL.icmp6 : PROTOCOL.icmp, icmpType, icmpCode, payload };
}

function grePayload(carried: 4 | 6, payload: Uint8Array, hasSum: boolean): Uint8Array {
  const plain = Uint8Array.of(0, 0, ...sixteen(GRE_PROTOCOLS[carried]), ...payload);
  if (!hasSum) return plain;
  const summed = Uint8Array.of(0x80, 0, ...plain.subarray(2, 4), 0, 0, 0, 0, ...payload);
  summed.set(sixteen(internetChecksum(summed)), 4);
  return summed;
}

function chunkOf(name: string): number {
  const type = CHUNKS[name];
  if (type === undefined) throw new Error(`${name} is no chunk of SCTP`);
  return type;
}

function fieldsOf({ source, destination, words }: PacketWords, names: Names): FrameFields {
  const number = (name: string): number | undefined => (words.has(name) ? Number(words.get(name)) : undefined);
  const hex = (name: string): number | undefined => (words.has(name) ? Number.parseInt(words.get(name) as string, 16) : undefined);
  const [ttl, identification, fragmentOffset, sequence] = [number('ttl'), number('id'), number('offset'), number('seq')];
  const [acknowledgement, icmpInfo, tos, flowLabel] = [number('ack'), number('info'), hex('tos'), hex('flow')];
  const [options, tcpOptions, extensions] = [words.get('options'), words.get('tcpopt'), words.get('ext')];
  return {
    source: String(addressOf(source, names)),
    destination: String(addressOf(destination, names)),
    sourcePort: portOf(source),
    destinationPort: portOf(destination),
    dontFragment: words.has('df'),
    moreFragments: words.has('mf'),
    noChecksum: words.has('nosum'),
    ...(ttl !== undefined && { ttl }),
    ...(identification !== undefined && { identification }),
    ...(fragmentOffset !== undefined && { fragmentOffset }),
    ...(sequence !== undefined && { sequence }),
    ...(acknowledgement !== undefined && { acknowledgement }),
    ...(icmpInfo !== undefined && { icmpInfo }),
    ...(tos !== undefined && { tos }),
    ...(flowLabel !== undefined && { flowLabel }),
    ...(options !== undefined && { options: bytesOfHex(options) }),
    ...(tcpOptions !== undefined && { tcpOptions: bytesOfHex(tcpOptions) }),
    ...(extensions !== undefined && { extensions: extensions.split(',').map((name) => EXTENSION_NAMES[name] as number) }),
  };
}

function payloadOf(words: ReadonlyMap<string, string>): Uint8Array {
  const text = words.get('text');
  if (text !== undefined) return new TextEncoder().encode(text.slice(1, -1).replaceAll('\\r', '\r').replaceAll('\\n', '\n'));
  const hex = words.get('hex');
  return hex === undefined ? pattern(Number(words.get('data') ?? 0)) : bytesOfHex(hex);
}

/** What `data N` stands for. */
export function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => at * 7);
}

export function addressOf(endpoint: string, names: Names): IpAddress {
  const text = /^\[(.+)\]/.exec(endpoint)?.[1] ?? endpoint.replace(/^([^:]*):\d*$/, '$1');
  const address = IpAddress.parse(names.get(text) ?? text);
  if (!address) throw new Error(`${endpoint} is no endpoint`);
  return address;
}

export function portOf(endpoint: string): number {
  return Number(/^(?:\[.+\]|[^:]+):(\d+)$/.exec(endpoint)?.[1] ?? 0);
}

export function macOfName(name: string, names: Names): Uint8Array {
  if (/^([0-9a-f]{2}-){5}/.test(name)) return bytesOfHex(name.replaceAll('-', ''));
  return NAMED_MACS[name] ?? serverMac(addressOf(name, names));
}

export function bytesOfHex(hex: string): Uint8Array {
  if (!/^([0-9a-f]{2})*$/.test(hex)) throw new Error(`${hex} is no row of bytes`);
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

function sixteen(value: number): [number, number] {
  return [value >> 8, value & 255];
}
