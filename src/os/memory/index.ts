/** The machine's memory. */
export { readFreePages } from './memory.ts';
