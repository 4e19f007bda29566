/** What a configuration asks of the host that is to run it. */
import { type Diagnostic, didYouMean } from '../../base/index.ts';
import type { KeepalivedReading } from './read.ts';
import { Reporter } from './report.ts';

export interface HostFacts {
  /** Names of the network interfaces that exist. */
  readonly interfaces: Iterable<string>;
}

/** Reports every network interface that the configuration names and the host lacks, once, where it is named first. */
export function checkAgainstHost(reading: Pick<KeepalivedReading, 'interfaces'>, host: HostFacts): Diagnostic[] {
  const present = new Set(host.interfaces);
  const reported = new Set<string>();
  const reporter = new Reporter();
  for (const { interface: name, place } of reading.interfaces) {
    if (present.has(name) || reported.has(name)) continue;
    reported.add(name);
    const meant = didYouMean(name, present);
    const known = [...present].filter((candidate) => candidate !== 'lo').sort();
    reporter.report('config/absent-interface', place, `There is no network interface ${name} on this host.`, {
      help: `${meant === undefined ? '' : `Did you mean ${meant}? `}Present: ${known.length > 0 ? known.join(', ') : 'none but lo'}.`,
    });
  }
  return reporter.diagnostics;
}
