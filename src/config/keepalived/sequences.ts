/** `~SEQ(…)`, `~SEQx(…)` and `~LST(…)`: what stands between the parentheses, as the values that the rest of the line is repeated with. */

/** The variables of one repetition: their names and, for each round, their values. */
export interface Sequence {
  readonly names: readonly string[];
  readonly rounds: Iterable<readonly string[]>;
}

/** What is wrong with a sequence, for a person. */
export interface BadSequence {
  readonly problem: string;
}

const NAME = /^[A-Za-z_]\w*$/;
const NUMBER = /^[+-]?(?:0x[0-9a-fA-F]+|\d+)$/;
const HEXADECIMAL = 16;

export function readSequence(kind: string, body: string): Sequence | BadSequence {
  return kind === 'LST' ? readList(body) : readNumbers(body, kind === 'SEQx');
}

function readNumbers(body: string, hexadecimal: boolean): Sequence | BadSequence {
  const [name, ...words] = body.split(',').map((word) => word.trim());
  if (name === undefined || !NAME.test(name)) return { problem: 'its first word must be the name of a variable' };
  if (words.length < 1 || words.length > 3)
    return { problem: 'it takes a variable and one to three numbers: (variable, [start, [step,]] end)' };
  const wrong = words.find((word) => !NUMBER.test(word));
  if (wrong !== undefined) return { problem: `${wrong === '' ? 'an empty word' : wrong} is no whole number` };
  const numbers = words.map(numberOf);
  if (hexadecimal && numbers.some((number) => number < 0)) return { problem: '~SEQx takes no number below 0' };
  const end = numbers.at(-1) as number;
  const first = numbers.length > 1 ? (numbers[0] as number) : end >= 0 ? 1 : -1;
  const step = numbers.length === 3 ? (numbers[1] as number) : end >= first ? 1 : -1;
  if (step === 0) return { problem: 'its step is 0, so that it would never end' };
  if ((end - first) * step < 0) return { problem: `a step of ${step} never leads from ${first} to ${end}` };
  return { names: [name], rounds: count(first, step, end, hexadecimal ? HEXADECIMAL : 10) };
}

/** As strtol does with base 0: 0x for hexadecimal, a leading 0 for octal. */
function numberOf(word: string): number {
  const sign = word.startsWith('-') ? -1 : 1;
  const digits = word.replace(/^[+-]/, '');
  if (/^0[0-7]+$/.test(digits)) return sign * Number.parseInt(digits, 8);
  return sign * Number(digits);
}

function* count(start: number, step: number, end: number, radix: number): Generator<readonly string[]> {
  for (let value = start; step > 0 ? value <= end : value >= end; value += step) yield [value.toString(radix)];
}

function readList(body: string): Sequence | BadSequence {
  const [variables, ...values] = splitList(body);
  const names = variables === undefined ? [] : membersOf(variables);
  if (names.length === 0 || names.some((name) => !NAME.test(name)))
    return { problem: 'its first word must be the name of a variable, or several in braces' };
  if (values.length === 0) return { problem: 'it has no values' };
  const rounds = values.map((value) => (variables?.startsWith('{') || value.startsWith('{') ? membersOf(value) : [value]));
  const wrong = rounds.find((round) => round.length > names.length);
  if (wrong) return { problem: `{${wrong.join(', ')}} has more values than there are variables` };
  return { names, rounds: rounds.map((round) => names.map((_, index) => round[index] ?? '')) };
}

/** The words between commas that stand in no braces. */
function splitList(body: string): string[] {
  const words = [''];
  let depth = 0;
  for (const character of body) {
    if (character === '{') depth++;
    if (character === '}') depth--;
    if (character === ',' && depth <= 0) words.push('');
    else words[words.length - 1] += character;
  }
  // keepalived takes no comma at the end for an empty value.
  const last = words.at(-1) as string;
  return (words.length > 1 && last.trim() === '' ? words.slice(0, -1) : words).map((word) => word.trim());
}

function membersOf(word: string): string[] {
  const inner = /^\{(.*)\}$/s.exec(word);
  return inner ? (inner[1] as string).split(',').map((member) => member.trim()) : [word];
}
