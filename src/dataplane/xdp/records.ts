/** Structs of the packet path in mapped memory, by field name. Offsets come from the object's BTF. */
import { assert } from '../../base/index.ts';
import type { StructLayout } from '../../os/bpf/index.ts';

/** An array of structs that the packet path reads and writes at the same time; single fields are read and written whole. */
export class Records {
  readonly layout: StructLayout;
  readonly bytes: Uint8Array;
  private readonly view: DataView;

  constructor(bytes: Uint8Array, layout: StructLayout) {
    this.bytes = bytes;
    this.layout = layout;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  at(index: number, field: string): number {
    return index * this.layout.size + this.field(field).offset;
  }

  /** Bytes of a field; of an array the whole. */
  sizeOf(field: string): number {
    return this.field(field).size;
  }

  u32(index: number, field: string): number {
    return this.view.getUint32(this.at(index, field), true);
  }

  /** One element of a field that is an array of 32-bit numbers. */
  u32Of(index: number, field: string, element: number): number {
    return this.view.getUint32(this.at(index, field) + 4 * element, true);
  }

  setU32(index: number, field: string, value: number): void {
    this.view.setUint32(this.at(index, field), value, true);
  }

  u64(index: number, field: string): bigint {
    return this.view.getBigUint64(this.at(index, field), true);
  }

  setU64(index: number, field: string, value: bigint): void {
    this.view.setBigUint64(this.at(index, field), value, true);
  }

  u8(index: number, field: string): number {
    return this.view.getUint8(this.at(index, field));
  }

  setU8(index: number, field: string, value: number): void {
    this.view.setUint8(this.at(index, field), value);
  }

  u16(index: number, field: string): number {
    return this.view.getUint16(this.at(index, field), true);
  }

  setU16(index: number, field: string, value: number): void {
    this.view.setUint16(this.at(index, field), value, true);
  }

  /** Network byte order, as ports lie in packets. */
  port(index: number, field: string): number {
    return this.view.getUint16(this.at(index, field), false);
  }

  setPort(index: number, field: string, value: number): void {
    this.view.setUint16(this.at(index, field), value, false);
  }

  /** Of all of a field; not a copy. */
  bytesOf(index: number, field: string): Uint8Array {
    const at = this.at(index, field);
    return this.bytes.subarray(at, at + this.sizeOf(field));
  }

  setBytes(index: number, field: string, value: Uint8Array): void {
    assert(value.length <= this.field(field).size, `${field} has room for ${this.field(field).size} bytes`);
    this.bytes.set(value, this.at(index, field));
  }

  /** A whole struct; not a copy. */
  whole(index: number): Uint8Array {
    return this.bytes.subarray(index * this.layout.size, (index + 1) * this.layout.size);
  }

  clear(index: number): void {
    this.whole(index).fill(0);
  }

  private field(name: string): { readonly offset: number; readonly size: number } {
    const found = this.layout.fields[name];
    assert(found, `the packet path has no field ${name}`);
    return found;
  }
}
