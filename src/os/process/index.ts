/** Commands run for the configuration, and what the process asks of the kernel for itself. */
export { setRealtimePriority } from '../ffi/index.ts';
export { type RunningScript, runScript, type ScriptOptions, type ScriptOutcome } from './run-script.ts';
export { checkScript, type ScriptProblem, type ScriptProblemKind } from './script-security.ts';
