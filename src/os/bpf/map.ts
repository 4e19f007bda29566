/** A BPF map by its descriptor. */
import { checkedBpf, libbpf, type MappedMemory, mapMemory } from '../ffi/libbpf.ts';

const ENOENT = 2;

export interface MapShape {
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
}

export class BpfMap {
  readonly fd: number;
  readonly name: string;
  readonly shape: MapShape;
  /** Bytes that a look-up fills: per-CPU maps give one value for each possible CPU, each rounded up to 8 bytes. */
  private readonly lookupSize: number;

  constructor(name: string, fd: number, shape: MapShape, perCpu = false) {
    this.name = name;
    this.fd = fd;
    this.shape = shape;
    this.lookupSize = perCpu ? perCpuStride(shape.valueSize) * possibleCpus() : shape.valueSize;
  }

  /** The value of a key, or undefined. Per-CPU maps give all CPUs' values one behind the other. */
  lookup(key: Uint8Array): Uint8Array | undefined {
    const value = new Uint8Array(this.lookupSize);
    const result = libbpf().lookup(this.fd, key, value) as number;
    if (result === -ENOENT) return undefined;
    checkedBpf('bpf_map_lookup_elem', result, () => this.name);
    return value;
  }

  update(key: Uint8Array, value: Uint8Array): void {
    checkedBpf('bpf_map_update_elem', libbpf().update(this.fd, key, value, 0n) as number, () => this.name);
  }

  /** False when the key was not there. */
  delete(key: Uint8Array): boolean {
    const result = libbpf().remove(this.fd, key) as number;
    if (result === -ENOENT) return false;
    checkedBpf('bpf_map_delete_elem', result, () => this.name);
    return true;
  }

  /** The keys of a hash map. A map that changes meanwhile may give some twice or leave some out. */
  *keys(): Generator<Uint8Array> {
    let key: Uint8Array | null = null;
    // A deleted key makes the walk start over; the bound keeps that from going on for ever.
    for (let step = 0; step < 2 * this.shape.maxEntries; step++) {
      const next = new Uint8Array(this.shape.keySize);
      if ((libbpf().nextKey(this.fd, key, next) as number) < 0) return;
      yield next;
      key = next;
    }
  }

  /** An mmapable array map as memory. */
  mapped(): MappedMemory {
    const pageSize = 4096;
    const length = Math.ceil((this.shape.maxEntries * roundUp8(this.shape.valueSize)) / pageSize) * pageSize;
    return mapMemory(this.fd, length);
  }
}

/** Distance between two CPUs' values in what a per-CPU look-up gives. */
export function perCpuStride(valueSize: number): number {
  return roundUp8(valueSize);
}

export function possibleCpus(): number {
  return checkedBpf('libbpf_num_possible_cpus', libbpf().possibleCpus() as number);
}

function roundUp8(size: number): number {
  return Math.ceil(size / 8) * 8;
}

/** Array maps are keyed by index. */
export function indexKey(index: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(index).buffer);
}
