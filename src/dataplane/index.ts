/** The packet-forwarding adapters behind the DataPlane port, and the reconciler that keeps one as the director wants it. */
export { type DropReason, MemoryDataPlane, type Packet, type TcpFlags, type Verdict } from './memory/index.ts';
export {
  type Failure,
  type Operation,
  Reconciler,
  type ReconcilerOptions,
  type ReconcileSummary,
  type ReconcileTotals,
} from './reconciler/index.ts';
export {
  type Attachment,
  type NextHop,
  type NextHops,
  RtnetlinkNextHops,
  roundedSize,
  XdpDataPlane,
  type XdpOptions,
} from './xdp/index.ts';
