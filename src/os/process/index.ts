/** Commands run for the configuration, and what the process asks of the kernel for itself. */
export { enterNetworkNamespace, inNetworkNamespace, setCpuAffinity, setNice, setRealtimePriority, watchSignal } from '../ffi/index.ts';
export { resolveIdentity } from './identity.ts';
export { ProcessMonitor } from './process-monitor.ts';
export { processState } from './process-state.ts';
export { type RunningScript, runScript, type ScriptOptions, type ScriptOutcome } from './run-script.ts';
export { checkScript, type ScriptProblem, type ScriptProblemKind } from './script-security.ts';
