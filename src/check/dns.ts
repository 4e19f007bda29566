/** DNS_CHECK: one question over UDP (RFC 1035); any answer to it without an error code passes, whatever it says. */
import type { Random } from '../base/index.ts';
import type { Check } from '../model/index.ts';
import { type Dialogue, errorWords, type Failure, failed, type Step } from './dialogue.ts';

type DnsCheck = Extract<Check, { kind: 'dns' }>;

const TYPES = { A: 1, NS: 2, CNAME: 5, SOA: 6, MX: 15, TXT: 16, AAAA: 28 } as const;
const HEADER_BYTES = 12;
const CLASS_IN = 1;
const RECURSION_DESIRED = 0x01;
const RESPONSE = 0x80;
/** RFC 1035 section 4.1.1. */
const ERRORS = ['no error', 'format error', 'server failure', 'no such name', 'not implemented', 'refused'];

export class DnsDialogue implements Dialogue {
  private readonly check: DnsCheck;
  private readonly id: number;

  constructor(check: DnsCheck, random: Random) {
    this.check = check;
    this.id = random.below(0x10000);
  }

  connected(): Step {
    return { kind: 'send', bytes: dnsQuery(this.id, this.check.queryName, this.check.queryType) };
  }

  /** An answer to another question (an earlier one, or somebody's guess) is passed over. */
  data(bytes: Uint8Array): Step {
    const [high = 0, low = 0, flags = 0, more = 0] = bytes;
    if (bytes.length < HEADER_BYTES || ((high << 8) | low) !== this.id || (flags & RESPONSE) === 0) return { kind: 'wait' };
    const code = more & 15;
    if (code === 0) return { kind: 'passed' };
    const reason = `the server answers: ${ERRORS[code] ?? `error ${code}`}`;
    return failed(reason, (server) => `DNS_CHECK: ${server}: ${reason}`);
  }

  ended(): Step {
    return { kind: 'wait' };
  }

  timedOut(): Step {
    return failed('no answer in time', (server) => `DNS_CHECK: timeout reading from ${server}`);
  }

  broken(_connected: boolean, error: string): Failure {
    const reason = errorWords(error);
    return { reason, line: (server) => `DNS_CHECK: ${server}: ${reason}` };
  }
}

/** A message with one question. The name's labels are within the limits of RFC 1035; the configuration sees to that. */
function dnsQuery(id: number, name: string, type: keyof typeof TYPES): Uint8Array {
  const bytes = [id >> 8, id & 255, RECURSION_DESIRED, 0, 0, 1, 0, 0, 0, 0, 0, 0];
  const encoder = new TextEncoder();
  for (const label of name.split('.')) {
    if (label === '') continue;
    const text = encoder.encode(label);
    bytes.push(text.length, ...text);
  }
  bytes.push(0, 0, TYPES[type], 0, CLASS_IN);
  return Uint8Array.from(bytes);
}
