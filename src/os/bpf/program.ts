/** A loaded BPF program, and its link to a network interface. */
import { existsSync, rmSync } from 'node:fs';
import { addressOf, close } from '../ffi/index.ts';
import { checkedBpf, libbpf } from '../ffi/libbpf.ts';

/** What BPF_PROG_TEST_RUN reports. */
export interface TestRun {
  /** The program's return value: an XDP action, or a syscall program's result. */
  readonly verdict: number;
  /** The packet afterwards. */
  readonly data: Uint8Array;
  /** Nanoseconds per repetition, on average. */
  readonly durationNs: number;
}

export interface TestInput {
  readonly data?: Uint8Array;
  /** A `struct xdp_md` for XDP programs; read and written in place for syscall programs. */
  readonly context?: Uint8Array;
  readonly repeat?: number;
  /** Frames are real ones: what the program sends somewhere goes there (BPF_F_TEST_XDP_LIVE_FRAMES). */
  readonly liveFrames?: boolean;
}

/** struct bpf_prog_info (linux/bpf.h) grows at its end only: type, identifier, then the tag. */
const INFO = { size: 16, tag: 8 };

/** Room for what a program puts in front of a packet or builds of it. */
const DATA_ROOM = 512;

/** struct bpf_test_run_opts of libbpf 1.1 (bpf/bpf.h): a stable interface that grows at its end only. */
const TEST_RUN_SIZE = 80;
const BPF_F_TEST_XDP_LIVE_FRAMES = 2;

export class BpfProgram {
  readonly name: string;
  readonly fd: number;
  private readonly options = new Uint8Array(TEST_RUN_SIZE);

  constructor(name: string, fd: number) {
    this.name = name;
    this.fd = fd;
  }

  /** The kernel's hash of the program's instructions, maps left out: equal for two that are the same code. In hexadecimal. */
  tag(): string {
    const info = new Uint8Array(INFO.size);
    const size = new Uint8Array(Uint32Array.of(info.length).buffer);
    checkedBpf('bpf_obj_get_info_by_fd', libbpf().objectInfo(this.fd, info, size) as number, () => this.name);
    return Buffer.from(info.subarray(INFO.tag)).toString('hex');
  }

  /** Runs the program on a packet without any network. Throws SystemError when the kernel refuses the call. */
  testRun(input: TestInput): TestRun {
    const { data, context, repeat = 0, liveFrames = false } = input;
    // Live frames do not come back.
    const output = new Uint8Array(data && !liveFrames ? data.length + DATA_ROOM : 0);
    const contextOut = context && data && !liveFrames ? new Uint8Array(context.length) : undefined;
    const view = new DataView(this.options.buffer);
    this.options.fill(0);
    view.setBigUint64(0, BigInt(TEST_RUN_SIZE), true);
    if (data) {
      view.setBigUint64(8, addressOf(data), true);
      if (output.length > 0) view.setBigUint64(16, addressOf(output), true);
      view.setUint32(24, data.length, true);
      view.setUint32(28, output.length, true);
    }
    if (liveFrames) view.setUint32(68, BPF_F_TEST_XDP_LIVE_FRAMES, true);
    if (context) {
      view.setBigUint64(32, addressOf(context), true);
      view.setUint32(48, context.length, true);
    }
    if (contextOut) {
      view.setBigUint64(40, addressOf(contextOut), true);
      view.setUint32(52, contextOut.length, true);
    }
    view.setUint32(60, repeat, true);
    checkedBpf('bpf_prog_test_run_opts', libbpf().testRun(this.fd, this.options) as number, () => this.name);
    return { verdict: view.getUint32(56, true), data: output.subarray(0, view.getUint32(28, true)), durationNs: view.getUint32(64, true) };
  }
}

export type XdpMode = 'native' | 'generic';

const BPF_XDP = 37;
const XDP_FLAGS: Readonly<Record<XdpMode, number>> = { native: 1 << 2, generic: 1 << 1 };

/** struct bpf_link_create_opts: size, flags, and parts that XDP does not use. */
function linkOptions(flags: number): Uint8Array {
  const options = new Uint8Array(64);
  const view = new DataView(options.buffer);
  view.setBigUint64(0, 16n, true);
  view.setUint32(8, flags, true);
  return options;
}

/** A program on an interface. It stays there until the last descriptor or pin of the link is gone. */
export class XdpLink {
  readonly interfaceIndex: number;
  readonly mode: XdpMode;
  private readonly fd: number;
  private readonly pinPath: string | undefined;

  private constructor(fd: number, interfaceIndex: number, mode: XdpMode, pinPath: string | undefined) {
    this.fd = fd;
    this.interfaceIndex = interfaceIndex;
    this.mode = mode;
    this.pinPath = pinPath;
  }

  /** Throws SystemError: EBUSY when another program is there, EOPNOTSUPP when the driver cannot (native mode). */
  static attach(program: BpfProgram, interfaceIndex: number, mode: XdpMode, pinPath?: string): XdpLink {
    const result = libbpf().linkCreate(program.fd, interfaceIndex, BPF_XDP, linkOptions(XDP_FLAGS[mode])) as number;
    const fd = checkedBpf('bpf_link_create', result, () => `interface ${interfaceIndex}, ${mode}`);
    if (pinPath !== undefined) checkedBpf('bpf_obj_pin', libbpf().pin(fd, pinPath) as number, () => pinPath);
    return new XdpLink(fd, interfaceIndex, mode, pinPath);
  }

  /** Takes over a pinned link and puts this program in its place, without a gap. Undefined when nothing usable is pinned there. */
  static takeOver(program: BpfProgram, interfaceIndex: number, mode: XdpMode, pinPath: string): XdpLink | undefined {
    if (!existsSync(pinPath)) return undefined;
    const fd = libbpf().openPinned(pinPath) as number;
    if (fd >= 0 && (libbpf().linkUpdate(fd, program.fd, null) as number) >= 0) return new XdpLink(fd, interfaceIndex, mode, pinPath);
    // The interface it was on is gone, or it is no link.
    if (fd >= 0) close(fd);
    rmSync(pinPath, { force: true });
    return undefined;
  }

  /** The program leaves the interface. */
  detach(): void {
    if (this.pinPath !== undefined) rmSync(this.pinPath, { force: true });
    close(this.fd);
  }
}
