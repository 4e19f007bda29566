/** One difference between two configurations, and the comparison of two values of one kind by a table of their fields. */
import { IpAddress } from '../../base/index.ts';
import { anyText, sameValue } from './words.ts';

export interface Change {
  /** What it is about: `virtual router VI_1`, `real server 10.0.0.2:80 of 10.0.0.1:80`, `global settings`. */
  readonly object: string;
  readonly kind: 'added' | 'removed' | 'changed';
  /** What of it has changed, mostly the keyword; absent when the object as a whole comes or goes. */
  readonly setting?: string;
  /** The old and the new value in words; absent where there is none, and for secrets. */
  readonly from?: string;
  readonly to?: string;
  /** What a reload does about it. */
  readonly effect?: string;
}

// Declared as methods, so that a field of one type can stand in a table of all types: each gets values of its own type only.
type Effect<T> = string | { of(from: T | undefined, to: T | undefined): string | undefined }['of'];

/** How one field is told. */
export interface Field<T> {
  /** The keyword of the file. */
  readonly name: string;
  text?(value: T): string;
  readonly effect?: Effect<T>;
  /** That it changed is told, and never what it was. */
  readonly secret?: true;
}

/** How a list is told: one by one, order not counted. */
export interface ListField<T> {
  readonly item: string;
  each(value: T): string;
  readonly added?: string;
  readonly removed?: string;
}

export type Fields = Readonly<Record<string, Field<unknown> | ListField<unknown>>>;

/** Every field that differs, in the order of the values; fields that the table does not know are told by their own names. */
export function compareFields(object: string, before: object, after: object, fields: Fields, prefix = ''): Change[] {
  const a = before as Record<string, unknown>;
  const b = after as Record<string, unknown>;
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((key): Change[] => {
    const from = a[key];
    const to = b[key];
    if (sameValue(from, to)) return [];
    const path = prefix === '' ? key : `${prefix}.${key}`;
    const field = fields[path];
    if (field === undefined) {
      if (isPlainObject(from) && isPlainObject(to)) return compareFields(object, from, to, fields, path);
      return [told(object, { name: plainName(path) }, from, to)];
    }
    return 'each' in field
      ? compareLists(object, field, (from ?? []) as unknown[], (to ?? []) as unknown[])
      : [told(object, field, from, to)];
  });
}

function told(object: string, field: Field<unknown>, from: unknown, to: unknown): Change {
  const text = (value: unknown): string => (value === undefined ? 'none' : (field.text?.(value) ?? anyText(value)));
  const effect = typeof field.effect === 'function' ? field.effect(from, to) : field.effect;
  return {
    object,
    kind: 'changed',
    setting: field.name,
    ...(!field.secret && { from: text(from), to: text(to) }),
    ...(effect !== undefined && { effect }),
  };
}

function compareLists(object: string, field: ListField<unknown>, from: readonly unknown[], to: readonly unknown[]): Change[] {
  const before = new Set(from.map((value) => field.each(value)));
  const after = new Set(to.map((value) => field.each(value)));
  const change = (kind: 'added' | 'removed', text: string, effect: string | undefined): Change => ({
    object,
    kind,
    setting: `${field.item} ${text}`,
    ...(effect !== undefined && { effect }),
  });
  const changes = [
    ...[...before].filter((text) => !after.has(text)).map((text) => change('removed', text, field.removed)),
    ...[...after].filter((text) => !before.has(text)).map((text) => change('added', text, field.added)),
  ];
  if (changes.length > 0) return changes;
  return [{ object, kind: 'changed', setting: `${field.item}s`, effect: 'they are told in another order or in other details' }];
}

function isPlainObject(value: unknown): value is object {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof IpAddress) && !(value instanceof Uint8Array)
  );
}

/** `garp.refreshRepeat` as words. */
function plainName(path: string): string {
  return path.replaceAll('.', ' ').replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** One line for a person. */
export function changeText({ object, kind, setting, from, to, effect }: Change): string {
  const what =
    setting === undefined ? `${object} ${kind}` : `${object}: ${setting}${kind === 'changed' ? changedText(from, to) : ` ${kind}`}`;
  return effect === undefined ? what : `${what}; ${effect}`;
}

function changedText(from: string | undefined, to: string | undefined): string {
  return from === undefined || to === undefined ? ' changed' : ` ${from} → ${to}`;
}
