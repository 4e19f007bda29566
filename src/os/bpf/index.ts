/** BPF objects, maps, programs and links, through libbpf. */

export { Btf, type StructLayout } from './btf.ts';
export { attachToCgroup, type CgroupHook, pinnedLinkProgram, withRootCgroup } from './cgroup.ts';
export type { LoadedProgram } from './loaded.ts';
export { BpfMap, indexKey, type MapShape, perCpuStride, possibleCpus } from './map.ts';
export { BpfObject, type BpfObjectOptions } from './object.ts';
export { BpfProgram, type TestInput, type TestRun, XdpLink, type XdpMode } from './program.ts';
export { TcFilter } from './tc-filter.ts';
