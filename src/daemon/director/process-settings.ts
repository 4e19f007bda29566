/** Priority and processors of the director's thread (`checker_priority`, `checker_rt_priority`, `checker_cpu_affinity`). */
import type { ProcessSettings } from '../../model/index.ts';
import { setCpuAffinity, setNice, setRealtimePriority } from '../../os/process/index.ts';

/** As many as the kernel can be told of; those that the machine lacks are ignored by it. */
const ALL_CPUS = Array.from({ length: 1024 }, (_, cpu) => cpu);

/** How a process runs that nothing was said about. */
export const ORDINARY: ProcessSettings = { cpus: [] };

/** Changes what differs, and gives back what is no longer asked for. What the kernel refused is returned. */
export function applyProcessSettings(before: ProcessSettings, after: ProcessSettings): Error[] {
  const problems: (Error | undefined)[] = [];
  if (after.nice !== before.nice) problems.push(setNice(after.nice ?? 0));
  if (after.cpus.join() !== before.cpus.join()) problems.push(setCpuAffinity(after.cpus.length === 0 ? ALL_CPUS : after.cpus));
  if (after.realTimePriority !== before.realTimePriority) problems.push(setRealtimePriority(after.realTimePriority ?? 0, 'rr'));
  return problems.filter((problem) => problem !== undefined);
}
