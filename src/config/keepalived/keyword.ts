/**
 * The form of the declarative keyword table. One entry says everything about one keyword in one block: what it takes, its
 * range and default, what it is for, other spellings, and whether this version acts on it. Parser, diagnostics and pages are
 * derived from it.
 */

/** What stands after a keyword on its line, or on a line of a block of entries. */
export type ArgumentForm =
  | { readonly kind: 'none' }
  /** Bare, or with on/off/true/false/yes/no. Bare means on. */
  | { readonly kind: 'flag' }
  | { readonly kind: 'integer'; readonly min: number; readonly max: number; readonly unit?: string }
  /** Decimal seconds with microsecond resolution. */
  | { readonly kind: 'seconds'; readonly min: number; readonly max: number }
  /** Decimal milliseconds with microsecond resolution. */
  | { readonly kind: 'milliseconds'; readonly min: number; readonly max: number }
  /** With `anyCase` the case of the letters does not matter. */
  | { readonly kind: 'choice'; readonly words: readonly string[]; readonly anyCase?: boolean }
  | { readonly kind: 'address'; readonly multicast?: boolean; readonly family?: 4 | 6 }
  /** An address, perhaps with a slash and a prefix length. */
  | { readonly kind: 'prefix' }
  /** With a `pattern` only words that agree with it, such as `example`. */
  | { readonly kind: 'word'; readonly what: string; readonly maxLength?: number; readonly pattern?: RegExp; readonly example?: string }
  /** A command, perhaps with `user [group]` after it. */
  | { readonly kind: 'command'; readonly identity: boolean }
  /** Words that the lowering reads itself; at least `min`, at most `max`. */
  | { readonly kind: 'words'; readonly what: string; readonly min: number; readonly max: number }
  /** Nothing, or what the inner form takes. Nothing means on. */
  | { readonly kind: 'optional'; readonly form: ArgumentForm }
  /** Values in order, then perhaps words with values of their own in any order. */
  | { readonly kind: 'line'; readonly parts: readonly Part[]; readonly words: readonly Keyword[] };

export type LineForm = ArgumentForm & { readonly kind: 'line' };

/** One value of a line. One that may be absent is passed over when the word there cannot be it. */
export interface Part {
  readonly form: ArgumentForm;
  readonly optional: boolean;
}

/** What a block holds: statements with keywords of their own, or entries (one a line, free words). */
export type BlockForm = 'keywords' | 'entries';

/**
 * `acted`: this version does it. `harmless`: accepted and not acted on, and the rest works the same.
 * `cosmetic`: the same, and nobody can notice. `refused`: accepted by keepalived, and ignoring it would make the system do
 * something else than asked.
 */
export type Support = 'acted' | 'harmless' | 'cosmetic' | 'refused';

/** How much a keyword matters in practice: 1 is in most files, 3 in hardly any. */
export type Tier = 1 | 2 | 3;

export interface Keyword {
  readonly name: string;
  readonly form: ArgumentForm;
  readonly block?: BlockForm;
  /** What a line of a block of entries holds. */
  readonly entry?: ArgumentForm;
  readonly children: ReadonlyMap<string, Keyword>;
  /** What holds when it is absent, in the language of the file. */
  readonly defaultText?: string;
  readonly doc: string;
  readonly tier: Tier;
  /** The present name, for an old spelling. */
  readonly aliasOf?: string;
  /** The version of keepalived that brought it, where that is worth knowing. */
  readonly since?: string;
  /** Ours: keepalived does not know it. */
  readonly extension?: true;
  /** What to write today, for a keyword that keepalived calls deprecated. */
  readonly deprecated?: string;
  readonly support: Support;
  /** Why this version does not act on it. */
  readonly reason?: string;
  /** May stand several times in one block. */
  readonly repeatable: boolean;
  /** The block cannot work without it; the text says what to write. */
  readonly required?: string;
  /** First words after the block's keyword with which it can: `virtual_server fwmark` needs no protocol. */
  readonly requiredUnless?: readonly string[];
}

