/** How each kind of expectation is looked up in the lab. */

import { addressesOf, judgePackets } from '../inspect.ts';
import type { Lab } from '../lab.ts';
import { type LogLine, nowMs, type Service } from '../process.ts';
import { type Mail, mailsOn, outagesOf, probeState } from '../services.ts';
import { matchesTable } from './match.ts';
import type { Expectation } from './scenario.ts';

/** The answer to one look: does it hold, and what was there to see (a measured value, or what stood in the way). */
export interface Look {
  readonly held: boolean;
  readonly detail: string;
  /** Looking again would not change it. */
  readonly final?: boolean;
  /** Of an outage expectation: the longest one, 0 if no probe failed. */
  readonly outageMs?: number;
}

/** What expectations remember from one to the next. */
export class Memory {
  /** A mail fulfils one expectation only. */
  readonly claimedMails = new Set<string>();
  /** Outages up to here have been judged. */
  outagesJudgedMs = 0;
  /** The last line of each service's log that a story has told. */
  readonly lastTold = new WeakMap<Service, LogLine>();
}

const ROUNDS = 2;

/** `sinceMs` is when the expectation was first looked at. */
export function look(expectation: Expectation, lab: Lab, memory: Memory, sinceMs: number): Promise<Look> | Look {
  switch (expectation.kind) {
    case 'table':
      return lookAtTable(expectation, lab);
    case 'vip':
      return lookForVip(expectation, lab);
    case 'mail':
      return lookForMail(expectation, lab, memory);
    case 'log':
      return lookIntoLog(expectation, lab);
    case 'story':
      return lookAtStory(expectation, lab, memory);
    case 'curl':
      return lookAtAnswers(expectation, lab);
    case 'outage':
      return lookAtOutages(expectation, lab, memory, sinceMs);
    case 'capture':
      return lookAtPackets(expectation, lab);
  }
}

type Kind<K extends Expectation['kind']> = Extract<Expectation, { kind: K }>;

async function lookAtTable(expectation: Kind<'table'>, lab: Lab): Promise<Look> {
  const { code, stdout, stderr } = await lab.machine(expectation.machine).run(['ipvsadm', '-L', '-n']);
  if (code !== 0) return { held: false, detail: `ipvsadm ended with ${code}: ${stderr.trim()}` };
  return { held: matchesTable(expectation.rows, stdout), detail: stdout.trimEnd() };
}

async function lookForVip(expectation: Kind<'vip'>, lab: Lab): Promise<Look> {
  const addresses = await addressesOf(lab.machine(expectation.machine));
  return { held: addresses.includes(expectation.address) === expectation.present, detail: addresses.join(' ') };
}

function lookForMail(expectation: Kind<'mail'>, lab: Lab, memory: Memory): Look {
  const keyOf = (mail: Mail): string => `${expectation.machine} ${mail.atMs} ${mail.subject}`;
  const unclaimed = mailsOn(lab.machine(expectation.machine)).filter((mail) => !memory.claimedMails.has(keyOf(mail)));
  const found = unclaimed.find((mail) => mail.subject === expectation.subject);
  if (found === undefined) return { held: false, detail: `unclaimed mails: ${unclaimed.map((mail) => mail.subject).join('; ') || 'none'}` };
  memory.claimedMails.add(keyOf(found));
  return { held: true, detail: `to ${found.to.join(', ')}: ${found.body.trim()}` };
}

function lookIntoLog(expectation: Kind<'log'>, lab: Lab): Look {
  const lines = lab.machine(expectation.machine).service(expectation.service)?.lines ?? [];
  const found = lines.find((line) => line.text.includes(expectation.contains));
  return { held: found !== undefined, detail: found?.text ?? `${lines.length} lines, none of them contains it` };
}

/** The lines that tell what becomes of virtual routers; all others (a check's, a VIP's) may stand between them. */
const TELLING = /Entering \w+ STATE|Syncing instances|VRRP_Script\(|Changing effective priority/;

function lookAtStory(expectation: Kind<'story'>, lab: Lab, memory: Memory): Look {
  const service = lab.machine(expectation.machine).service(expectation.service);
  if (service === undefined) return { held: false, detail: `${expectation.service} was never started`, final: true };
  const { lines } = expectation;
  const told = memory.lastTold.get(service);
  const fresh = told === undefined ? service.lines : service.lines.slice(service.lines.indexOf(told) + 1);
  const seen = fresh.filter(({ text }) => TELLING.test(text)).slice(0, lines.length);
  const different = seen.findIndex(({ text }, index) => !text.endsWith(lines[index] ?? ''));
  const last = seen.at(-1);
  if (different >= 0 || seen.length < lines.length || last === undefined) {
    const detail = seen.map(({ text }, index) => (index === different ? `${text}   <- not "${lines[index]}"` : text));
    return { held: false, detail: detail.join('\n') || 'no such line yet', final: different >= 0 };
  }
  memory.lastTold.set(service, last);
  return { held: true, detail: seen.map(({ text }) => text).join('\n') };
}

async function lookAtAnswers(expectation: Kind<'curl'>, lab: Lab): Promise<Look> {
  const { answers } = expectation;
  const seen: string[] = [];
  for (let index = 0; index < Math.max(2, answers.length) * ROUNDS; index += 1) {
    const { code, stdout, stderr } = await lab.machine(expectation.machine).run(['curl', '-sS', '--max-time', '2', expectation.url]);
    if (code !== 0) return { held: false, detail: stderr.trim() };
    seen.push(stdout.trim());
  }
  const first = answers.findIndex((answer) => seen[0]?.includes(answer));
  const inTurn = seen.every((text, index) => text.includes(answers[(first + index) % answers.length] ?? ''));
  return { held: first >= 0 && inTurn, detail: seen.join(' ') };
}

function lookAtOutages(expectation: Kind<'outage'>, lab: Lab, memory: Memory, sinceMs: number): Look {
  const probe = lab.machine(expectation.machine).service('probe');
  if (probe?.running !== true) return { held: false, detail: `no probe runs on ${expectation.machine}` };
  const { untilMs, down } = probeState(probe);
  if (down || untilMs < sinceMs) return { held: false, detail: 'no answer yet' };
  const outages = outagesOf(probe, memory.outagesJudgedMs);
  memory.outagesJudgedMs = nowMs();
  const longest = outages.reduce((worst, outage) => Math.max(worst, outage.outageMs), 0);
  const failed = outages.reduce((sum, outage) => sum + outage.failed, 0);
  const detail = outages.length === 0 ? 'no outage' : `${longest.toFixed(0)} ms, ${failed} probes without an answer`;
  return { held: longest < expectation.limitMs, detail, final: true, outageMs: longest };
}

async function lookAtPackets(expectation: Kind<'capture'>, lab: Lab): Promise<Look> {
  const { count, bad } = await judgePackets(lab.machine(expectation.machine), captureFile, lab.machine(expectation.sender));
  return { held: count > 0 && bad.length === 0, detail: bad.length === 0 ? `${count} packets` : bad.join('\n') };
}

/** Where a machine's capture is written, in the machine. */
export const captureFile = '/run/capture.pcap';
