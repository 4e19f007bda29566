/** bpf/realserver.bpf.c on an interface: loaded, told what to go by, and read back. */
import { readFileSync } from 'node:fs';
import { IpAddress } from '../../base/index.ts';
import { type BpfMap, BpfObject, Btf, indexKey, type LoadedProgram, perCpuStride, possibleCpus, TcFilter } from '../../os/bpf/index.ts';
import { type Decapsulator, type DecapsulatorCounts, sortedTexts, TUNNEL_TYPES } from './tunnel.ts';

const PROGRAM = 'decapsulate';
/** Early, so that other filters see the packets inside. */
const PRIORITY = 9;
const HANDLE = 0x7670;
const V4_MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** Whether a filter looks like ours: enough to know that asking for the program is worth while. */
export function mayBeDecapsulator(filter: { readonly kind: string; readonly handle: number }): boolean {
  return filter.kind === 'bpf' && filter.handle === HANDLE;
}

export class InterfaceDecapsulator {
  private readonly objectPath: string;
  private readonly place: TcFilter;

  constructor(objectPath: string, interfaceIndex: number) {
    this.objectPath = objectPath;
    this.place = new TcFilter(interfaceIndex, 'ingress', PRIORITY, HANDLE);
  }

  /** Throws when another program is in that place, SystemError when the kernel refuses. */
  attach(settings: Decapsulator): void {
    const present = this.place.current();
    present?.close();
    if (present && present.name !== PROGRAM)
      throw new Error(`A tc filter of priority ${PRIORITY} and handle ${HANDLE} is there already: ${present.name}.`);
    const object = loadDecapsulator(this.objectPath, settings);
    try {
      this.place.attach(object.program(PROGRAM));
    } finally {
      object.close();
    }
  }

  /** What our program goes by and has counted; undefined when it is not there. */
  read(): { readonly settings: Decapsulator; readonly counts: DecapsulatorCounts } | undefined {
    const program = this.place.current();
    if (!program) return undefined;
    try {
      return program.name === PROGRAM ? readProgram(new Btf(readFileSync(this.objectPath)), program) : undefined;
    } finally {
      program.close();
    }
  }

  detach(): void {
    this.place.detach();
  }

  removeDiscipline(): void {
    this.place.removeDiscipline();
  }
}

/** The program in the kernel, on no interface yet. Throws SystemError with the verifier's words. */
export function loadDecapsulator(objectPath: string, settings: Decapsulator): BpfObject {
  const object = BpfObject.load(objectPath, new Set(['decap_counts']));
  const { btf } = object;
  const layout = btf.struct('decap_settings');
  const value = new Uint8Array(layout.size);
  const at = (field: string): number => layout.fields[field]?.offset as number;
  new DataView(value.buffer).setUint16(at('port'), settings.port);
  value[at('tunnel')] = btf.enumeration('decap_tunnel')[`DECAP_${settings.type.toUpperCase()}`] as number;
  value[at('any_director')] = settings.directors === 'any' ? 1 : 0;
  object.map('decap_settings').update(indexKey(0), value);
  for (const [name, texts] of rolesOf(settings)) {
    for (const text of texts) object.map('decap_addresses').update(addressKey(btf, text, name), indexKey(1));
  }
  return object;
}

/** The addresses that the program tells apart, by their names in enum decap_role. */
function rolesOf(settings: Decapsulator): [string, readonly string[]][] {
  return [
    ['ROLE_DIRECTOR', settings.directors === 'any' ? [] : settings.directors],
    ['ROLE_HOST', settings.hosts],
    ['ROLE_VIP', settings.vips],
  ];
}

function addressKey(btf: Btf, text: string, role: string): Uint8Array {
  const layout = btf.struct('decap_address');
  const key = new Uint8Array(layout.size);
  const { bytes } = IpAddress.parse(text) as IpAddress;
  key.set(bytes.length === 4 ? [...V4_MAPPED, ...bytes] : bytes, layout.fields.words?.offset);
  new DataView(key.buffer).setUint32(layout.fields.role?.offset as number, btf.enumeration('decap_role')[role] as number, true);
  return key;
}

function readProgram(btf: Btf, program: LoadedProgram) {
  const map = (name: string): BpfMap => {
    const found = program.maps.get(name);
    if (!found) throw new Error(`The program on the interface has no map ${name}: it is of another version. Stop it with that version.`);
    return found;
  };
  const layout = btf.struct('decap_settings');
  const value = map('decap_settings').lookup(indexKey(0)) as Uint8Array;
  const at = (field: string): number => layout.fields[field]?.offset as number;
  const type = TUNNEL_TYPES.find((name) => btf.enumeration('decap_tunnel')[`DECAP_${name.toUpperCase()}`] === value[at('tunnel')]);
  const addresses = readAddresses(btf, map('decap_addresses'));
  const settings: Decapsulator = {
    type: type ?? 'ipip',
    port: new DataView(value.buffer).getUint16(at('port')),
    directors: value[at('any_director')] ? 'any' : (addresses.get('ROLE_DIRECTOR') ?? []),
    hosts: addresses.get('ROLE_HOST') ?? [],
    vips: addresses.get('ROLE_VIP') ?? [],
  };
  return { settings, counts: readCounts(btf, map('decap_counts')) };
}

function readAddresses(btf: Btf, map: BpfMap): Map<string, string[]> {
  const layout = btf.struct('decap_address');
  const keys = [...map.keys()];
  const words = layout.fields.words?.offset as number;
  return new Map(
    Object.entries(btf.enumeration('decap_role')).map(([name, role]) => {
      const ofRole = keys.filter((key) => new DataView(key.buffer).getUint32(layout.fields.role?.offset as number, true) === role);
      return [name, sortedTexts(ofRole.map((key) => addressFrom(key.subarray(words, words + 16))))];
    }),
  );
}

function addressFrom(bytes: Uint8Array): IpAddress {
  const isV4 = V4_MAPPED.every((byte, index) => bytes[index] === byte);
  return IpAddress.fromBytes(isV4 ? bytes.slice(V4_MAPPED.length) : bytes.slice()) as IpAddress;
}

/** By name, all CPUs together. */
export function readCounts(btf: Btf, map: BpfMap, enumeration = 'decap_count'): DecapsulatorCounts {
  const names = Object.entries(btf.enumeration(enumeration)).filter(([name]) => !name.endsWith('_COUNTS'));
  return Object.fromEntries(
    names.map(([name, number]) => {
      const view = new DataView((map.lookup(indexKey(number)) as Uint8Array).buffer);
      let sum = 0n;
      for (let cpu = 0; cpu < possibleCpus(); cpu++) sum += view.getBigUint64(cpu * perCpuStride(8), true);
      return [name.replace(/^[A-Z]+_/, '').toLowerCase(), Number(sum)];
    }),
  );
}