export interface KeywordOptions {
  readonly default?: string;
  readonly aliasOf?: string;
  readonly support?: Support;
  readonly reason?: string;
  readonly repeatable?: boolean;
  readonly required?: string;
  readonly requiredUnless?: readonly string[];
  /** 1 unless given. */
  readonly tier?: Tier;
  readonly since?: string;
  readonly extension?: true;
  readonly deprecated?: string;
  /** What a line of a block of entries holds. */
  readonly entry?: ArgumentForm;
}

/** For what Debian's keepalived 2.2.7 does not know yet. */
export const LATER = 'a version after 2.2.7';

const NO_CHILDREN: ReadonlyMap<string, Keyword> = new Map();

/** A keyword without a block. */
export function leaf(name: string, form: ArgumentForm, doc: string, options: KeywordOptions = {}): Keyword {
  return make(name, form, doc, options, {});
}

/** A keyword whose block holds statements. */
export function block(name: string, form: ArgumentForm, doc: string, children: readonly Keyword[], options: KeywordOptions = {}): Keyword {
  return make(
    name,
    form,
    doc,
    { repeatable: true, ...options },
    { block: 'keywords', children: new Map(children.map((child) => [child.name, child])) },
  );
}

/** A keyword whose block holds entries. */
export function entries(name: string, doc: string, options: KeywordOptions = {}, form: ArgumentForm = none): Keyword {
  return make(name, form, doc, { repeatable: true, ...options }, { block: 'entries' });
}

function make(
  name: string,
  form: ArgumentForm,
  doc: string,
  options: KeywordOptions,
  shape: { block?: BlockForm; children?: ReadonlyMap<string, Keyword> },
): Keyword {
  // Every property is there, so that all keywords have one shape: what is read of them in each line is read much faster.
  return {
    name,
    form,
    doc,
    tier: options.tier ?? 1,
    children: shape.children ?? NO_CHILDREN,
    support: options.support ?? 'acted',
    repeatable: options.repeatable ?? false,
    block: shape.block,
    entry: options.entry,
    defaultText: options.default,
    aliasOf: options.aliasOf,
    since: options.since,
    extension: options.extension,
    deprecated: options.deprecated,
    reason: options.reason,
    required: options.required,
    requiredUnless: options.requiredUnless,
  };
}

export const none: ArgumentForm = { kind: 'none' };
export const flag: ArgumentForm = { kind: 'flag' };
export const address: ArgumentForm = { kind: 'address' };
export const prefix: ArgumentForm = { kind: 'prefix' };
export const command: ArgumentForm = { kind: 'command', identity: true };
export const plainCommand: ArgumentForm = { kind: 'command', identity: false };
export const integer = (min: number, max: number, unit?: string): ArgumentForm => ({
  kind: 'integer',
  min,
  max,
  ...(unit !== undefined && { unit }),
});
export const seconds = (min: number, max: number): ArgumentForm => ({ kind: 'seconds', min, max });
export const milliseconds = (min: number, max: number): ArgumentForm => ({ kind: 'milliseconds', min, max });
export const choice = (...words: string[]): ArgumentForm => ({ kind: 'choice', words });
export const choiceOfAnyCase = (...words: string[]): ArgumentForm => ({ kind: 'choice', words, anyCase: true });
export const word = (what: string, maxLength?: number): ArgumentForm => ({
  kind: 'word',
  what,
  ...(maxLength !== undefined && { maxLength }),
});
export const patternWord = (what: string, pattern: RegExp, example: string): ArgumentForm => ({ kind: 'word', what, pattern, example });
export const words = (what: string, min: number, max: number): ArgumentForm => ({ kind: 'words', what, min, max });
export const optional = (form: ArgumentForm): ArgumentForm => ({ kind: 'optional', form });
export const multicast = (family?: 4 | 6): ArgumentForm => ({
  kind: 'address',
  multicast: true,
  ...(family !== undefined && { family }),
});
/** Values in order; one in square brackets (an array of one) may be absent. */
export function line(parts: readonly (ArgumentForm | readonly [ArgumentForm])[], ...keywords: Keyword[]): LineForm {
  return {
    kind: 'line',
    parts: parts.map((part) => (Array.isArray(part) ? { form: part[0], optional: true } : { form: part as ArgumentForm, optional: false })),
    words: keywords,
  };
}
