/** The data plane in eBPF at XDP: full LVS semantics in the driver's receive path. */
export { type NextHop, type NextHops, RtnetlinkNextHops } from './next-hops.ts';
export { XdpDataPlane, type XdpOptions } from './plane.ts';
export type { Attachment } from './ports.ts';
export { roundedSize } from './program.ts';
export { REASONS } from './trace/index.ts';
