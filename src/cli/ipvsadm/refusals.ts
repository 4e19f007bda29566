/** The data plane's refusals in ipvsadm's words. */
import type { DataPlaneError } from '../../ports/index.ts';
import type { Command } from './command.ts';

/** The line that ipvsadm prints when the kernel refuses a command in this way. */
export function refusalText(error: DataPlaneError, kind: Command['kind']): string {
  switch (error.code) {
    case 'service-exists':
      return 'Service already exists';
    case 'no-such-service':
      return kind === 'add-server' || kind === 'edit-server' || kind === 'delete-server' ? 'Service not defined' : 'No such service';
    case 'server-exists':
      return 'Destination already exists';
    case 'no-such-server':
      return 'No such destination';
    case 'unknown-scheduler':
      return 'Scheduler or persistence engine not found';
    case 'invalid':
      return 'Invalid operation.  Possibly wrong module version, address not unicast, ...';
    case 'out-of-range':
      return 'Numerical result out of range';
    case 'full':
      return 'Memory allocation problem';
    case 'permission':
      return 'Permission denied (you must be root)';
    case 'unsupported':
      // ipvsadm has no words for what we do not do yet; ours say what it is.
      return `Operation not supported: ${error.message}`;
    case 'failed':
      return error.message;
  }
}
