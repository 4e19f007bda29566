import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random, seconds } from '../base/index.ts';
import type { Check } from '../model/index.ts';
import type { Dialogue, Step } from './dialogue.ts';
import { DnsDialogue } from './dns.ts';
import { ip } from './harness.ts';
import { MiscDialogue } from './misc.ts';
import { PingDialogue } from './ping.ts';
import { SmtpDialogue } from './smtp.ts';
import { UdpDialogue } from './udp.ts';

const TIMING = {
  delayLoop: seconds(6),
  connectTimeout: seconds(2),
  retry: 1,
  delayBeforeRetry: seconds(1),
  warmup: 0,
  alpha: false,
  logAllFailures: false,
};
const target = { address: ip('10.0.0.1'), port: 53, mark: 0 };
const bytes = (text: string) => new TextEncoder().encode(text);

/** A step for reading: what is sent as text, why it failed. */
function brief(step: Step): string {
  if (step.kind === 'send') return `send ${JSON.stringify(new TextDecoder().decode(step.bytes))}`;
  if (step.kind === 'failed') return `failed: ${step.failure.reason}`;
  return step.kind === 'passed' && step.weight !== undefined ? `passed ${step.weight}` : step.kind;
}

const sent = (step: Step): Uint8Array => (step.kind === 'send' ? step.bytes : new Uint8Array());

describe('SMTP_CHECK', () => {
  const smtp = () => new SmtpDialogue({ kind: 'smtp', ...TIMING, target, heloName: 'lb1\r\nMAIL' });
  const talk = (dialogue: Dialogue, ...texts: string[]) => texts.map((text) => brief(dialogue.data(bytes(text))));

  it('greets, introduces itself and leaves', () => {
    const dialogue = smtp();
    expect(brief(dialogue.connected())).toBe('wait');
    expect(talk(dialogue, '220-mx ESM', 'TP\r\n220 ready\r\n', '250-mx\r\n', '250 SIZE\r\n', '221\r\n')).toEqual([
      'wait',
      'send "HELO lb1MAIL\\r\\n"',
      'wait',
      'send "QUIT\\r\\n"',
      'passed',
    ]);
  });

  it.each([
    [['554 no\r\n'], 'failed: code 554 to greeting, not 220'],
    [['220 a\r\n', '501 what\r\n'], 'failed: code 501 to HELO, not 250'],
    [['220 a\r\n', '250 a\r\n', '421 later\r\n'], 'failed: code 421 to QUIT, not 221'],
    [['HTTP/1.1 400 Bad Request\r\n'], 'failed: no SMTP reply'],
    [['220-'.padEnd(70_000, 'x')], 'failed: too long a reply'],
  ])('%j: %s', (texts, expected) => {
    expect(talk(smtp(), ...texts).at(-1)).toBe(expected);
  });

  it('fails when the server closes, says nothing or cannot be reached', () => {
    expect(brief(smtp().ended())).toBe('failed: connection closed early');
    expect(brief(smtp().timedOut(true))).toBe('failed: no answer to greeting in time');
    expect(brief(smtp().timedOut(false))).toBe('failed: connection timed out');
    expect(smtp().broken(false, 'ECONNREFUSED').line('[10.0.0.1]:tcp:25')).toBe(
      'SMTP_CHECK: cannot connect to [10.0.0.1]:tcp:25: connection refused',
    );
  });

  it('reads the same however the bytes are cut', () => {
    const story = (cuts: readonly number[]) => {
      const dialogue = smtp();
      const text = '220-a\r\n220 b\r\n';
      const steps: string[] = [];
      for (const [from, to] of cuts.map((cut, i) => [cut, cuts[i + 1] ?? text.length] as const)) {
        const step = brief(dialogue.data(bytes(text.slice(from, to))));
        if (step !== 'wait') steps.push(step);
      }
      return steps;
    };
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 13 })), (cuts) => {
        expect(story([0, ...cuts.sort((a, b) => a - b)])).toEqual(['send "HELO lb1MAIL\\r\\n"']);
      }),
    );
  });
});

describe('DNS_CHECK', () => {
  const check: Extract<Check, { kind: 'dns' }> = { kind: 'dns', ...TIMING, target, queryType: 'AAAA', queryName: 'www.example.com.' };
  const asked = (changes: Partial<typeof check> = {}) => {
    const dialogue = new DnsDialogue({ ...check, ...changes }, new Random(7));
    return { dialogue, query: sent(dialogue.connected()) };
  };
  const answer = (query: Uint8Array, code: number, changes: Record<number, number> = {}) => {
    const reply = Uint8Array.from(query);
    reply[2] = 0x84;
    reply[3] = code;
    for (const [at, value] of Object.entries(changes)) reply[Number(at)] = value;
    return reply;
  };

  it('asks as RFC 1035 has it', () => {
    const { query } = asked();
    const name = [3, ...bytes('www'), 7, ...bytes('example'), 3, ...bytes('com'), 0];
    expect([...query.subarray(2)]).toEqual([1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...name, 0, 28, 0, 1]);
    expect([...asked({ queryName: '.', queryType: 'SOA' }).query.subarray(12)]).toEqual([0, 0, 6, 0, 1]);
  });

  it('takes any answer to its own question that is no error', () => {
    const { dialogue, query } = asked();
    expect(brief(dialogue.data(answer(query, 0, { 0: (query[0] as number) ^ 1 })))).toBe('wait');
    expect(brief(dialogue.data(query))).toBe('wait');
    expect(brief(dialogue.data(query.subarray(0, 5)))).toBe('wait');
    expect(brief(dialogue.data(answer(query, 3)))).toBe('failed: the server answers: no such name');
    expect(brief(dialogue.data(answer(query, 9)))).toBe('failed: the server answers: error 9');
    expect(brief(dialogue.data(answer(query, 0)))).toBe('passed');
    expect(brief(dialogue.timedOut())).toBe('failed: no answer in time');
    expect(dialogue.broken(true, 'ECONNREFUSED').reason).toBe('connection refused');
  });

  it('never throws, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (reply) => {
        expect(['wait', 'passed', 'failed']).toContain(asked().dialogue.data(reply).kind);
      }),
    );
  });
});

