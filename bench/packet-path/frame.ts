/** The packets of the benchmark: 64-byte TCP segments to one virtual service. */
import { IpAddress } from '../../src/base/index.ts';
import type { ServiceKey } from '../../src/model/index.ts';

export const VIP = IpAddress.fromV4Number(0x0a_ff_00_01);
export const SERVICE: ServiceKey = { kind: 'address', protocol: 'tcp', address: VIP, port: 80 };
export const DIRECTOR_MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const CLIENT_MAC = Uint8Array.of(2, 0, 0, 0, 0, 2);

export const FRAME_LENGTH = 64;
const IP_AT = 14;
const TCP_AT = 34;
const ETHERTYPE_IPV4 = 0x0800;

export const TCP_FLAGS = { syn: 0x02, ack: 0x10 } as const;

/** A frame without client address, client port and IP checksum; nobody on its way checks the last. */
export function frame(flags: number): Uint8Array {
  const bytes = new Uint8Array(FRAME_LENGTH);
  const view = new DataView(bytes.buffer);
  bytes.set(DIRECTOR_MAC, 0);
  bytes.set(CLIENT_MAC, 6);
  view.setUint16(12, ETHERTYPE_IPV4);
  bytes[IP_AT] = 0x45;
  view.setUint16(IP_AT + 2, FRAME_LENGTH - IP_AT);
  bytes[IP_AT + 8] = 64;
  bytes[IP_AT + 9] = 6;
  bytes.set(VIP.bytes, IP_AT + 16);
  view.setUint16(TCP_AT + 2, SERVICE.kind === 'address' ? SERVICE.port : 0);
  bytes[TCP_AT + 12] = 5 << 4;
  bytes[TCP_AT + 13] = flags;
  return bytes;
}
