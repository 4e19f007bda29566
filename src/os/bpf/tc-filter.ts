/** A BPF program as a tc filter on what an interface receives or sends. It stays there until it is taken off, whoever put it there has ended or not. */
import { SystemError } from '../ffi/index.ts';
import { checkedBpf, collectMessages, libbpf } from '../ffi/libbpf.ts';
import { type LoadedProgram, openProgram } from './loaded.ts';
import type { BpfProgram } from './program.ts';

/** struct bpf_tc_hook of libbpf: size, interface, attach point, parent. */
const HOOK_SIZE = 24;
/** enum bpf_tc_attach_point. */
const POINTS = { ingress: 1, egress: 2 } as const;
const BOTH_DIRECTIONS = 3;
/** struct bpf_tc_opts: size, program's descriptor, flags, program's id, handle, priority. */
const OPTIONS_SIZE = 32;
const REPLACE = 1;
/** Where no such filter is, or not even a discipline for it, the kernel says one of these. */
const ABSENT = new Set(['ENOENT', 'EINVAL', 'ENODEV']);

export class TcFilter {
  private readonly interfaceIndex: number;
  private readonly point: number;
  private readonly handle: number;
  private readonly priority: number;

  /** Priority and handle tell filters of one interface apart; a lower priority comes earlier. */
  constructor(interfaceIndex: number, point: keyof typeof POINTS, priority: number, handle: number) {
    this.interfaceIndex = interfaceIndex;
    this.point = POINTS[point];
    this.priority = priority;
    this.handle = handle;
  }

  /** Puts the program there, in place of one that has the same priority and handle, and makes the `clsact` discipline where there is none. Throws SystemError. */
  attach(program: BpfProgram): void {
    const created = libbpf().tcHookCreate(this.hook(BOTH_DIRECTIONS)) as number;
    if (created < 0 && new SystemError('bpf_tc_hook_create', -created).code !== 'EEXIST') checkedBpf('bpf_tc_hook_create', created);
    const attached = collectMessages(
      () => libbpf().tcAttach(this.hook(this.point), this.options({ fd: program.fd, flags: REPLACE })) as number,
    );
    checkedBpf('bpf_tc_attach', attached.result, attached.messages);
  }

  /** The program that is there now. */
  current(): LoadedProgram | undefined {
    const options = this.options();
    const { result } = collectMessages(() => libbpf().tcQuery(this.hook(this.point), options) as number);
    if (result < 0 && ABSENT.has(new SystemError('bpf_tc_query', -result).code)) return undefined;
    checkedBpf('bpf_tc_query', result);
    return openProgram(new DataView(options.buffer).getUint32(16, true));
  }

  /** Takes it off, where it is there. */
  detach(): void {
    const { result } = collectMessages(() => libbpf().tcDetach(this.hook(this.point), this.options()) as number);
    if (result < 0 && !ABSENT.has(new SystemError('bpf_tc_detach', -result).code)) checkedBpf('bpf_tc_detach', result);
  }

  /** Takes the `clsact` discipline off, with every filter that is left on it. */
  removeDiscipline(): void {
    checkedBpf('bpf_tc_hook_destroy', libbpf().tcHookDestroy(this.hook(BOTH_DIRECTIONS)) as number);
  }

  private hook(attachPoint: number): Uint8Array {
    const bytes = new Uint8Array(HOOK_SIZE);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, BigInt(HOOK_SIZE), true);
    view.setInt32(8, this.interfaceIndex, true);
    view.setUint32(12, attachPoint, true);
    return bytes;
  }

  private options(program = { fd: 0, flags: 0 }): Uint8Array {
    const bytes = new Uint8Array(OPTIONS_SIZE);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, BigInt(OPTIONS_SIZE), true);
    view.setInt32(8, program.fd, true);
    view.setUint32(12, program.flags, true);
    view.setUint32(20, this.handle, true);
    view.setUint32(24, this.priority, true);
    return bytes;
  }
}
