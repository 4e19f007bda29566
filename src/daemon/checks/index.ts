/** The outside of health checks: sockets and a clock for `src/check`. */
export { monotonicClock } from './clock.ts';
export { type CheckReport, CheckShell, type CheckShellOptions } from './shell.ts';
