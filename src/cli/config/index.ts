/** `vipwright config show|diff|format`: what a configuration comes to, what a reload would change, and its layout. */
export { runDiff } from './diff.ts';
export { type FormatOptions, runFormat } from './format.ts';
export { runShow } from './show.ts';
