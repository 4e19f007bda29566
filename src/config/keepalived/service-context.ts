/** What the lowering of services and checks needs besides the common context. */
import type { BfdSession, CheckTls, TrackFile } from '../../model/index.ts';
import type { BoundBlock } from './bind.ts';
import type { Context } from './context.ts';

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
}

export function serviceContext(root: BoundBlock, base: Context, followed: Followed): ServiceContext {
  return {
    ...base,
    ...followed,
    logAllFailures: root.all('global_defs').some(({ block }) => block?.flag('checker_log_all_failures') === true),
    tls: readMaterial(root.last('SSL')?.block),
  };
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
