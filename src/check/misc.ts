/** MISC_CHECK: a program says by its exit status how the server is. */
import type { Check } from '../model/index.ts';
import { type Dialogue, errorWords, type Failure, failed, type Step } from './dialogue.ts';
import type { ProgramEnd } from './events.ts';

type MiscCheck = Extract<Check, { kind: 'misc' }>;

export class MiscDialogue implements Dialogue {
  private readonly check: MiscCheck;

  constructor(check: MiscCheck) {
    this.check = check;
  }

  connected(): Step {
    return { kind: 'wait' };
  }

  data(): Step {
    return { kind: 'wait' };
  }

  ended(): Step {
    return { kind: 'wait' };
  }

  /** With `misc_dynamic` status 1 means down, and 2 to 255 mean up with a weight of the status less 2. */
  exited(end: ProgramEnd): Step {
    if (end.kind === 'signalled') return this.fail(`ended by ${end.signal}`);
    if (end.kind === 'not-started') return this.fail(`could not be started: ${end.reason}`);
    if (end.status === 0) return { kind: 'passed' };
    if (this.check.dynamic && end.status >= 2) return { kind: 'passed', weight: end.status - 2 };
    return this.fail(`exited with status ${end.status}`);
  }

  timedOut(): Step {
    return this.fail('timed out');
  }

  broken(_connected: boolean, error: string): Failure {
    return { reason: errorWords(error), line: (server) => `Misc check of ${server}: ${errorWords(error)}` };
  }

  private fail(reason: string): Step {
    return failed(reason, (server) => `Misc check for ${server} by [${commandText(this.check)}] failed (${reason})`);
  }
}

/** The command for log lines. */
export function commandText({ command }: MiscCheck): string {
  return command.argv.join(' ');
}
