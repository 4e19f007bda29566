/** BPF objects, maps, programs and links, through libbpf. */
export { Btf, type StructLayout } from './btf.ts';
export { BpfMap, indexKey, type MapShape, perCpuStride, possibleCpus } from './map.ts';
export { BpfObject, type BpfObjectOptions } from './object.ts';
export { BpfProgram, type TestInput, type TestRun, XdpLink, type XdpMode } from './program.ts';
export { type LoadedProgram, TcIngress } from './tc-ingress.ts';
