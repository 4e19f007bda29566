import type { ProgramLookup } from '../../config/index.ts';

/** What the commands that read configuration files need of the machine that they run on. */
export interface FileIo {
  out(text: string): void;
  err(text: string): void;
  /** The text of a file, whatever its bytes are. Throws when it cannot be read. */
  readFile(path: string): string;
  /** Throws when the directory cannot be read. */
  listDirectory(path: string): readonly string[];
  /** Replaces a file as a whole or not at all, and keeps its owner and its mode. Throws when that cannot be done. */
  replaceFile(path: string, text: string): void;
  /** Names of the network interfaces of this host; without them nobody asks whether those of the file exist. */
  readonly hostInterfaces?: readonly string[] | undefined;
  /** Finds the programs of the file on this host; without it nobody asks whether they are there. */
  readonly findProgram?: ProgramLookup | undefined;
  readonly hostName?: string | undefined;
  /** What `@id` lines are compared with; by default keepalived's. */
  readonly configId?: string | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  readonly workingDirectory?: string | undefined;
}
