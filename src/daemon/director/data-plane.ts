/** The data plane of this host: the packet path where there is something to forward, an empty table where there is not. */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RtnetlinkNextHops, roundedSize, XdpDataPlane } from '../../dataplane/index.ts';
import { type Configuration, type ConnectionTableSizes, type MarkRule, serviceKeyText, type VirtualService } from '../../model/index.ts';
import { ensureBpfFileSystem, removeBpfFileSystem } from '../../os/bpffs/index.ts';
import { readFreePages } from '../../os/memory/index.ts';
import { Rtnetlink } from '../../os/netlink/index.ts';
import { type DataPlane, DataPlaneError, type Logger, type TraceFlow, type TraceReport } from '../../ports/index.ts';
import { monotonicClock } from '../checks/index.ts';
import { EmptyPlane } from './empty-plane.ts';
import { type HostAddresses, impliedInterfaces, usableInterfaces } from './interfaces.ts';

/** Compiled by the build, and carried by the package. */
const OBJECT_PATH = fileURLToPath(new URL('../../../bpf/director.bpf.o', import.meta.url));

export class HostedDataPlane {
  private readonly runDir: string;
  private readonly logger: Logger;
  private plane: DataPlane;
  private xdp: XdpDataPlane | undefined;
  private configuration: Configuration;
  /** Called when `current` became another one by itself: somebody added the first service by hand. */
  onChange: () => void = () => undefined;

  private constructor(configuration: Configuration, runDir: string, logger: Logger) {
    this.configuration = configuration;
    this.runDir = runDir;
    this.logger = logger;
    this.plane = this.empty();
  }

  /** Throws when there are services and the packet path cannot be loaded or attached: a director that forwards nothing must not hold a VIP. */
  static open(configuration: Configuration, runDir: string, logger: Logger): HostedDataPlane {
    const hosted = new HostedDataPlane(configuration, runDir, logger);
    hosted.configure(configuration);
    return hosted;
  }

  /** The plane in use; another one after a reload brought the first service or took the last. */
  get current(): DataPlane {
    return this.plane;
  }

  get kind(): string {
    return this.plane.kind;
  }

  /** Throws when the packet path cannot be loaded or attached; the plane in use stays the same then. */
  configure(configuration: Configuration): void {
    if (configuration.services.length > 0 || this.hasHandMade()) {
      const xdp = this.xdp ?? this.openXdp(configuration);
      try {
        xdp.attach(this.interfacesOf(configuration));
      } catch (error) {
        if (xdp !== this.xdp) xdp.close();
        throw error;
      }
      this.xdp = xdp;
      this.plane = xdp;
      this.logKeptSizes(xdp, configuration.tableSizes);
    } else if (this.xdp) {
      this.closeXdp();
      this.plane = this.empty();
    }
    this.configuration = configuration;
  }

  get hasMarks(): boolean {
    return this.xdp?.services().some(({ key }) => key.kind === 'fwmark') ?? false;
  }

  setMarkRules(rules: readonly MarkRule[]): void {
    this.xdp?.setMarkRules(rules);
  }

  /** Connections that the tables of the packet path have room for; without it there are no tables of a size. */
  tableSizes(): ConnectionTableSizes | undefined {
    return this.xdp?.tableSizes;
  }

  attachments(): { name: string; mode: string }[] {
    return this.xdp?.attachments() ?? [];
  }

