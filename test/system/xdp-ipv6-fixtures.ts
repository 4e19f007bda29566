/** Addresses, services and frames that several tests of IPv6 in the packet path have in common. Tables of frames are in fixtures/. */
import type { RealServer, ServiceKey } from '../../src/model/index.ts';
import { ip, real, tcp } from '../compliance/harness.ts';
import { type FrameFields, PROTOCOL } from './xdp-frames.ts';

export const VIP6 = ip('fd00:9::9');
export const CLIENT6 = 'fd00::1';
/** What makes a frame of the usual client one to the virtual address. */
export const TO: FrameFields = { source: CLIENT6, destination: String(VIP6) };
export const UDP6: FrameFields = { ...TO, protocol: PROTOCOL.udp, destinationPort: 53 };
export const OPEN6: readonly FrameFields[] = [TO, { ...TO, flags: 'A' }];

/** Real server N over IPv6 is fd00:2::N. */
export function real6(number: number, weight = 1, more: Partial<RealServer> = {}): RealServer {
  return real(1, weight, { address: ip(`fd00:2::${number.toString(16)}`), ...more });
}

export function tcp6(port: number, address = VIP6): ServiceKey {
  return tcp(port, address);
}

export function udp6(port: number): ServiceKey {
  return { kind: 'address', protocol: 'udp', address: VIP6, port };
}
