/** Arguments that a keyword must take, and arguments that it must refuse, from what the table says it takes. */
import type { KeywordPath } from '../../../src/config/index.ts';
import { badLinesOf, goodLinesOf } from './line-samples.ts';

export type ArgumentForm = KeywordPath['keyword']['form'];

/**
 * Words for forms that say only that some word stands there, by path; a path may begin with `*`. `[1]` is the second value of a line.
 * What stands after `//` goes into lines of their own before the statement.
 */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  'virtual_server': ['192.0.2.1', '192.0.2.1 80', 'fwmark 7', 'group SG'],
  'virtual_server_group': ['SG2'],
  'virtual_server.persistence_engine': ['sip'],
  'virtual_server.persistence_granularity': ['255.255.255.0', '24'],
  '*.status_code': ['200', '100 998', '200-299 304'],
  '*.digest': ['9b3a0c85a887a256d6939da88aabd8cd'],
  '*.regex_options': ['caseless', 'caseless dotall multiline'],
  '*.payload': ['00', '0a1B2c', '"0a 1b"'],
  '*.require_reply': ['0aXx', '"0a xx"'],
  '*.FILE_CHECK.track_file': ['SF'],
  'virtual_server.hysteresis': ['0', '8 // quorum 9 // weight 9'],
  'vrrp_instance.advert_int': ['1', '255', '0.01 // version 3', '40.95 // version 3'],
  '*_cpu_affinity': ['0', '0 1'],
  '*.track_script[0]': ['SS'],
  '*.track_file[0]': ['SF'],
  '*.track_process[0]': ['SP'],
  '*.track_bfd[0]': ['SB'],
  '*.lvs_sync_daemon[1]': ['SA'],
  '*.lvs_sync_daemon inst': ['SA'],
  '*.BFD_CHECK.name': ['SB'],
  '*.DNS_CHECK.name': ['.', 'www.example.com', 'www.example.com.'],
};

/** Words that must be refused where the form alone would allow any. */
const WRONG_WORDS: Readonly<Record<string, readonly string[]>> = {
  'virtual_server': ['www.example.com 80', '192.0.2.1 65536', 'fwmark', 'fwmark 0', 'fwmark 4294967296', 'group', 'group NOPE'],
  'virtual_server.persistence_engine': ['http'],
  'virtual_server.persistence_granularity': ['0', '33', '255.0.255.0', 'x'],
  '*.status_code': ['99', '999', '300-200', 'ok'],
  '*.digest': ['9b3a'],
  '*.regex_options': ['sloppy'],
  '*.payload': ['0g', '012'],
  '*.require_reply': ['0g', '0x1'],
  '*.FILE_CHECK.track_file': ['NOPE'],
  '*_cpu_affinity': ['first', '-1'],
  '*.BFD_CHECK.name': ['NOPE'],
  '*.DNS_CHECK.name': ['a..b'],
};

/** Lines of blocks of entries whose form says only that words stand there. */
const ENTRIES: Readonly<Record<string, readonly string[]>> = {
  'track_group.group': ['SA', 'SA SB2'],
  'vrrp_sync_group.group': ['SA SB2'],
  virtual_server_group: ['192.0.2.1 80', '192.0.2.1-9 80', '192.0.2.250-192.0.3.5 80', '192.0.2.0/28 80', 'fwmark 7', 'fwmark 7 inet6', 'fd00::1-ff 80'],
};
const WRONG_ENTRIES: Readonly<Record<string, readonly string[]>> = {
  'track_group.group': ['NOPE'],
  'vrrp_sync_group.group': ['NOPE SA'],
  virtual_server_group: ['192.0.2.9-1 80', '192.0.2.1/28 80', '192.0.2.1 65536', '192.0.2.1 80 x', 'fwmark', 'fwmark 0', 'fwmark 7 inet7', 'nobody 80'],
};

function listed(table: Readonly<Record<string, readonly string[]>>, path: string): readonly string[] | undefined {
  if (table[path]) return table[path];
  const key = Object.keys(table).find((pattern) => pattern.startsWith('*') && path.endsWith(pattern.slice(1)));
  return key === undefined ? undefined : table[key];
}

/** Arguments that must be accepted, each edge of a range among them. Empty text stands for no argument. */
export function goodArguments(path: string, form: ArgumentForm): string[] {
  const own = listed(WORDS, path);
  if (form.kind === 'optional') return ['', ...(own ?? goodArguments(path, form.form))];
  if (own) return [...own];
  switch (form.kind) {
    case 'none':
      return [''];
    case 'flag':
      return ['', 'on', 'off', 'yes', 'FALSE'];
    case 'integer':
      return [String(form.min), String(form.max)];
    case 'seconds':
    case 'milliseconds':
      return [decimal(form.min), decimal(form.max)];
    case 'choice':
      return form.anyCase ? [...form.words, ...form.words.map((word) => word.toLowerCase())] : [...form.words];
    case 'address':
      return [addressOf(form)];
    case 'prefix':
      return ['192.0.2.1/24', '192.0.2.1', 'fd00::1/64'];
    case 'word':
      return [form.example ?? 'name'];
    case 'command':
      return form.identity ? ['/bin/true', '"/bin/true --fast"', '/bin/true root', '/bin/true root root'] : ['/bin/true', '"/bin/true --fast"'];
    case 'words':
      return [Array(Math.max(form.min, 1)).fill('name').join(' ')];
    case 'line':
      return goodLines(path, form);
  }
}

