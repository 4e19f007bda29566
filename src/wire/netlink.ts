/** Netlink framing (RFC 3549, linux/netlink.h): messages, attributes, acknowledgements. Integers are in the host's byte order. */
import { accepted, type Decoded, refused } from './decoded.ts';

/** Whether this machine stores the low byte first; netlink and socket structures follow the machine. */
export const HOST_IS_LITTLE_ENDIAN: boolean = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

export const NLMSG_NOOP = 1;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLMSG_OVERRUN = 4;

export const NLM_F_REQUEST = 0x01;
export const NLM_F_MULTI = 0x02;
export const NLM_F_ACK = 0x04;
/** The table changed during a dump, which may therefore be inconsistent: ask again. */
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
/** In an acknowledgement: the request was not echoed in full. */
const NLM_F_CAPPED = 0x100;
/** In an acknowledgement: extended attributes follow. */
const NLM_F_ACK_TLVS = 0x200;

export const NETLINK_HEADER_LENGTH = 16;
const ATTRIBUTE_HEADER_LENGTH = 4;
/** The upper two bits of an attribute type are flags (nested, network byte order). */
const ATTRIBUTE_TYPE_MASK = 0x3fff;
const ATTRIBUTE_NESTED = 0x8000;
const NLMSGERR_ATTR_MSG = 1;
const NLMSGERR_ATTR_OFFS = 2;

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly portId: number;
  readonly payload: Uint8Array;
}

/** An attribute to be written: raw bytes, or further attributes nested in it. */
export interface NetlinkAttribute {
  readonly type: number;
  readonly value: Uint8Array | readonly NetlinkAttribute[];
}

/** Attributes as read, by type; where the kernel repeats a type the last one counts. Values share memory with the message. */
export type AttributeMap = ReadonlyMap<number, Uint8Array>;

/** An acknowledgement: `errno` 0 means done, otherwise the positive error number, with the kernel's own words where it gave some. */
export interface NetlinkAck {
  readonly errno: number;
  readonly message?: string;
  /** Offset in the request of the attribute that the kernel objects to. */
  readonly offset?: number;
}

