/** The ipvsadm 1.31 command line: its grammar, messages, listings and exit codes, on any source of tables. */
export type { Names } from './names.ts';
export { type IpvsadmIo, runIpvsadm } from './run.ts';
export { SourceUnavailableError, type TableSource } from './source.ts';
