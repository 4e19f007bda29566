/** TCP_CHECK: the connection is accepted, and closed again without a byte. */
import { type Dialogue, errorWords, type Failure, failed, type Step } from './dialogue.ts';

export class TcpDialogue implements Dialogue {
  connected(): Step {
    return { kind: 'passed' };
  }

  data(): Step {
    return { kind: 'wait' };
  }

  ended(): Step {
    return { kind: 'wait' };
  }

  timedOut(): Step {
    return failed('connection timed out', (server) => `TCP connection to ${server} timeout.`);
  }

  broken(_connected: boolean, error: string): Failure {
    const reason = errorWords(error);
    return { reason, line: (server) => `TCP connection to ${server} failed: ${reason}.` };
  }
}
