/** What the lowering of services and checks needs besides the common context. */
import type { BfdSession, CheckTls, TrackFile } from '../../model/index.ts';
import type { BoundBlock, BoundStatement } from './bind.ts';
import type { Context } from './context.ts';
import { Reporter } from './report.ts';

/** Things that are watched for virtual routers and that checks may follow, too. */
export interface Followed {
  readonly trackFiles: readonly TrackFile[];
  readonly bfdSessions: readonly BfdSession[];
}

export interface ServiceContext extends Context, Followed {
  /** `checker_log_all_failures` of global_defs. */
  readonly logAllFailures: boolean;
  /** What the SSL block gives to SSL_GET. */
  readonly tls: Omit<CheckTls, 'serverName'>;
  /** The same, for trying whether there is anything to say; absent in itself. */
  readonly trial?: ServiceContext;
}

/** Grows with everything that reading does besides giving a result. */
export function effects({ reporter, interfaces }: ServiceContext): number {
  return reporter.said + interfaces.length;
}

/**
 * Reads the block of a statement. Where another one says the same, that one is read; and the block itself only when there is something to
 * report, for its places.
 */
export function readContent<T>(
  bound: BoundStatement,
  context: ServiceContext,
  read: (block: BoundBlock, context: ServiceContext) => T,
): T | undefined {
  if (bound.alike) {
    const trial = context.trial ?? context;
    const before = effects(trial);
    const result = read(bound.alike, trial);
    if (trial === context || before === effects(trial)) return result;
  }
  return bound.block && read(bound.block, context);
}

export function serviceContext(root: BoundBlock, base: Context, followed: Followed): ServiceContext {
  const context: ServiceContext = {
    ...base,
    ...followed,
    logAllFailures: root.all('global_defs').some(({ block }) => block?.flag('checker_log_all_failures') === true),
    tls: readMaterial(root.last('SSL')?.block),
  };
  return { ...context, trial: { ...context, reporter: new Reporter(), interfaces: [] } };
}

function readMaterial(block: BoundBlock | undefined): ServiceContext['tls'] {
  const certificateFile = block?.text('certificate');
  const keyFile = block?.text('key');
  const authorityFile = block?.text('ca');
  const keyPassword = block?.text('password');
  return {
    ...(certificateFile !== undefined && { certificateFile }),
    ...(keyFile !== undefined && { keyFile }),
    ...(authorityFile !== undefined && { authorityFile }),
    ...(keyPassword !== undefined && { keyPassword }),
  };
}
