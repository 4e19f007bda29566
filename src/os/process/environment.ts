/** Where commands are looked for: what root's path is on any distribution. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Variables that change what a program loads or how a shell splits words. */
const DANGEROUS =
  /^(LD_.*|IFS|BASH_ENV|ENV|BASH_FUNC_.*|SHELLOPTS|NODE_OPTIONS|NODE_PATH|NOTIFY_SOCKET|WATCHDOG_PID|WATCHDOG_USEC|LISTEN_.*)$/;

/** The environment of a script: ours without what could redirect it or speak to systemd for us, and always with a path. */
export function cleanEnvironment(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const clean: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && !DANGEROUS.test(name)) clean[name] = value;
  }
  clean.PATH ||= DEFAULT_PATH;
  return clean;
}
