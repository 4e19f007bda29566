/** Programs of MISC_CHECK. */
import type { ProgramEnd } from '../../check/index.ts';
import type { ScriptCommand } from '../../model/index.ts';
import type { RunningScript, ScriptOutcome } from '../../os/process/index.ts';
import type { Carrier, Emit } from './carrier.ts';

/** Starts a program of the configuration; undefined when it is not allowed to run. */
export type StartProgram = (command: ScriptCommand) => RunningScript | undefined;

export function runProgram(command: ScriptCommand, start: StartProgram, emit: Emit): Carrier {
  const script = start(command);
  let open = true;
  const report = (end: ProgramEnd): void => {
    if (open) emit({ type: 'exited', end });
  };
  if (script) void script.outcome.then((outcome) => report(endOf(outcome)));
  else setImmediate(() => report({ kind: 'not-started', reason: 'others could change it' }));
  return {
    send: () => {},
    close: () => {
      open = false;
      script?.terminate();
    },
  };
}

function endOf(outcome: ScriptOutcome): ProgramEnd {
  switch (outcome.kind) {
    case 'exited':
      return { kind: 'exited', status: outcome.status };
    case 'signalled':
      return { kind: 'signalled', signal: outcome.signal };
    case 'failed':
      return { kind: 'not-started', reason: outcome.reason };
    case 'timed-out':
      return { kind: 'signalled', signal: 'SIGTERM' };
  }
}
