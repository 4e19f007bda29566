/** Configuration files on this host: reading, checking, replacing. */
export type { FileIo } from './io.ts';
export { linuxFileIo } from './linux.ts';
export { type CheckedFile, checkText, readConfigurationFile } from './read.ts';
