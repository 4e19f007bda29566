/** The programs of a configuration on this host, as the check of the configuration wants to know them. */
import type { ProgramLookup } from '../config/index.ts';
import { checkScript } from '../os/process/index.ts';

export const lookUpProgram: ProgramLookup = (program) => {
  const problem = checkScript(program, { runsAsRoot: true });
  switch (problem?.kind) {
    case undefined:
      return { executable: true };
    case 'not-executable':
      return { executable: false };
    case 'insecure':
      return { executable: true, alterable: problem.path };
    case 'not-found':
    case 'not-a-file':
      return undefined;
  }
};
