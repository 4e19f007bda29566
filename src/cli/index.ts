/** The command line. */
export { runCli } from './main.ts';
