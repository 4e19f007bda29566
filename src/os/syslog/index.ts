/** The local system log (syslog(3), RFC 3164 as /dev/log speaks it), without libc's hidden state. */
import type { LogLevel } from '../../ports/index.ts';
import { AF_UNIX, close, encodeUnixAddress, SOCK_DGRAM, type SystemError, sendTo, socket } from '../ffi/index.ts';

/** Facility numbers; keepalived logs as daemon unless told otherwise (-S). */
export const SYSLOG_FACILITIES = {
  user: 1,
  daemon: 3,
  local0: 16,
  local1: 17,
  local2: 18,
  local3: 19,
  local4: 20,
  local5: 21,
  local6: 22,
  local7: 23,
} as const;
export type SyslogFacility = keyof typeof SYSLOG_FACILITIES;

const SEVERITIES: Readonly<Record<LogLevel, number>> = { error: 3, warning: 4, notice: 5, info: 6, debug: 7 };
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DEFAULT_SOCKET = '/dev/log';

export class SyslogSender {
  private readonly address: Uint8Array;
  private readonly fd: number;
  private readonly ident: string;
  private readonly facility: SyslogFacility;

  /** Throws RangeError for a socket path that the kernel could not take. */
  constructor(ident: string, facility: SyslogFacility = 'daemon', path: string = DEFAULT_SOCKET) {
    this.ident = ident;
    this.facility = facility;
    const address = encodeUnixAddress(path);
    if (!address) throw new RangeError(`socket path ${path} is too long`);
    this.address = address;
    this.fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  }

  /** Never blocks. Undefined means handed over; ENOENT or ECONNREFUSED when no log daemon listens, EAGAIN when it is behind. */
  send(level: LogLevel, message: string, now: Date = new Date()): SystemError | undefined {
    const line = formatSyslogLine({ facility: this.facility, level, ident: this.ident, pid: process.pid, message }, now);
    return sendTo(this.fd, new TextEncoder().encode(line), this.address);
  }

  close(): void {
    close(this.fd);
  }
}

export interface SyslogEntry {
  readonly facility: SyslogFacility;
  readonly level: LogLevel;
  readonly ident: string;
  readonly pid: number;
  readonly message: string;
}

/** `<29>Nov  1 02:05:50 Keepalived_vrrp[123]: text`, local time. Line breaks and other control characters become spaces. */
export function formatSyslogLine(entry: SyslogEntry, now: Date): string {
  const priority = SYSLOG_FACILITIES[entry.facility] * 8 + SEVERITIES[entry.level];
  const two = (value: number): string => String(value).padStart(2, '0');
  const clock = `${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`;
  const date = `${MONTHS[now.getMonth()]} ${String(now.getDate()).padStart(2, ' ')} ${clock}`;
  return `<${priority}>${date} ${entry.ident}[${entry.pid}]: ${entry.message.replaceAll(/\p{Cc}+/gu, ' ')}`;
}
