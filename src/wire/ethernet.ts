/** Ethernet II frames and their addresses. */
import { accepted, type Decoded, refused } from './decoded.ts';

export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_IPV6 = 0x86dd;

export const MAC_LENGTH = 6;
export const ETHERNET_HEADER_LENGTH = 14;
export const BROADCAST_MAC: Uint8Array = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff);

export interface EthernetHeader {
  /** Six bytes each. */
  readonly destination: Uint8Array;
  readonly source: Uint8Array;
  readonly etherType: number;
}

export interface EthernetFrame extends EthernetHeader {
  /** Shares memory with the frame it was read from, and includes any padding to the minimum frame length. */
  readonly payload: Uint8Array;
}

export function encodeEthernet(header: EthernetHeader, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(ETHERNET_HEADER_LENGTH + payload.length);
  frame.set(header.destination, 0);
  frame.set(header.source, MAC_LENGTH);
  frame[12] = header.etherType >> 8;
  frame[13] = header.etherType & 0xff;
  frame.set(payload, ETHERNET_HEADER_LENGTH);
  return frame;
}

export function decodeEthernet(frame: Uint8Array): Decoded<EthernetFrame> {
  if (frame.length < ETHERNET_HEADER_LENGTH) return refused('truncated');
  return accepted({
    destination: frame.slice(0, MAC_LENGTH),
    source: frame.slice(MAC_LENGTH, 2 * MAC_LENGTH),
    etherType: ((frame[12] as number) << 8) | (frame[13] as number),
    payload: frame.subarray(ETHERNET_HEADER_LENGTH),
  });
}

/** `00:00:5e:00:01:33`, as ip(8) prints it. */
export function formatMac(mac: Uint8Array): string {
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** Reads six colon-separated hexadecimal bytes in either case. Undefined when it is anything else. */
export function parseMac(text: string): Uint8Array | undefined {
  if (!/^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(text)) return undefined;
  return Uint8Array.from(text.split(':'), (part) => Number.parseInt(part, 16));
}
