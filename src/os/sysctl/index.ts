/** Kernel settings below /proc/sys, those of the calling thread's network namespace included. */
export { restoreSysctls, type SavedSysctl, SysctlKeeper } from './keeper.ts';
export { readSysctl, type SysctlName, sysctlPath, writeSysctl } from './sysctl.ts';
