/** UDP_CHECK: a datagram out. An ICMP error fails; silence passes unless a reply is required. */
import type { Random } from '../base/index.ts';
import type { Check } from '../model/index.ts';
import { type Dialogue, errorWords, type Failure, failed, type Step } from './dialogue.ts';

type UdpCheck = Extract<Check, { kind: 'udp' }>;

/** Bytes of a payload that the configuration does not give. */
const RANDOM_BYTES = 32;

export class UdpDialogue implements Dialogue {
  private readonly check: UdpCheck;
  private readonly random: Random;

  constructor(check: UdpCheck, random: Random) {
    this.check = check;
    this.random = random;
  }

  connected(): Step {
    return { kind: 'send', bytes: this.check.payload ?? Uint8Array.from({ length: RANDOM_BYTES }, () => this.random.below(256)) };
  }

  data(bytes: Uint8Array): Step {
    const { minReplyLength, maxReplyLength } = this.check;
    if (bytes.length < minReplyLength || bytes.length > maxReplyLength) return this.fail(`a reply of ${bytes.length} bytes`);
    return this.agrees(bytes) ? { kind: 'passed' } : this.fail('another reply than expected');
  }

  ended(): Step {
    return { kind: 'wait' };
  }

  timedOut(connected: boolean): Step {
    return connected && !this.check.requireReply ? { kind: 'passed' } : this.fail('no reply in time');
  }

  broken(_connected: boolean, error: string): Failure {
    const reason = errorWords(error);
    return { reason, line: (server) => `UDP_CHECK: ${server}: ${reason}` };
  }

  /** The reply begins with the expected bytes, as far as the mask looks at them. */
  private agrees(bytes: Uint8Array): boolean {
    const { reply } = this.check;
    if (!reply) return true;
    return reply.bytes.every((byte, i) => i < bytes.length && ((bytes[i] as number) & (reply.mask[i] as number)) === byte);
  }

  private fail(reason: string): Step {
    return failed(reason, (server) => `UDP_CHECK: ${server}: ${reason}`);
  }
}
