/** Traffic control: queueing disciplines and filters of an interface (RTM_GETQDISC, RTM_GETTFILTER; rtnetlink(7), linux/pkt_sched.h). */
import { accepted, type Decoded, refused } from '../decoded.ts';
import { decodeAttributes, HOST_IS_LITTLE_ENDIAN, readText, viewOf } from '../netlink.ts';

export const RTM_GETQDISC = 38;
export const RTM_GETTFILTER = 46;

/** The two hooks of a `clsact` discipline, as parents of filters. */
export const CLSACT_INGRESS = 0xfffffff2;
export const CLSACT_EGRESS = 0xfffffff3;

const HEADER_LENGTH = 20;
const TCA_KIND = 1;

/** A discipline or a filter: the two share their header. */
export interface TrafficControl {
  readonly interfaceIndex: number;
  readonly handle: number;
  readonly parent: number;
  /** `clsact`, `fq_codel`, `bpf` … */
  readonly kind: string;
}

/** Asks for the disciplines of all interfaces, or for the filters of one interface and parent. */
export function encodeTrafficQuery(interfaceIndex = 0, parent = 0): Uint8Array {
  const header = new Uint8Array(HEADER_LENGTH);
  viewOf(header).setInt32(4, interfaceIndex, HOST_IS_LITTLE_ENDIAN);
  viewOf(header).setUint32(12, parent, HOST_IS_LITTLE_ENDIAN);
  return header;
}

export function decodeTraffic(payload: Uint8Array): Decoded<TrafficControl> {
  if (payload.length < HEADER_LENGTH) return refused('truncated');
  const attributes = decodeAttributes(payload, HEADER_LENGTH);
  if (!attributes.ok) return attributes;
  const view = viewOf(payload);
  const kind = attributes.value.get(TCA_KIND);
  return accepted({
    interfaceIndex: view.getInt32(4, HOST_IS_LITTLE_ENDIAN),
    handle: view.getUint32(8, HOST_IS_LITTLE_ENDIAN),
    parent: view.getUint32(12, HOST_IS_LITTLE_ENDIAN),
    kind: kind ? readText(kind) : '',
  });
}
