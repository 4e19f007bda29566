/** Settings and time-outs in the words of the packet path's record. */
import { toSeconds } from '../../base/index.ts';
import type { ForwardingSettings, Timeouts } from '../../model/index.ts';
import { DataPlaneError } from '../../ports/index.ts';
import { isOn } from '../memory/index.ts';
import type { PacketPath } from './program.ts';

const MAX_TIMEOUT_SECONDS = 2_147_483;

/** 0 keeps a value, as `ipvsadm --set` means it. */
export function changedTimeouts(current: Timeouts, wanted: Partial<Timeouts>): Timeouts {
  const next = { ...current };
  for (const name of ['tcp', 'tcpFin', 'udp'] as const) {
    const value = wanted[name] ?? 0;
    if (!(value >= 0) || toSeconds(value) > MAX_TIMEOUT_SECONDS) throw new DataPlaneError('invalid', `${value} µs is no time-out`);
    if (value > 0) next[name] = value;
  }
  return next;
}

/** Writes every switch in one step: a packet sees the old ones or the new ones. */
export function writeSettings({ settings, numbers }: PacketPath, current: ForwardingSettings): void {
  const switches: Readonly<Record<string, boolean>> = {
    SETTING_EXPIRE_NODEST: current.expireConnectionsOfDeleted,
    SETTING_EXPIRE_QUIESCENT: current.expireTemplatesOfQuiescent,
    SETTING_REUSE_CLOSED: current.connectionReuse > 0,
    SETTING_REUSE_FIN_WAIT: (current.connectionReuse & 2) !== 0,
    SETTING_SLOPPY_TCP: current.sloppyTcp,
    SETTING_SLOPPY_SCTP: current.sloppySctp,
    SETTING_SECURE_TCP: isOn(current.secureTcp),
    SETTING_BYPASS: current.cacheBypass,
  };
  let flags = settings.u32(0, 'flags');
  for (const [name, on] of Object.entries(switches)) {
    const bit = numbers.settingsFlag[name] as number;
    flags = on ? flags | bit : flags & ~bit;
  }
  settings.setU32(0, 'flags', flags >>> 0);
}
