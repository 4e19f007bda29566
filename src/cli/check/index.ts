/** `vipwright check FILE...`: what a configuration means, and what is wrong with it. */
export { type CheckOptions, runCheck } from './check.ts';