/** The values that a line needs, those before the one in question, and that one. */
function withPart(path: string, form: LineForm, index: number, sample: string): string {
  return form.parts
    .flatMap((part, i) => {
      if (i === index) return [sample];
      return part.optional && i > index ? [] : [goodArguments(`${path}[${i}]`, part.form)[0] ?? ''];
    })
    .join(' ');
}

function decimal(value: number): string {
  return value.toFixed(6).replace(/\.?0+$/, '');
}

function addressOf(form: ArgumentForm & { kind: 'address' }): string {
  if (form.multicast) return form.family === 6 ? 'ff02::18' : '224.0.0.99';
  return form.family === 6 ? 'fd00::1' : '192.0.2.1';
}

type LineForm = ArgumentForm & { kind: 'line' };

/** Every edge of every part with the first sample of the others, and every word with each of its values. */
function goodLines(path: string, form: LineForm): string[] {
  const parts = form.parts.map((part, i) => goodArguments(`${path}[${i}]`, part.form));
  const full = withPart(path, form, -1, '');
  const lines = full === '' && form.words.length > 0 ? [] : [full];
  for (const [i, samples] of parts.entries()) for (const sample of samples) lines.push(withPart(path, form, i, sample));
  for (const word of form.words) {
    for (const value of goodArguments(`${path} ${word.name}`, word.form)) lines.push(`${full} ${word.name} ${value}`.trim());
  }
  return [...new Set(lines)];
}

/** Arguments that must be refused: below and above the range, of the wrong type, missing, one word too many. */
export function badArguments(path: string, form: ArgumentForm): string[] {
  const bad = [...(listed(WRONG_WORDS, path) ?? []), ...badValues(path, form)];
  const [good] = goodArguments(path, form)
    .filter((text) => !/^(fwmark|group)\b|\/\//.test(text))
    .slice(-1);
  if (needsValue(form)) bad.push('');
  if (isClosed(form) && good !== undefined) bad.push(`${fillUp(path, form, good)} surplus`);
  return [...new Set(bad)];
}

function fillUp(path: string, form: ArgumentForm, good: string): string {
  if (form.kind === 'flag') return 'on';
  if (form.kind !== 'line') return good;
  return withPart(path, form, form.parts.length, '');
}

function needsValue(form: ArgumentForm): boolean {
  if (form.kind === 'none' || form.kind === 'flag' || form.kind === 'optional') return false;
  if (form.kind === 'words') return form.min > 0;
  return form.kind !== 'line' || form.parts.some((part) => !part.optional);
}

/** Whether a further word is one too many. A command without quotes goes on to the end of its line, as lists do. */
function isClosed(form: ArgumentForm): boolean {
  if (form.kind === 'command') return form.identity;
  return form.kind !== 'words';
}

function badValues(path: string, form: ArgumentForm): string[] {
  switch (form.kind) {
    case 'flag':
      return ['maybe'];
    case 'integer':
      return [String(form.min - 1), String(form.max + 1), 'many', '1.5'];
    case 'seconds':
    case 'milliseconds':
      return [form.min > 0 ? '0' : '-1', decimal(form.max + 1), 'soon'];
    case 'choice':
      return ['NOSUCHWORD'];
    case 'address':
      return ['nowhere', '192.0.2.256'];
    case 'prefix':
      return ['nowhere', '192.0.2.1/33'];
    case 'word':
      if (form.pattern) return ['?'];
      return form.maxLength === undefined ? [] : ['x'.repeat(form.maxLength + 1)];
    case 'optional':
      return badValues(path, form.form);
    case 'line':
      return badLines(path, form);
    default:
      return [];
  }
}

function badLines(path: string, form: LineForm): string[] {
  const full = withPart(path, form, -1, '');
  const ofParts = form.parts.flatMap((part, i) => badValues(`${path}[${i}]`, part.form).map((bad) => withPart(path, form, i, bad)));
  const ofWords = form.words.flatMap((word) => {
    const values = badValues(`${path} ${word.name}`, word.form).filter((bad) => !/\s/.test(bad));
    return values.map((bad) => `${full} ${word.name} ${bad}`.trim());
  });
  return [...ofParts, ...ofWords];
}

/** Lines that a block of entries must take, and lines that it must refuse. */
export function goodEntries(path: string, entry: ArgumentForm): string[] {
  return [...(ENTRIES[path] ?? goodLinesOf(path, entry) ?? goodArguments(path, entry))];
}

export function badEntries(path: string, entry: ArgumentForm): string[] {
  return [...(WRONG_ENTRIES[path] ?? badLinesOf(path, entry) ?? badArguments(path, entry))].filter((text) => text !== '');
}
