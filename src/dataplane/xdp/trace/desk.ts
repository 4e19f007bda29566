/** Keeps a copy of the packet path at hand while questions come, and gives it up afterwards. */
import { DataPlaneError, type TraceFlow, type TraceReport } from '../../../ports/index.ts';
import type { PacketPath } from '../program.ts';
import { PathCopy } from './copy.ts';
import { Tracer, type TraceTables } from './tracer.ts';

/** A copy takes some megabytes of the kernel's memory, and the verifier its time. */
const KEEP_MS = 60_000;

export class TraceDesk {
  private readonly path: PacketPath;
  private readonly objectPath: string;
  private readonly tables: TraceTables;
  private tracer: Promise<Tracer> | undefined;
  private idle: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(path: PacketPath, objectPath: string, tables: TraceTables) {
    this.path = path;
    this.objectPath = objectPath;
    this.tables = tables;
  }

  /** Whether there is a copy. */
  get isLoaded(): boolean {
    return this.tracer !== undefined;
  }

  async trace(flow: TraceFlow): Promise<TraceReport> {
    this.tracer ??= PathCopy.load(this.path, this.objectPath).then((copy) => new Tracer(copy, this.tables));
    clearTimeout(this.idle);
    this.idle = setTimeout(() => this.release(), KEEP_MS).unref();
    const tracer = await this.tracer.catch((error: unknown) => {
      this.release();
      throw new DataPlaneError('failed', (error as Error).message);
    });
    // The packet path's memory may be gone by now.
    if (this.closed) throw new DataPlaneError('failed', 'the packet path is closed');
    return tracer.trace(flow);
  }

  close(): void {
    this.closed = true;
    this.release();
  }

  private release(): void {
    clearTimeout(this.idle);
    // One that could not be made was reported to whoever asked.
    this.tracer?.then((tracer) => tracer.close()).catch(() => undefined);
    this.tracer = undefined;
  }
}
