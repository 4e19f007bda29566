/** `vipwright check FILE...`: what a configuration means, and what is wrong with it. */
export { type CheckFormat, type CheckIo, type CheckOptions, runCheck } from './check.ts';
export { linuxCheckIo } from './host.ts';
