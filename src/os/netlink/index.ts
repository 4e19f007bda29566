/** The kernel's tables of links, addresses, neighbours and routes. */
export { type MonitorGroup, type RtnetlinkEvent, RtnetlinkMonitor } from './monitor.ts';
export { encodeNewAddress, Rtnetlink } from './rtnetlink.ts';
