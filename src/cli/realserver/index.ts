/** `vipwright realserver start|stop|status`: a real server's side of LVS-DR and LVS-TUN, on this host. */
export { type RealServerIo, type RealServerOptions, runRealserver } from './command.ts';
export { loadDecapsulator, readCounts } from './decapsulator.ts';
export type { RealServerHost } from './host.ts';
export { LinuxRealServerHost } from './linux-host.ts';
export { realServer } from './realserver.ts';
export type { Decapsulator } from './tunnel.ts';