export function encodeNetlinkMessage(message: NetlinkMessage): Uint8Array {
  const length = NETLINK_HEADER_LENGTH + message.payload.length;
  const bytes = new Uint8Array(align(length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, HOST_IS_LITTLE_ENDIAN);
  view.setUint16(4, message.type, HOST_IS_LITTLE_ENDIAN);
  view.setUint16(6, message.flags, HOST_IS_LITTLE_ENDIAN);
  view.setUint32(8, message.sequence, HOST_IS_LITTLE_ENDIAN);
  view.setUint32(12, message.portId, HOST_IS_LITTLE_ENDIAN);
  bytes.set(message.payload, NETLINK_HEADER_LENGTH);
  return bytes;
}

/** Gives a message that was encoded beforehand its place in a conversation. */
export function numberNetlinkMessage(encoded: Uint8Array, sequence: number): void {
  viewOf(encoded).setUint32(8, sequence, HOST_IS_LITTLE_ENDIAN);
}

/** Whether a datagram begins with the plain yes to a request: what the kernel answers nearly always, told without taking it apart. */
export function isNetlinkSuccess(datagram: DataView, sequence: number, portId: number): boolean {
  return (
    datagram.byteLength >= NETLINK_HEADER_LENGTH + 4 &&
    datagram.getUint16(4, HOST_IS_LITTLE_ENDIAN) === NLMSG_ERROR &&
    datagram.getUint32(8, HOST_IS_LITTLE_ENDIAN) === sequence &&
    datagram.getUint32(12, HOST_IS_LITTLE_ENDIAN) === portId &&
    datagram.getInt32(NETLINK_HEADER_LENGTH, HOST_IS_LITTLE_ENDIAN) === 0
  );
}

/** Splits one datagram into its messages. A message that runs past the end refuses the whole datagram. */
export function decodeNetlinkMessages(datagram: Uint8Array): Decoded<readonly NetlinkMessage[]> {
  const view = viewOf(datagram);
  const messages: NetlinkMessage[] = [];
  let offset = 0;
  while (offset < datagram.length) {
    if (datagram.length - offset < NETLINK_HEADER_LENGTH) return refused('truncated');
    const length = view.getUint32(offset, HOST_IS_LITTLE_ENDIAN);
    if (length < NETLINK_HEADER_LENGTH) return refused('bad-length');
    if (length > datagram.length - offset) return refused('truncated');
    messages.push({
      type: view.getUint16(offset + 4, HOST_IS_LITTLE_ENDIAN),
      flags: view.getUint16(offset + 6, HOST_IS_LITTLE_ENDIAN),
      sequence: view.getUint32(offset + 8, HOST_IS_LITTLE_ENDIAN),
      portId: view.getUint32(offset + 12, HOST_IS_LITTLE_ENDIAN),
      payload: datagram.subarray(offset + NETLINK_HEADER_LENGTH, offset + length),
    });
    offset += align(length);
  }
  return accepted(messages);
}

/** Attributes back to back, each padded to four bytes. */
export function encodeAttributes(attributes: readonly NetlinkAttribute[]): Uint8Array {
  const parts = attributes.map((attribute) => {
    const nested = !(attribute.value instanceof Uint8Array);
    const value = nested ? encodeAttributes(attribute.value) : attribute.value;
    const length = ATTRIBUTE_HEADER_LENGTH + value.length;
    const bytes = new Uint8Array(align(length));
    const view = new DataView(bytes.buffer);
    view.setUint16(0, length, HOST_IS_LITTLE_ENDIAN);
    view.setUint16(2, attribute.type | (nested ? ATTRIBUTE_NESTED : 0), HOST_IS_LITTLE_ENDIAN);
    bytes.set(value, ATTRIBUTE_HEADER_LENGTH);
    return bytes;
  });
  return concat(parts);
}

/** Reads attributes from `offset` to the end. An attribute that runs past the end refuses them all. */
export function decodeAttributes(bytes: Uint8Array, offset = 0): Decoded<AttributeMap> {
  const view = viewOf(bytes);
  const map = new Map<number, Uint8Array>();
  let at = offset;
  while (at < bytes.length) {
    if (bytes.length - at < ATTRIBUTE_HEADER_LENGTH) return refused('truncated');
    const length = view.getUint16(at, HOST_IS_LITTLE_ENDIAN);
    if (length < ATTRIBUTE_HEADER_LENGTH) return refused('bad-length');
    if (length > bytes.length - at) return refused('truncated');
    const type = view.getUint16(at + 2, HOST_IS_LITTLE_ENDIAN) & ATTRIBUTE_TYPE_MASK;
    map.set(type, bytes.subarray(at + ATTRIBUTE_HEADER_LENGTH, at + length));
    at += align(length);
  }
  return accepted(map);
}

/** Reads an NLMSG_ERROR message, extended acknowledgement included. Also reads NLMSG_DONE, whose payload starts the same way. */
export function decodeAck(message: NetlinkMessage): Decoded<NetlinkAck> {
  const { payload } = message;
  if (payload.length < 4) return refused('truncated');
  const view = viewOf(payload);
  const errno = Math.abs(view.getInt32(0, HOST_IS_LITTLE_ENDIAN));
  if ((message.flags & NLM_F_ACK_TLVS) === 0) return accepted({ errno });
  const attributes = decodeAttributes(payload, ackAttributesOffset(message));
  if (!attributes.ok) return accepted({ errno });
  const text = attributes.value.get(NLMSGERR_ATTR_MSG);
  const offset = readU32(attributes.value.get(NLMSGERR_ATTR_OFFS));
  return accepted({
    errno,
    ...(text && { message: readText(text) }),
    ...(offset !== undefined && { offset }),
  });
}

/** NLMSG_DONE carries the attributes after the error; NLMSG_ERROR after the echoed request header, or after the whole request. */
function ackAttributesOffset(message: NetlinkMessage): number {
  if (message.type === NLMSG_DONE) return 4;
  if ((message.flags & NLM_F_CAPPED) !== 0 || message.payload.length < 4 + NETLINK_HEADER_LENGTH) return 4 + NETLINK_HEADER_LENGTH;
  const echoed = viewOf(message.payload).getUint32(4, HOST_IS_LITTLE_ENDIAN);
  return echoed > message.payload.length ? message.payload.length : 4 + align(echoed);
}

export function u8(value: number): Uint8Array {
  return Uint8Array.of(value);
}

export function u16(value: number): Uint8Array {
  return new Uint8Array(Uint16Array.of(value).buffer);
}

export function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

/** A NUL-terminated string in UTF-8. */
export function text(value: string): Uint8Array {
  return new TextEncoder().encode(`${value}\0`);
}

/** An unsigned 32-bit attribute; undefined when it is absent or too short. */
export function readU32(value: Uint8Array | undefined): number | undefined {
  return value && value.length >= 4 ? viewOf(value).getUint32(0, HOST_IS_LITTLE_ENDIAN) : undefined;
}

/** A string attribute up to its NUL; bytes that are not UTF-8 become U+FFFD. */
export function readText(value: Uint8Array): string {
  const end = value.indexOf(0);
  return new TextDecoder().decode(value.subarray(0, end < 0 ? value.length : end));
}

/** Rounds up to netlink's alignment of four bytes. */
function align(length: number): number {
  return (length + 3) & ~3;
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
