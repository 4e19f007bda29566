/**
 * Reads type information (BTF) out of a compiled BPF object, so that no offset and no number of the packet path is ever typed by hand
 * here. Format: Documentation/bpf/btf.rst; only what struct layouts and enums need.
 */
import { assert } from '../../base/index.ts';

export interface StructField {
  /** In bytes. */
  readonly offset: number;
  readonly size: number;
}

export interface StructLayout {
  readonly size: number;
  readonly fields: Readonly<Record<string, StructField>>;
}

interface RawType {
  readonly name: string;
  readonly kind: number;
  readonly sizeOrType: number;
  readonly members: readonly { readonly name: string; readonly type: number; readonly value: number }[];
  readonly array?: { readonly type: number; readonly count: number };
}

const KIND = {
  int: 1,
  pointer: 2,
  array: 3,
  struct: 4,
  union: 5,
  enumeration: 6,
  proto: 13,
  variable: 14,
  datasec: 15,
  float: 16,
  declTag: 17,
  enum64: 19,
};
const MODIFIERS = new Set([8, 9, 10, 11, 18]); // typedef, volatile, const, restrict, type tag
const BTF_MAGIC = 0xeb9f;
const POINTER_SIZE = 8;

export class Btf {
  private readonly types: readonly RawType[];

  /** From the bytes of an ELF file with a `.BTF` section, little-endian as BPF objects on every supported machine are. */
  constructor(elf: Uint8Array) {
    this.types = parseTypes(section(elf, '.BTF'));
  }

  /** The layout of a struct by name. Throws for an unknown one: the object and this code belong together. */
  struct(name: string): StructLayout {
    const type = this.types.find((candidate) => candidate.kind === KIND.struct && candidate.name === name);
    assert(type, `the BPF object has no struct ${name}`);
    return { size: type.sizeOrType, fields: Object.fromEntries(this.fieldsOf(type, 0)) };
  }

  /** With those of unions, and of structs in them, that have no name of their own. */
  private fieldsOf(type: RawType, base: number): [string, StructField][] {
    return type.members.flatMap((member): [string, StructField][] => {
      const offset = base + (member.value & 0xffffff) / 8;
      const inner = this.types[member.type];
      if (member.name === '' && (inner?.kind === KIND.union || inner?.kind === KIND.struct)) return this.fieldsOf(inner, offset);
      return [[member.name, { offset, size: this.sizeOf(member.type) }]];
    });
  }

  /** The constants of an enum by name. */
  enumeration(name: string): Readonly<Record<string, number>> {
    const type = this.types.find((candidate) => candidate.kind === KIND.enumeration && candidate.name === name);
    assert(type, `the BPF object has no enum ${name}`);
    return Object.fromEntries(type.members.map((member) => [member.name, member.value]));
  }

  private sizeOf(id: number): number {
    const type = this.types[id];
    assert(type, `BTF type ${id} is missing`);
    if (MODIFIERS.has(type.kind)) return this.sizeOf(type.sizeOrType);
    if (type.kind === KIND.pointer) return POINTER_SIZE;
    return type.array ? type.array.count * this.sizeOf(type.array.type) : type.sizeOrType;
  }
}

/** The contents of a section of a 64-bit little-endian ELF file. */
function section(elf: Uint8Array, wanted: string): DataView {
  const view = new DataView(elf.buffer, elf.byteOffset, elf.byteLength);
  const headers = Number(view.getBigUint64(40, true));
  const [entrySize, count, namesIndex] = [view.getUint16(58, true), view.getUint16(60, true), view.getUint16(62, true)];
  const place = (index: number) => {
    const at = headers + index * entrySize;
    return {
      name: view.getUint32(at, true),
      offset: Number(view.getBigUint64(at + 24, true)),
      size: Number(view.getBigUint64(at + 32, true)),
    };
  };
  const names = place(namesIndex);
  for (let index = 0; index < count; index++) {
    const found = place(index);
    if (text(view, names.offset + found.name) === wanted) return new DataView(elf.buffer, elf.byteOffset + found.offset, found.size);
  }
  assert(false, `the BPF object has no section ${wanted}`);
}

function text(view: DataView, at: number): string {
  let end = at;
  while (view.getUint8(end) !== 0) end++;
  return new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at, end - at));
}

function parseTypes(view: DataView): RawType[] {
  assert(view.getUint16(0, true) === BTF_MAGIC, 'the .BTF section has another magic number');
  const headerLength = view.getUint32(4, true);
  const start = headerLength + view.getUint32(8, true);
  const end = start + view.getUint32(12, true);
  const strings = headerLength + view.getUint32(16, true);
  // Type 0 is void.
  const types: RawType[] = [{ name: 'void', kind: 0, sizeOrType: 0, members: [] }];
  for (let at = start; at < end; ) {
    const { type, next } = parseType(view, at, strings);
    types.push(type);
    at = next;
  }
  return types;
}

function parseType(view: DataView, at: number, strings: number): { type: RawType; next: number } {
  const info = view.getUint32(at + 4, true);
  const [kind, count] = [(info >>> 24) & 0x1f, info & 0xffff];
  const head = { name: text(view, strings + view.getUint32(at, true)), kind, sizeOrType: view.getUint32(at + 8, true) };
  const body = at + 12;
  const word = (offset: number) => view.getUint32(body + offset, true);
  const member = (index: number, step: number, typeAt: number, valueAt: number) => ({
    name: text(view, strings + word(index * step)),
    type: typeAt < 0 ? 0 : word(index * step + typeAt),
    value: word(index * step + valueAt),
  });
  const list = (step: number, typeAt: number, valueAt: number) => Array.from({ length: count }, (_, i) => member(i, step, typeAt, valueAt));
  switch (kind) {
    case KIND.struct:
    case KIND.union:
      return { type: { ...head, members: list(12, 4, 8) }, next: body + 12 * count };
    case KIND.enumeration:
      return { type: { ...head, members: list(8, -1, 4) }, next: body + 8 * count };
    case KIND.array:
      return { type: { ...head, members: [], array: { type: word(0), count: word(8) } }, next: body + 12 };
    default:
      return { type: { ...head, members: [] }, next: body + tailLength(kind, count) };
  }
}

/** What follows a type that we do not look into. */
function tailLength(kind: number, count: number): number {
  if (kind === KIND.int || kind === KIND.variable || kind === KIND.declTag) return 4;
  if (kind === KIND.proto) return 8 * count;
  return kind === KIND.datasec || kind === KIND.enum64 ? 12 * count : 0;
}
