/** PING_CHECK: an ICMP echo request (RFC 792, RFC 4443) and its reply. The kernel fills in identifier and checksum. */
import type { Random } from '../base/index.ts';
import type { Check } from '../model/index.ts';
import { type Dialogue, errorWords, type Failure, failed, type Step } from './dialogue.ts';

type PingCheck = Extract<Check, { kind: 'ping' }>;

const TYPES = { 4: { request: 8, reply: 0 }, 6: { request: 128, reply: 129 } } as const;
const HEADER_BYTES = 8;
/** Random bytes after the header: by them a late reply to an earlier request is told apart. */
const TOKEN_BYTES = 8;

export class PingDialogue implements Dialogue {
  private readonly check: PingCheck;
  private readonly token: Uint8Array;

  constructor(check: PingCheck, random: Random) {
    this.check = check;
    this.token = Uint8Array.from({ length: TOKEN_BYTES }, () => random.below(256));
  }

  connected(): Step {
    const message = new Uint8Array(HEADER_BYTES + TOKEN_BYTES);
    message[0] = TYPES[this.check.target.address.family].request;
    message.set(this.token, HEADER_BYTES);
    return { kind: 'send', bytes: message };
  }

  data(bytes: Uint8Array): Step {
    const isReply = bytes[0] === TYPES[this.check.target.address.family].reply && bytes[1] === 0;
    const isOurs = bytes.length === HEADER_BYTES + TOKEN_BYTES && this.token.every((byte, i) => bytes[HEADER_BYTES + i] === byte);
    return { kind: isReply && isOurs ? 'passed' : 'wait' };
  }

  ended(): Step {
    return { kind: 'wait' };
  }

  timedOut(): Step {
    return failed('no reply in time', (server) => `ICMP connection to ${server} timeout.`);
  }

  broken(_connected: boolean, error: string): Failure {
    const reason = errorWords(error);
    return { reason, line: (server) => `ICMP connection to ${server} failed: ${reason}.` };
  }
}
