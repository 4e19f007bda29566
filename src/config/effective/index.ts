/** Whole configurations as text: what is in effect and where it comes from, and what a reload would change. */
export { type Change, changeText } from './change.ts';
export { diffConfigurations } from './diff.ts';
export { type ShownConfiguration, showConfiguration } from './show.ts';
export { type Shown, shownText } from './shown.ts';
