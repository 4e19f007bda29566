/** Tells the service manager how we are (sd_notify(3)), without libsystemd. */
import { AF_UNIX, close, encodeUnixAddress, monotonicNow, SOCK_DGRAM, sendTo, socket } from '../ffi/index.ts';

/** Every method returns whether the message was handed over: false without a service manager that wants it. */
export class SystemdNotifier {
  private readonly address: Uint8Array | undefined;

  /** `NOTIFY_SOCKET` of the environment: a path, or an abstract name that starts with `@`. */
  constructor(socketName: string | undefined = process.env.NOTIFY_SOCKET) {
    this.address = socketName ? encodeUnixAddress(socketName) : undefined;
  }

  /** Start-up or a reload is complete; with what `systemctl status` should show. */
  ready(status?: string): boolean {
    return this.notify(withStatus('READY=1', status));
  }

  /** A reload has begun; `ready` ends it. Type=notify-reload wants the time of it as well. */
  reloading(): boolean {
    return this.notify(`RELOADING=1\nMONOTONIC_USEC=${monotonicNow()}`);
  }

  stopping(status?: string): boolean {
    return this.notify(withStatus('STOPPING=1', status));
  }

  status(status: string): boolean {
    return this.notify(withStatus('', status));
  }

  /** Still alive; to be sent at least twice per watchdog interval. */
  watchdog(): boolean {
    return this.notify('WATCHDOG=1');
  }

  private notify(message: string): boolean {
    if (!this.address) return false;
    const fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    try {
      return sendTo(fd, new TextEncoder().encode(message), this.address) === undefined;
    } finally {
      close(fd);
    }
  }
}

/** How often the service manager expects a sign of life, in microseconds; undefined when it expects none from this process. */
export function watchdogInterval(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  pid = process.pid,
): number | undefined {
  const { WATCHDOG_USEC: interval, WATCHDOG_PID: wanted } = environment;
  if (interval === undefined || !/^[1-9]\d*$/.test(interval)) return undefined;
  return wanted === undefined || wanted === String(pid) ? Number(interval) : undefined;
}

/** A status is one line: what follows a line break would be read as another assignment. */
function withStatus(assignment: string, status: string | undefined): string {
  if (status === undefined) return assignment;
  return `${assignment}${assignment && '\n'}STATUS=${status.replaceAll(/[\r\n]+/g, ' ')}`;
}
