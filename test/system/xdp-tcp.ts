/** What is looked at in the TCP segment of a frame that leaves the director. */
import { pseudoChecksum, seeFrame } from './xdp-frames.ts';

const ETHERNET_HEADER = 14;

export interface SeenSegment {
  readonly from: string;
  readonly to: string;
  readonly sequence: number;
  readonly acknowledged: number;
  /** Letters of `FSRPAU` in this order. */
  readonly flags: string;
  readonly window: number;
  readonly options: readonly number[];
  readonly payload: readonly number[];
  /** The checksums of both headers, and that the frame is as long as its headers say. */
  readonly right: boolean;
}

export function seeSegment(frame: Uint8Array): SeenSegment {
  const seen = seeFrame(frame);
  const view = new DataView(seen.body.buffer, seen.body.byteOffset, seen.body.byteLength);
  const header = ((seen.body[12] as number) >> 4) * 4;
  const is6 = frame[12] === 0x86;
  const addresses = frame.subarray(ETHERNET_HEADER + (is6 ? 8 : 12), ETHERNET_HEADER + (is6 ? 40 : 20));
  return {
    from: `${seen.source} ${view.getUint16(0)}`,
    to: `${seen.destination} ${view.getUint16(2)}`,
    sequence: view.getUint32(4),
    acknowledged: view.getUint32(8),
    flags: [...'FSRPAU'].filter((_, bit) => (seen.body[13] as number) & (1 << bit)).join(''),
    window: view.getUint16(14),
    options: [...seen.body.subarray(20, header)],
    payload: [...seen.body.subarray(header)],
    right: seen.checksumRight && pseudoChecksum(addresses, 6, seen.body) === 0 && seen.totalLength === frame.length - ETHERNET_HEADER,
  };
}
