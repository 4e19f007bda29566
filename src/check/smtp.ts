/** SMTP_CHECK: greeting (220), HELO (250), QUIT (221), as RFC 5321 has them. */
import type { Check } from '../model/index.ts';
import { type Dialogue, errorWords, type Failure, failed, type Step } from './dialogue.ts';

type SmtpCheck = Extract<Check, { kind: 'smtp' }>;

/** RFC 5321 section 4.5.3.1.5 allows 512 bytes a line; a reply of many lines may be longer, and this is far beyond any. */
const MAX_REPLY_BYTES = 65_536;

interface Stage {
  readonly what: string;
  readonly code: string;
  /** What to say when the code came; without it the check has passed. */
  readonly say?: string;
}

export class SmtpDialogue implements Dialogue {
  private readonly stages: readonly Stage[];
  private stage = 0;
  private line = '';
  private bytes = 0;

  constructor(check: SmtpCheck) {
    this.stages = [
      { what: 'greeting', code: '220', say: `HELO ${check.heloName.replace(/\p{Cc}/gu, '')}` },
      { what: 'HELO', code: '250', say: 'QUIT' },
      { what: 'QUIT', code: '221' },
    ];
  }

  connected(): Step {
    return { kind: 'wait' };
  }

  /** A reply ends with a line whose code is followed by a space; what comes after it without having been asked for is ignored. */
  data(bytes: Uint8Array): Step {
    this.bytes += bytes.length;
    if (this.bytes > MAX_REPLY_BYTES) return this.fail('too long a reply');
    for (const byte of bytes) {
      if (byte !== 10) {
        this.line += String.fromCharCode(byte);
        continue;
      }
      const line = this.line.replace(/\r$/, '');
      this.line = '';
      if (!/^\d{3}(?:[ -]|$)/.test(line)) return this.fail('no SMTP reply');
      if (line[3] !== '-') return this.reply(line.slice(0, 3));
    }
    return { kind: 'wait' };
  }

  ended(): Step {
    return this.fail('connection closed early');
  }

  timedOut(connected: boolean): Step {
    return connected
      ? failed(`no answer to ${this.what} in time`, (server) => `SMTP_CHECK: timeout reading from ${server}`)
      : failed('connection timed out', (server) => `SMTP_CHECK: timeout connecting to ${server}`);
  }

  broken(connected: boolean, error: string): Failure {
    const reason = errorWords(error);
    return { reason, line: (server) => `SMTP_CHECK: ${connected ? 'error reading from' : 'cannot connect to'} ${server}: ${reason}` };
  }

  private get what(): string {
    return this.stages[this.stage]?.what ?? 'QUIT';
  }

  private reply(code: string): Step {
    const stage = this.stages[this.stage] as Stage;
    if (code !== stage.code) return this.fail(`code ${code} to ${stage.what}, not ${stage.code}`);
    if (stage.say === undefined) return { kind: 'passed' };
    this.stage++;
    this.bytes = 0;
    return { kind: 'send', bytes: new TextEncoder().encode(`${stage.say}\r\n`) };
  }

  private fail(reason: string): Step {
    return failed(reason, (server) => `SMTP_CHECK: bad answer from ${server}: ${reason}`);
  }
}
