/** Short ways to lower a piece of keepalived.conf and to say what came of it. */
import type { VirtualRouter } from '../../model/index.ts';
import { type KeepalivedReading, type ReadOptions, readKeepalived } from './read.ts';

export const NO_TRACKERS = { trackInterfaces: [], trackScripts: [], trackFiles: [], trackProcesses: [], trackBfds: [] };

export function read(text: string, options: ReadOptions = {}): KeepalivedReading {
  return readKeepalived(text, { file: 'k.conf', ...options });
}

/** `LINE SEVERITY CODE` of every diagnostic. */
export function codes(text: string, options: ReadOptions = {}): string[] {
  return read(text, options).diagnostics.map(({ range, severity, code }) => `${range.line} ${severity} ${code}`);
}

/** A vrrp_instance V on eth0, without addresses on purpose; the lines begin on line 5. */
export function instance(lines: string, name = 'V'): string {
  return `vrrp_instance ${name} {\ninterface eth0\nvirtual_router_id 1\nno_virtual_ipaddress\n${lines}\n}\n`;
}

export function router(lines: string, globals = ''): VirtualRouter | undefined {
  return read(`${instance(lines)}${globals === '' ? '' : `global_defs {\n${globals}\n}\n`}`).configuration.routers[0];
}
