/** The command line. */
export { runCommand } from './main.ts';
