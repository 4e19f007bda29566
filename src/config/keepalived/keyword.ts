/**
 * The form of the declarative keyword table. One entry says everything about one keyword in one block: what it takes, its
 * range and default, what it is for, other spellings, and whether this version acts on it. Parser, diagnostics and pages are
 * derived from it.
 */

/** What stands after a keyword on its line. */
export type ArgumentForm =
  | { readonly kind: 'none' }
  /** Bare, or with on/off/true/false/yes/no. Bare means on. */
  | { readonly kind: 'flag' }
  | { readonly kind: 'integer'; readonly min: number; readonly max: number; readonly unit?: string }
  /** Decimal seconds with microsecond resolution. */
  | { readonly kind: 'seconds'; readonly min: number; readonly max: number }
  | { readonly kind: 'choice'; readonly words: readonly string[] }
  | { readonly kind: 'address' }
  | { readonly kind: 'word'; readonly what: string }
  /** A command, perhaps with `user [group]` after it. */
  | { readonly kind: 'command'; readonly identity: boolean }
  /** Words that the lowering reads itself; at least `min`, at most `max`. */
  | { readonly kind: 'words'; readonly what: string; readonly min: number; readonly max: number };

/** What a block holds: statements with keywords of their own, or entries (one a line, free words). */
export type BlockForm = 'keywords' | 'entries';

/**
 * `acted`: this version does it. `harmless`: accepted and not acted on, and the rest works the same.
 * `refused`: accepted by keepalived, and ignoring it would make the system do something else than asked.
 */
export type Support = 'acted' | 'harmless' | 'cosmetic' | 'refused';

export interface Keyword {
  readonly name: string;
  readonly form: ArgumentForm;
  readonly block?: BlockForm;
  readonly children: ReadonlyMap<string, Keyword>;
  /** What holds when it is absent, in the language of the file. */
  readonly defaultText?: string;
  readonly doc: string;
  /** The present name, for an old spelling. */
  readonly aliasOf?: string;
  readonly support: Support;
  /** May stand several times in one block. */
  readonly repeatable: boolean;
  /** The block cannot work without it; the text says what to write. */
  readonly required?: string;
}

export interface KeywordOptions {
  readonly default?: string;
  readonly aliasOf?: string;
  readonly support?: Support;
  readonly repeatable?: boolean;
  readonly required?: string;
}

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
  return {
    name,
    form,
    doc,
    children: shape.children ?? NO_CHILDREN,
    support: options.support ?? 'acted',
    repeatable: options.repeatable ?? false,
    ...(shape.block && { block: shape.block }),
    ...(options.default !== undefined && { defaultText: options.default }),
    ...(options.aliasOf !== undefined && { aliasOf: options.aliasOf }),
    ...(options.required !== undefined && { required: options.required }),
  };
}

export const none: ArgumentForm = { kind: 'none' };
export const flag: ArgumentForm = { kind: 'flag' };
export const address: ArgumentForm = { kind: 'address' };
export const command: ArgumentForm = { kind: 'command', identity: true };
export const plainCommand: ArgumentForm = { kind: 'command', identity: false };
export const integer = (min: number, max: number, unit?: string): ArgumentForm => ({
  kind: 'integer',
  min,
  max,
  ...(unit !== undefined && { unit }),
});
export const seconds = (min: number, max: number): ArgumentForm => ({ kind: 'seconds', min, max });
export const choice = (...words: string[]): ArgumentForm => ({ kind: 'choice', words });
export const word = (what: string): ArgumentForm => ({ kind: 'word', what });
export const words = (what: string, min: number, max: number): ArgumentForm => ({ kind: 'words', what, min, max });

const ANYTHING: ArgumentForm = { kind: 'words', what: 'anything', min: 0, max: Number.MAX_SAFE_INTEGER };

/** Keywords that keepalived has and this version does not act on: by name only; `name{}` takes a block. */
export function named(support: Support, names: string): Keyword[] {
  return names
    .trim()
    .split(/\s+/)
    .map((name) =>
      name.endsWith('{}') ? entries(name.slice(0, -2), '', { support }, ANYTHING) : leaf(name, ANYTHING, '', { support, repeatable: true }),
    );
}
