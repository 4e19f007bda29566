/** Kernel settings below /proc/sys, those of the calling thread's network namespace included. */
import { readFileSync, writeFileSync } from 'node:fs';

/** A setting as path elements, because interface names may contain dots: `['net', 'ipv4', 'conf', 'eth0.100', 'arp_ignore']`. */
export type SysctlName = readonly string[];

/** The value without its line break; undefined where this kernel has no such setting. */
export function readSysctl(name: SysctlName): string | undefined {
  try {
    return readFileSync(sysctlPath(name), 'utf8').trimEnd();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Throws with the error's code: ENOENT, EACCES, EPERM, EROFS (a container's read-only /proc/sys), EINVAL. */
export function writeSysctl(name: SysctlName, value: string | number): void {
  writeFileSync(sysctlPath(name), `${value}\n`, { flag: 'r+' });
}

/** Throws RangeError for an element that would lead elsewhere. */
export function sysctlPath(name: SysctlName): string {
  for (const element of name) {
    if (element === '' || element === '.' || element === '..' || element.includes('/'))
      throw new RangeError(`bad sysctl element ${JSON.stringify(element)}`);
  }
  return `/proc/sys/${name.join('/')}`;
}
