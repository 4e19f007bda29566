/** BPF objects, maps, programs and links, through libbpf. */
export { Btf, type StructField, type StructLayout } from './btf.ts';
export { BpfMap, indexKey, type MapShape, perCpuStride, possibleCpus } from './map.ts';
export { BpfObject, type BpfObjectOptions, unpin } from './object.ts';
export { BpfProgram, type TestInput, type TestRun, XdpLink, type XdpMode } from './program.ts';
