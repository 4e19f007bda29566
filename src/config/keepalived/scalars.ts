/** Reads one word of the file as a number, an address, a choice …; what is wrong with it is reported where it stands. */
import { didYouMean, IpAddress, millis, parsePrefix, seconds } from '../../base/index.ts';
import { expectation } from './argument-text.ts';
import type { ArgumentForm } from './keyword.ts';
import { type Token, tokenEnd, wordValue } from './lexer.ts';
import type { Reporter } from './report.ts';
import type { SourceText } from './source.ts';
import { tokenPlace } from './syntax.ts';
import type { Scalar } from './value.ts';

const TRUE_WORDS = ['on', 'true', 'yes'];
const FALSE_WORDS = ['off', 'false', 'no'];

/** `name` is the keyword or whatever a message should call the value. */
export function readScalar(form: ArgumentForm, token: Token, name: string, source: SourceText, reporter: Reporter): Scalar | undefined {
  switch (form.kind) {
    case 'flag':
      return readFlag(token, name, source, reporter);
    case 'integer':
      return readInteger(token, form.min, form.max, name, source, reporter);
    case 'seconds':
    case 'milliseconds':
      return readDuration(form, token, name, source, reporter);
    case 'choice':
      return readChoice(form, token, name, source, reporter);
    case 'address':
      return readAddressForm(form, token, name, source, reporter);
    case 'prefix':
      return readPrefix(token, source, reporter);
    case 'word':
      return readWord(form, token, name, source, reporter);
    default:
      return true;
  }
}

/** Whether a word has the looks of a form: decides whether a value that may be absent is there. */
export function looksLike(form: ArgumentForm, token: Token): boolean {
  const text = wordValue(token);
  switch (form.kind) {
    case 'integer':
    case 'seconds':
    case 'milliseconds':
      return /^[+-]?[\d.]/.test(text);
    case 'choice':
      return form.words.includes(text);
    case 'address':
      return IpAddress.parse(text) !== undefined;
    case 'prefix':
      return parsePrefix(text) !== undefined;
    default:
      return true;
  }
}

function readFlag(token: Token, name: string, source: SourceText, reporter: Reporter): boolean | undefined {
  const text = wordValue(token).toLowerCase();
  if (TRUE_WORDS.includes(text)) return true;
  if (FALSE_WORDS.includes(text)) return false;
  reporter.report('config/bad-value', tokenPlace(source, token), `${name} takes on or off (also true, false, yes, no), not ${token.text}.`);
  return undefined;
}

function readWord(
  form: ArgumentForm & { kind: 'word' },
  token: Token,
  name: string,
  source: SourceText,
  reporter: Reporter,
): string | undefined {
  const text = wordValue(token);
  if (form.pattern && !form.pattern.test(text)) {
    reporter.report('config/bad-value', tokenPlace(source, token), `${name} takes ${form.what}, not ${token.text}.`);
    return undefined;
  }
  if (form.maxLength === undefined || text.length <= form.maxLength) return text;
  reporter.report(
    'config/bad-value',
    tokenPlace(source, token),
    `${name} takes ${form.what} of at most ${form.maxLength} characters; ${text} has ${text.length}.`,
  );
  return undefined;
}

function readDuration(
  form: ArgumentForm & { kind: 'seconds' | 'milliseconds' },
  token: Token,
  name: string,
  source: SourceText,
  reporter: Reporter,
): number | undefined {
  const { kind, min, max } = form;
  const text = wordValue(token);
  if (!/^\d+(\.\d*)?$|^\.\d+$/.test(text)) {
    const numeric = text.startsWith('-') && !Number.isNaN(Number(text));
    reporter.report(
      numeric ? 'config/out-of-range' : 'config/bad-value',
      tokenPlace(source, token),
      `${name} takes a number of ${kind} from ${min} to ${max}, not ${token.text}.`,
    );
    return undefined;
  }
  const value = Number(text);
  if (value >= min && value <= max) return kind === 'seconds' ? seconds(value) : millis(value);
  reporter.report('config/out-of-range', tokenPlace(source, token), `${name} must be from ${min} to ${max} ${kind}, not ${text}.`);
  return undefined;
}

function readChoice(
  form: ArgumentForm & { kind: 'choice' },
  token: Token,
  name: string,
  source: SourceText,
  reporter: Reporter,
): string | undefined {
  const text = wordValue(token);
  const exact = form.words.find((candidate) => candidate === text);
  if (exact !== undefined) return exact;
  const sameLetters = form.words.find((candidate) => candidate.toLowerCase() === text.toLowerCase());
  if (sameLetters !== undefined && form.anyCase) return sameLetters;
  const meant = sameLetters ?? didYouMean(text, form.words);
  reporter.report('config/bad-value', tokenPlace(source, token), `${name} takes ${expectation(form)}, not ${token.text}.`, {
    ...(meant !== undefined && {
      help: `Did you mean ${meant}?`,
      fix: { description: `Write ${meant}`, start: token.start, end: tokenEnd(token), replacement: meant },
    }),
  });
  return undefined;
}

function readAddressForm(
  form: ArgumentForm & { kind: 'address' },
  token: Token,
  name: string,
  source: SourceText,
  reporter: Reporter,
): IpAddress | undefined {
  if (form.family === undefined && !form.multicast) return readAddress(token, source, reporter);
  const parsed = IpAddress.parse(wordValue(token));
  if (parsed && (form.family ?? parsed.family) === parsed.family && parsed.isMulticast() === (form.multicast ?? false)) return parsed;
  const range = form.multicast ? (form.family === 6 ? ' (ff00::/8)' : form.family === 4 ? ' (224.0.0.0 to 239.255.255.255)' : '') : '';
  reporter.report('config/bad-address', tokenPlace(source, token), `${name} takes ${expectation(form)}${range}, not ${token.text}.`);
  return undefined;
}

function readPrefix(token: Token, source: SourceText, reporter: Reporter) {
  const parsed = parsePrefix(wordValue(token));
  if (parsed) return parsed;
  const address = IpAddress.parse(wordValue(token).split('/')[0] as string);
  if (address)
    reporter.report(
      'config/out-of-range',
      tokenPlace(source, token),
      `The prefix length of ${token.text} must be from 0 to ${address.family === 4 ? 32 : 128}.`,
    );
  else
    reporter.report('config/bad-address', tokenPlace(source, token), `${token.text} is no IP address.`, {
      help: 'Write four numbers from 0 to 255 with dots between, and perhaps / and a prefix length.',
    });
  return undefined;
}

export function readInteger(
  token: Token,
  min: number,
  max: number,
  what: string,
  source: SourceText,
  reporter: Reporter,
): number | undefined {
  const text = wordValue(token);
  if (!/^[+-]?\d+$/.test(text)) {
    reporter.report(
      'config/bad-value',
      tokenPlace(source, token),
      `${what} takes a whole number from ${min} to ${max}, not ${token.text}.`,
    );
    return undefined;
  }
  const value = Number(text);
  if (value >= min && value <= max) return value;
  reporter.report('config/out-of-range', tokenPlace(source, token), `${what} must be from ${min} to ${max}, not ${text}.`);
  return undefined;
}

export function readAddress(token: Token, source: SourceText, reporter: Reporter): IpAddress | undefined {
  const parsed = IpAddress.parse(wordValue(token));
  if (!parsed)
    reporter.report('config/bad-address', tokenPlace(source, token), `${token.text} is no IP address.`, {
      help: 'Write four numbers from 0 to 255 with dots between, or an IPv6 address.',
    });
  return parsed;
}
