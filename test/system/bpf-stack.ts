/** How much stack the programs of a BPF object take at most, as the verifier of Linux 6.1 counts: later ones count a little less. */
import { readFileSync } from 'node:fs';

const SECTION = { symbols: 2, relocations: 9, executable: 4 };
const FUNCTION = 2;
const INSTRUCTION_BYTES = 8;
const FRAME_POINTER = 10;
/** Opcodes: a call, a 64-bit constant, a copy of a register, the addition of a constant; and the classes of loads and stores. */
const OP = { call: 0x85, constant: 0x18, copy: 0xbf, add: 0x07 };
const CLASS = { load: 1, store: 2, storeRegister: 3 };
/** Constants and loads, and arithmetic of 32 and of 64 bits. */
const WRITING_CLASSES = new Set([0, 1, 4, 7]);
/** Of a call: the callee is part of the program. */
const OF_PROGRAM = 1;
/** Each frame takes a multiple of so many bytes. */
const FRAME_UNIT = 32;

interface Section {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly bytes: DataView;
  readonly link: number;
  readonly info: number;
}

interface Routine {
  readonly name: string;
  readonly isProgram: boolean;
  readonly depth: number;
  /** Places, as placeOf() writes them. */
  readonly callees: readonly string[];
}

interface Target {
  readonly section: number;
  readonly offset: number;
}

/** The deepest chain of calls of every program: its functions from the outermost to the innermost, and its bytes of stack. */
export function deepestChains(path: string): { readonly bytes: number; readonly names: readonly string[] }[] {
  const routines = readRoutines(readSections(readFileSync(path)));
  const known = new Map<string, { bytes: number; names: string[] }>();
  const deepest = (place: string): { bytes: number; names: string[] } => {
    const found = known.get(place);
    if (found) return found;
    const routine = routines.get(place);
    if (!routine) throw new Error(`there is no function at ${place}`);
    const below = routine.callees.map(deepest).sort((a, b) => b.bytes - a.bytes)[0];
    const own = Math.ceil(Math.max(routine.depth, 1) / FRAME_UNIT) * FRAME_UNIT;
    const chain = { bytes: own + (below?.bytes ?? 0), names: [routine.name, ...(below?.names ?? [])] };
    known.set(place, chain);
    return chain;
  };
  return [...routines].filter(([, { isProgram }]) => isProgram).map(([place]) => deepest(place));
}

function placeOf({ section, offset }: Target): string {
  return `${section}:${offset}`;
}

function readSections(file: Buffer): Section[] {
  const at = Number(file.readBigUInt64LE(0x28));
  const [size, count, namesIndex] = [file.readUInt16LE(0x3a), file.readUInt16LE(0x3c), file.readUInt16LE(0x3e)];
  const header = (index: number): Buffer => file.subarray(at + index * size, at + (index + 1) * size);
  const content = (index: number): Buffer => {
    const offset = Number(header(index).readBigUInt64LE(0x18));
    return file.subarray(offset, offset + Number(header(index).readBigUInt64LE(0x20)));
  };
  return Array.from({ length: count }, (_, index) => {
    const bytes = content(index);
    return {
      name: textAt(content(namesIndex), header(index).readUInt32LE(0)),
      type: header(index).readUInt32LE(4),
      flags: Number(header(index).readBigUInt64LE(8)),
      bytes: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      link: header(index).readUInt32LE(0x28),
      info: header(index).readUInt32LE(0x2c),
    };
  });
}

function textAt(bytes: Uint8Array, offset: number): string {
  return Buffer.from(bytes.subarray(offset, bytes.indexOf(0, offset))).toString();
}

function readRoutines(sections: readonly Section[]): Map<string, Routine> {
  const table = sections.find(({ type }) => type === SECTION.symbols) as Section;
  const names = sections[table.link]?.bytes as DataView;
  const symbols = Array.from({ length: table.bytes.byteLength / 24 }, (_, index) => ({
    name: textAt(new Uint8Array(names.buffer, names.byteOffset, names.byteLength), table.bytes.getUint32(index * 24, true)),
    kind: table.bytes.getUint8(index * 24 + 4) & 15,
    section: table.bytes.getUint16(index * 24 + 6, true),
    offset: Number(table.bytes.getBigUint64(index * 24 + 8, true)),
    size: Number(table.bytes.getBigUint64(index * 24 + 16, true)),
  }));
  const targets = new Map<string, Target>();
  for (const { type, bytes, info } of sections) {
    if (type !== SECTION.relocations) continue;
    for (let at = 0; at < bytes.byteLength; at += 16) {
      const symbol = symbols[bytes.getUint32(at + 12, true)] as Target;
      targets.set(placeOf({ section: info, offset: Number(bytes.getBigUint64(at, true)) }), symbol);
    }
  }
  const isCode = (section: number): boolean => ((sections[section]?.flags ?? 0) & SECTION.executable) !== 0;
  const functions = symbols.filter(({ kind, section }) => kind === FUNCTION && isCode(section));
  return new Map(
    functions.map(({ name, section, offset, size }) => {
      const code = sections[section] as Section;
      const calleeAt = (at: number, isCall: boolean): string | undefined => {
        const immediate = code.bytes.getInt32(at + 4, true);
        const target = targets.get(placeOf({ section, offset: at }));
        if (target && !isCode(target.section)) return undefined;
        if (!isCall) return target && placeOf({ section: target.section, offset: target.offset + immediate });
        const steps = (immediate + 1) * INSTRUCTION_BYTES;
        return placeOf(target ? { section: target.section, offset: target.offset + steps } : { section, offset: at + steps });
      };
      return [placeOf({ section, offset }), { name, isProgram: code.name !== '.text', ...readCode(code.bytes, offset, size, calleeAt) }];
    }),
  );
}

function readCode(code: DataView, begin: number, size: number, calleeAt: (at: number, isCall: boolean) => string | undefined) {
  const callees = new Set<string>();
  const copies = new Set<number>();
  let depth = 0;
  for (let at = begin; at < begin + size; at += INSTRUCTION_BYTES) {
    const [opcode, registers] = [code.getUint8(at), code.getUint8(at + 1)];
    const [to, from] = [registers & 15, registers >> 4];
    const base = { [CLASS.load]: from, [CLASS.store]: to, [CLASS.storeRegister]: to }[opcode & 7];
    if (base === FRAME_POINTER) depth = Math.max(depth, -code.getInt16(at + 2, true));
    if (opcode === OP.add && copies.delete(to)) depth = Math.max(depth, -code.getInt32(at + 4, true));
    else if (WRITING_CLASSES.has(opcode & 7)) copies.delete(to);
    if (opcode === OP.copy && from === FRAME_POINTER) copies.add(to);
    const isCall = opcode === OP.call && from === OF_PROGRAM;
    const callee = isCall || opcode === OP.constant ? calleeAt(at, isCall) : undefined;
    if (callee) callees.add(callee);
    if (opcode === OP.constant) at += INSTRUCTION_BYTES;
  }
  return { depth, callees: [...callees] };
}
