/** What keywords take, in words for a person: for diagnostics, `--explain` and the manual. */
import type { ArgumentForm, Keyword, Part } from './keyword.ts';

const MANY = 100;

/** What a form takes, as the end of a sentence: `a whole number from 1 to 255`. */
export function expectation(form: ArgumentForm): string {
  switch (form.kind) {
    case 'integer':
      return `a whole number${form.unit === undefined ? '' : ` of ${form.unit}`} ${rangeText(form)}`;
    case 'seconds':
      return `a number of seconds ${rangeText(form)}`;
    case 'milliseconds':
      return `a number of milliseconds ${rangeText(form)}`;
    case 'choice':
      return form.words.length === 1 ? `the word ${form.words[0]}` : `one of ${form.words.join(', ')}`;
    case 'address':
      return `an ${form.family === undefined ? 'IP' : `IPv${form.family}`} ${form.multicast ? 'multicast ' : ''}address`;
    case 'prefix':
      return 'an IP address, perhaps with / and a prefix length';
    case 'word':
    case 'words':
      return form.what;
    case 'command':
      return form.identity ? 'a command, then perhaps a user and a group' : 'a command';
    case 'flag':
      return 'on or off';
    case 'none':
      return 'nothing';
    case 'optional':
      return `nothing, or ${expectation(form.form)}`;
    case 'line':
      return lineExpectation(form.parts, form.words);
  }
}

function lineExpectation(parts: readonly Part[], keywords: readonly Keyword[]): string {
  const values = parts.map(
    (part, index) =>
      `${part.optional ? (index === 0 ? 'perhaps ' : 'then perhaps ') : index === 0 ? '' : 'then '}${expectation(part.form)}`,
  );
  const names = keywords.map((keyword) => keyword.name);
  const tail =
    names.length === 0
      ? []
      : [`${parts.length === 0 ? '' : 'then perhaps '}${names.join(', ')} with ${names.length === 1 ? 'its value' : 'their values'}`];
  return [...values, ...tail].join(', ');
}

/** The range of a form, where it has one: `from 1 to 255`. */
export function rangeText(form: ArgumentForm): string | undefined {
  switch (form.kind) {
    case 'integer':
    case 'seconds':
    case 'milliseconds':
      return `from ${form.min} to ${form.max}`;
    case 'optional':
      return rangeText(form.form);
    case 'line': {
      const ranges = form.parts.map((part) => rangeText(part.form)).filter((text) => text !== undefined);
      return ranges.length === 1 ? ranges[0] : undefined;
    }
    default:
      return undefined;
  }
}

/** `a user` is USER; a longer description has no short name. */
function wordSynopsis(what: string): string {
  const name = what.replace(/^(an?|the) /, '');
  return name.split(' ').length <= 2 ? name.toUpperCase().replaceAll(' ', '-') : 'WORD';
}

/** The form as a manual page writes it: `[user [group]]`, `NUMBER`, `on|off`. */
export function synopsis(form: ArgumentForm): string {
  switch (form.kind) {
    case 'none':
      return '';
    case 'flag':
      return '[on|off]';
    case 'integer':
      return form.unit === undefined ? 'NUMBER' : form.unit.toUpperCase();
    case 'seconds':
      return 'SECONDS';
    case 'milliseconds':
      return 'MILLISECONDS';
    case 'choice':
      return form.words.join('|');
    case 'address':
      return 'ADDRESS';
    case 'prefix':
      return 'ADDRESS[/LENGTH]';
    case 'word':
      return wordSynopsis(form.what);
    case 'words':
      return `WORDS${form.max > MANY ? '…' : ''}`;
    case 'command':
      return form.identity ? 'COMMAND [USER [GROUP]]' : 'COMMAND';
    case 'optional':
      return `[${synopsis(form.form)}]`;
    case 'line':
      return [
        ...form.parts.map((part) => (part.optional ? `[${synopsis(part.form)}]` : synopsis(part.form))),
        ...form.words.map((keyword) => `[${[keyword.name, synopsis(keyword.form)].filter((text) => text !== '').join(' ')}]`),
      ].join(' ');
  }
}
