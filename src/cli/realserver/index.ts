/** `vipwright realserver start|stop|status`: a real server's side of LVS-DR, on this host. */
export { DEFAULT_RECORD_PATH, type RealServerIo, type RealServerOptions, runRealserver } from './command.ts';
export type { RealServerHost } from './host.ts';
export { LinuxRealServerHost } from './linux-host.ts';
export { realServer } from './realserver.ts';