  /** Reasons that came up at least once, by name. */
  reasons(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.xdp?.reasons() ?? {}).filter(([, count]) => count > 0));
  }

  /** Where a packet would go. Rejects with DataPlaneError. */
  async trace(flow: TraceFlow): Promise<TraceReport> {
    if (!this.xdp) throw new DataPlaneError('unsupported', 'no packet path is loaded: there is no virtual service');
    return this.xdp.trace(flow);
  }

  close(): void {
    this.plane.close();
    if (this.xdp) this.closeXdp();
  }

  private empty(): EmptyPlane {
    return new EmptyPlane((service) => this.addByHand(service));
  }

  /** The first service, where the configuration has none: the packet path goes on every interface that packets may come by. */
  private addByHand(service: VirtualService): void {
    const timeouts = this.plane.timeouts();
    let xdp: XdpDataPlane;
    try {
      xdp = this.openXdp(this.configuration);
    } catch (error) {
      throw new DataPlaneError('failed', `the packet path cannot be loaded: ${(error as Error).message}`);
    }
    try {
      xdp.attach(this.interfacesOf(this.configuration));
      xdp.setTimeouts(timeouts);
      xdp.addService(service);
    } catch (error) {
      this.xdp = xdp;
      this.closeXdp();
      throw error instanceof DataPlaneError ? error : new DataPlaneError('failed', (error as Error).message);
    }
    this.xdp = xdp;
    this.plane = xdp;
    this.onChange();
  }

  /** Services that are not of the configuration; also those that an earlier director process left, which is followed by this one. */
  private hasHandMade(): boolean {
    if (!this.xdp) return existsSync(this.tablesFile);
    const configured = new Set(this.configuration.services.map(({ key }) => serviceKeyText(key)));
    return this.xdp.services().some(({ key }) => !configured.has(serviceKeyText(key)));
  }

  private openXdp({ forwarding, tableSizes }: Configuration): XdpDataPlane {
    const { path } = ensureBpfFileSystem(this.bpfDirectory);
    const directory = join(path, 'pins');
    mkdirSync(directory, { recursive: true });
    const xdp = new XdpDataPlane({
      objectPath: OBJECT_PATH,
      ...tableSizes,
      settings: forwarding,
      freePages: readFreePages,
      pins: { directory, tablesFile: this.tablesFile },
      nextHops: new RtnetlinkNextHops(() => this.xdp?.resolveAll()),
      clock: monotonicClock,
      logger: this.logger,
    });
    const { connections, connections6 } = xdp.tableSizes;
    const room = `room for ${connections} connections over IPv4 and ${connections6} over IPv6`;
    this.logger.log('info', `The connection tables have ${room}, and take ${Math.ceil(xdp.tableBytes / 2 ** 20)} MiB`);
    return xdp;
  }

  /** A table that is in use has connections in it, and cannot be made anew. */
  private logKeptSizes(xdp: XdpDataPlane, wanted: ConnectionTableSizes): void {
    const sizes = [
      ['connections', xdp.tableSizes.connections, wanted.connections],
      ['connections6', xdp.tableSizes.connections6, wanted.connections6],
    ] as const;
    for (const [keyword, present, size] of sizes) {
      if (present === roundedSize(size)) continue;
      const message = `The table keeps its ${present} ${keyword}: ${keyword} ${size} takes effect once the daemon is stopped and started`;
      this.logger.log('warning', message);
    }
  }

  private closeXdp(): void {
    this.xdp?.close();
    this.xdp = undefined;
    // One by one: the mount may have been copied into other mount namespaces, where it lives on with what is pinned in it.
    rmSync(join(this.bpfDirectory, 'pins'), { recursive: true, force: true });
    removeBpfFileSystem(this.bpfDirectory);
    rmSync(this.tablesFile, { force: true });
  }

  private get bpfDirectory(): string {
    return join(this.runDir, 'bpf');
  }

  private get tablesFile(): string {
    return join(this.runDir, 'tables.json');
  }

  private interfacesOf(configuration: Configuration): string[] {
    const rtnetlink = new Rtnetlink();
    const nameOf = (index: number | undefined) => (index === undefined ? undefined : rtnetlink.link(index)?.name);
    const host: HostAddresses = {
      interfaceOf: (address) => nameOf(rtnetlink.addresses().find(({ prefix }) => prefix.address.equals(address))?.interfaceIndex),
      routeInterface: (address) => nameOf(rtnetlink.routeTo(address)?.interfaceIndex),
      interfaces: () => usableInterfaces(rtnetlink.links(), rtnetlink.addresses()),
    };
    try {
      return impliedInterfaces(configuration, host);
    } finally {
      rtnetlink.close();
    }
  }
}
