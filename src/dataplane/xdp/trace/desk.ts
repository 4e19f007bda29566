/** Keeps a copy of the packet path at hand while questions come, and gives it up afterwards. */
import { type Instant, seconds } from '../../../base/index.ts';
import { DataPlaneError, type TraceFlow, type TraceReport } from '../../../ports/index.ts';
import type { PacketPath } from '../program.ts';
import { PathCopy } from './copy.ts';
import { Tracer, type TraceTables } from './tracer.ts';

/** A copy takes some megabytes of the kernel's memory, and the verifier half a second. */
const KEEP = seconds(60);

export class TraceDesk {
  private readonly path: PacketPath;
  private readonly objectPath: string;
  private readonly tables: TraceTables;
  private tracer: Promise<Tracer> | undefined;
  private usedAt: Instant = 0;
  private closed = false;

  constructor(path: PacketPath, objectPath: string, tables: TraceTables) {
    this.path = path;
    this.objectPath = objectPath;
    this.tables = tables;
  }

  async trace(flow: TraceFlow, now: Instant): Promise<TraceReport> {
    this.usedAt = now;
    this.tracer ??= PathCopy.load(this.path, this.objectPath).then((copy) => new Tracer(copy, this.tables));
    try {
      const tracer = await this.tracer;
      // The packet path's memory may be gone by now.
      if (this.closed) throw new DataPlaneError('failed', 'the packet path is closed');
      return tracer.trace(flow);
    } catch (error) {
      this.release();
      throw error;
    }
  }

  tick(now: Instant): void {
    if (this.tracer && now - this.usedAt >= KEEP) this.release();
  }

  close(): void {
    this.closed = true;
    this.release();
  }

  private release(): void {
    // One that could not be made was reported to whoever asked.
    this.tracer?.then((tracer) => tracer.close()).catch(() => undefined);
    this.tracer = undefined;
  }
}
