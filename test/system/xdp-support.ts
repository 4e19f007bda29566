/** The packet path under test: the real program in the kernel, run on frames by BPF_PROG_TEST_RUN, with a clock that tests turn. */
import { fileURLToPath } from 'node:url';
import { type Instant, IpAddress, seconds } from '../../src/base/index.ts';
import { type NextHop, XdpDataPlane, type XdpOptions } from '../../src/dataplane/xdp/index.ts';
import type { TraceFlow, TraceReport } from '../../src/ports/index.ts';
import { DIRECTOR_MAC, macText } from './xdp-frames.ts';

export const OBJECT_PATH = fileURLToPath(new URL('../../dist/bpf/director.bpf.o', import.meta.url));
/** enum xdp_action. */
export const VERDICTS = ['ABORTED', 'DROP', 'PASS', 'TX', 'REDIRECT'] as const;
export type VerdictName = (typeof VERDICTS)[number];

/** Test runs arrive on the loopback interface: what leaves by it again is XDP_TX. */
export const INGRESS_INTERFACE = 1;
export const HOP_MTU = 1500;
/** The director's address on the servers' network, where tunnels start. */
export const DIRECTOR = IpAddress.fromV4Number(0x0a0200fe);
export const DIRECTOR6 = IpAddress.parse('fd00:2::fe') as IpAddress;

/** A data plane that knows when it is closed, since no packet may be shown to it any more. */
class TestPlane extends XdpDataPlane {
  isClosed = false;

  override close(): void {
    this.isClosed = true;
    super.close();
  }
}

/** Longer than any time-out, and than the trash keeps deleted servers. */
const OUTLASTING_SECONDS = 3000;
const LINES_AT_ONCE = 65_536;

export interface RigOptions {
  readonly connections?: number;
  readonly pins?: XdpOptions['pins'];
  readonly settings?: XdpOptions['settings'];
  /** The way to a server; default: every server has a MAC of its own on the port that packets come in by. */
  readonly resolve?: (address: IpAddress) => NextHop | 'local' | undefined;
}

export interface Passage {
  readonly verdict: VerdictName;
  readonly frame: Uint8Array;
}

export class Rig {
  readonly plane: TestPlane;
  /** Warnings and errors. */
  readonly log: string[] = [];
  /** The interface that the packet path knows as its port; frames come in by INGRESS_INTERFACE. */
  port = INGRESS_INTERFACE;
  private now: Instant = 0;
  /** What the packet path's clock shows, by the test's will; real time stands still. */
  private jiffies: number;

  constructor(options: RigOptions = {}) {
    const { connections = 256, pins, settings, resolve = hopTo } = options;
    this.plane = new TestPlane({
      objectPath: OBJECT_PATH,
      connections,
      connections6: connections,
      ...(pins && { pins }),
      ...(settings && { settings }),
      nextHops: { resolve, close: () => undefined },
      clock: { now: () => this.now },
      logger: { log: (level, message) => void (level === 'info' || this.log.push(message)) },
    });
    this.jiffies = this.plane.path.clock().jiffies;
  }

  /** `context` is a `struct xdp_md`, for a frame with something before it. */
  run(frame: Uint8Array, context?: Uint8Array): Passage {
    if (this.plane.isClosed) return { verdict: 'PASS', frame };
    this.hold();
    const { path } = this.plane;
    const { verdict, data } = path.balance.testRun({ data: frame, ...(context && { context }) });
    const name = VERDICTS[verdict];
    if (!name) throw new Error(`the packet path answered ${verdict}`);
    return { verdict: name, frame: data };
  }

  /** As `run`, right after it or another one: the clock is not held again. For very many frames. */
  runNext(data: Uint8Array): { readonly verdict: number; readonly data: Uint8Array } {
    return this.plane.path.balance.testRun({ data });
  }

  /** What the packet path says of a packet that could come now. */
  trace(flow: TraceFlow): Promise<TraceReport> {
    this.hold();
    return this.plane.trace(flow);
  }

  /** Time passes a second at a time, with the plane's periodic work, and a tenth of a second more at the end. */
  advance(count: number): void {
    const { path } = this.plane;
    for (let second = 0; second < count; second++) {
      this.now += seconds(1);
      this.jiffies += path.hz;
      if (second === count - 1) this.jiffies += Math.ceil(path.hz / 10);
      this.holdClock();
      this.plane.tick();
    }
  }

  /** Back to empty tables, at a later time: quicker than a new rig, whose program has to be verified again. */
  reset(): void {
    const { plane } = this;
    plane.flush();
    // A template outlives, by a minute, connections that the same sweep comes to later.
    for (let round = 0; round < 2; round++) {
      this.now += seconds(OUTLASTING_SECONDS);
      this.jiffies += OUTLASTING_SECONDS * plane.path.hz;
      this.sweepAll();
    }
    plane.tick();
  }

  /** Every connection that has expired, or will within a second, goes at once: for a while then none expires that is still there. */
  sweepAhead(): void {
    this.jiffies += this.plane.path.hz;
    this.sweepAll();
    this.jiffies -= this.plane.path.hz;
    this.holdClock();
  }

  private sweepAll(): void {
    const { path } = this.plane;
    this.holdClock();
    for (const { family, lines } of path.tables) {
      for (let line = 0; line < lines; line += LINES_AT_ONCE) path.sweep(family, line, LINES_AT_ONCE, line === 0);
    }
  }

  close(): void {
    if (!this.plane.isClosed) this.plane.close();
  }

  /** The plane writes the addresses of the interfaces it is on; it is on none. And the clock shows what tests want. */
  hold(): void {
    const { settings } = this.plane.path;
    settings.setBytes(0, 'port_macs', DIRECTOR_MAC);
    settings.setU32(0, 'port_indexes', this.port);
    settings.setU32(0, 'port_count', 1);
    this.holdClock();
  }

  private holdClock(): void {
    const { settings, sweep } = { settings: this.plane.path.settings, sweep: this.plane.path.clock() };
    settings.setU32(0, 'jiffies_offset', (settings.u32(0, 'jiffies_offset') + this.jiffies - sweep.jiffies) >>> 0);
  }
}

/** Every server's MAC address has the end of its IP address at the end. */
export function serverMac(address: IpAddress): Uint8Array {
  return Uint8Array.of(0x02, 0x05, ...address.bytes.slice(-4));
}

export function hopTo(address: IpAddress): NextHop {
  const source = address.family === 4 ? DIRECTOR : DIRECTOR6;
  return { interfaceIndex: INGRESS_INTERFACE, sourceMac: DIRECTOR_MAC, destinationMac: serverMac(address), mtu: HOP_MTU, source };
}

export function macOf(address: IpAddress): string {
  return macText(serverMac(address));
}