describe('UDP_CHECK', () => {
  const check: Extract<Check, { kind: 'udp' }> = {
    kind: 'udp',
    ...TIMING,
    target,
    requireReply: false,
    minReplyLength: 0,
    maxReplyLength: 255,
  };
  const udp = (changes: Partial<typeof check> = {}) => new UdpDialogue({ ...check, ...changes }, new Random(1));

  it('sends its payload, or random bytes', () => {
    expect(sent(udp({ payload: Uint8Array.of(1, 2) }).connected())).toEqual(Uint8Array.of(1, 2));
    expect(new Set(sent(udp().connected())).size).toBeGreaterThan(10);
  });

  it('takes silence for life unless a reply is required', () => {
    expect(brief(udp().timedOut(true))).toBe('passed');
    expect(brief(udp().timedOut(false))).toBe('failed: no reply in time');
    expect(brief(udp({ requireReply: true }).timedOut(true))).toBe('failed: no reply in time');
    expect(udp().broken(true, 'ECONNREFUSED').reason).toBe('connection refused');
  });

  it('looks at the reply where it is told to', () => {
    const reply = { bytes: Uint8Array.of(0x10, 2), mask: Uint8Array.of(0xf0, 0xff) };
    expect(brief(udp({ reply }).data(Uint8Array.of(0x1f, 2, 9)))).toBe('passed');
    expect(brief(udp({ reply }).data(Uint8Array.of(0x2f, 2)))).toBe('failed: another reply than expected');
    expect(brief(udp({ reply }).data(Uint8Array.of(0x1f)))).toBe('failed: another reply than expected');
    expect(brief(udp({ minReplyLength: 2 }).data(Uint8Array.of(1)))).toBe('failed: a reply of 1 bytes');
    expect(brief(udp({ maxReplyLength: 2 }).data(Uint8Array.of(1, 2, 3)))).toBe('failed: a reply of 3 bytes');
  });
});

describe('PING_CHECK', () => {
  const ping = (address: string) =>
    new PingDialogue({ kind: 'ping', ...TIMING, target: { ...target, address: ip(address) } }, new Random(1));

  it.each([
    ['10.0.0.1', 8, 0],
    ['fd00::1', 128, 129],
  ])('%s: sends type %i and waits for its own reply of type %i', (address, request, reply) => {
    const dialogue = ping(address);
    const message = sent(dialogue.connected());
    expect(message[0]).toBe(request);
    const echoed = Uint8Array.from(message, (byte, i) => (i === 0 ? reply : byte));
    expect(brief(dialogue.data(message))).toBe('wait');
    expect(brief(dialogue.data(Uint8Array.from(echoed, (byte, i) => (i === 9 ? byte ^ 1 : byte))))).toBe('wait');
    expect(brief(dialogue.data(echoed.subarray(0, 8)))).toBe('wait');
    expect(brief(dialogue.data(echoed))).toBe('passed');
  });

  it('fails in silence', () => {
    expect(brief(ping('10.0.0.1').timedOut())).toBe('failed: no reply in time');
    expect(ping('10.0.0.1').broken(true, 'EHOSTUNREACH').line('[10.0.0.1]:tcp:80')).toBe(
      'ICMP connection to [10.0.0.1]:tcp:80 failed: no route to host.',
    );
  });
});

describe('MISC_CHECK', () => {
  const misc = (dynamic: boolean) =>
    new MiscDialogue({ kind: 'misc', ...TIMING, command: { argv: ['/bin/check', 'a'] }, timeout: seconds(3), dynamic });

  it.each([
    [false, 0, 'passed'],
    [false, 1, 'failed: exited with status 1'],
    [false, 7, 'failed: exited with status 7'],
    [true, 0, 'passed'],
    [true, 1, 'failed: exited with status 1'],
    [true, 2, 'passed 0'],
    [true, 255, 'passed 253'],
  ])('dynamic %s, status %i: %s', (dynamic, status, expected) => {
    expect(brief(misc(dynamic).exited({ kind: 'exited', status }))).toBe(expected);
  });

  it('fails when the program is ended, does not end or cannot be started', () => {
    expect(brief(misc(false).exited({ kind: 'signalled', signal: 'SIGSEGV' }))).toBe('failed: ended by SIGSEGV');
    expect(brief(misc(false).exited({ kind: 'not-started', reason: 'no such file' }))).toBe('failed: could not be started: no such file');
    expect(brief(misc(false).timedOut())).toBe('failed: timed out');
  });
});
