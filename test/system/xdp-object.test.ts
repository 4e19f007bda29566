/** The compiled object: our reading of its type information against bpftool's, and its reasons against the manual. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REASONS } from '../../src/dataplane/xdp/index.ts';
import { BpfObject } from '../../src/os/bpf/index.ts';
import { run } from './support.ts';
import { OBJECT_PATH } from './xdp-support.ts';

/** A type as `bpftool -j btf dump` tells it. */
interface DumpedType {
  readonly id: number;
  readonly kind: string;
  readonly name: string;
  readonly size?: number;
  readonly type_id?: number;
  readonly nr_elems?: number;
  readonly members?: readonly { readonly name: string; readonly type_id: number; readonly bits_offset: number }[];
  readonly values?: readonly { readonly name: string; readonly val: number }[];
}

let object: BpfObject;
let dumped: readonly DumpedType[];

beforeAll(() => {
  object = BpfObject.load(OBJECT_PATH, new Set());
  dumped = (JSON.parse(run('bpftool', '-j', 'btf', 'dump', 'file', OBJECT_PATH)) as { types: DumpedType[] }).types;
});
afterAll(() => object.close());

function sizeOf(id: number): number {
  const type = dumped.find((candidate) => candidate.id === id);
  if (!type) throw new Error(`bpftool shows no type ${id}`);
  if (type.kind === 'PTR') return 8;
  if (type.kind === 'ARRAY') return (type.nr_elems as number) * sizeOf(type.type_id as number);
  return type.size ?? sizeOf(type.type_id as number);
}

/** With those of unions, and of structs in them, that have no name of their own. */
function membersOf(type: DumpedType): NonNullable<DumpedType['members']> {
  return (type.members ?? []).flatMap((member) => {
    const inner = dumped.find(({ id }) => id === member.type_id);
    if (!inner || !['UNION', 'STRUCT'].includes(inner.kind) || inner.name !== '(anon)') return [member];
    return membersOf(inner).map((part) => ({ ...part, bits_offset: member.bits_offset + part.bits_offset }));
  });
}

function find(kind: string, name: string): DumpedType {
  const found = dumped.find((type) => type.kind === kind && type.name === name);
  if (!found) throw new Error(`bpftool shows no ${kind} ${name}`);
  return found;
}

describe('type information', () => {
  it.each(['conn', 'conn_key', 'rest6', 'server', 'server_load', 'server_stats', 'service', 'settings', 'sweep'])(
    'struct %s as bpftool reads it',
    (name) => {
      const type = find('STRUCT', name);
      const fields = Object.fromEntries(
        membersOf(type).map((member) => [member.name, { offset: member.bits_offset / 8, size: sizeOf(member.type_id) }]),
      );
      expect(Object.keys(fields).length).toBeGreaterThan(2);
      expect(object.btf.struct(name)).toEqual({ size: type.size, fields });
    },
  );

  it.each(['meta', 'conn_state', 'conn_protocol', 'server_flag', 'service_flag', 'settings_flag', 'tail', 'reason'])(
    'enum %s as bpftool reads it',
    (name) => {
      const values = find('ENUM', name).values ?? [];
      expect(values.length).toBeGreaterThan(0);
      expect(object.btf.enumeration(name)).toEqual(Object.fromEntries(values.map(({ name: word, val }) => [word, val])));
    },
  );

  it('has entries of the sizes that the packet path was laid out for', () => {
    const names = ['conn', 'rest6', 'server', 'server_load'];
    const sizes = Object.fromEntries(names.map((name) => [name, object.btf.struct(name).size]));
    expect(sizes).toEqual({ conn: 32, rest6: 40, server: 64, server_load: 64 });
  });

  it('refuses names that the object does not have', () => {
    expect(() => object.btf.struct('nothing')).toThrow(/no struct nothing/);
    expect(() => object.btf.enumeration('nothing')).toThrow(/no enum nothing/);
  });
});

describe('reasons', () => {
  const manual = readFileSync(new URL('../../docs/packet-reasons.md', import.meta.url), 'utf8');
  const rows = [...manual.matchAll(/^\| (\d+) \| `(\w+)` \| (.+) \| (.+) \|$/gm)].map((match) => ({
    number: Number(match[1]),
    name: match[2] as string,
    sentence: match[3] as string,
    remedy: match[4] as string,
  }));

  it('are the manual’s, one sentence each', () => {
    const { REASON_COUNT, ...reasons } = object.btf.enumeration('reason');
    expect(Object.fromEntries(rows.map(({ name, number }) => [name, number]))).toEqual(reasons);
    expect(new Set(rows.map(({ number }) => number)).size).toBe(rows.length);
    for (const { number, sentence } of rows) {
      expect(number).toBeLessThan(REASON_COUNT as number);
      expect(sentence).toMatch(/^[a-z].*\.$/);
    }
    expect(new Set(rows.map(({ sentence }) => sentence)).size).toBe(rows.length);
  });

  it('are explained by `vipwright trace` in the manual’s words', () => {
    expect(REASONS).toEqual(Object.fromEntries(rows.map(({ name, sentence, remedy }) => [name, { meaning: sentence, remedy }])));
  });

  it('are numbered by what becomes of the packet', () => {
    for (const { name, number } of rows) {
      expect(`${name} ${number}`).toMatch(number < 32 ? /^DROP_/ : number < 64 ? /^(REJECT|ANSWER)_/ : /^PASS_/);
    }
  });
});
