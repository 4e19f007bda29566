import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Instant, IpAddress, seconds } from '../../base/index.ts';
import {
  type RealServer,
  type RealServerKey,
  type ServiceKey,
  type ServiceTable,
  serverKeyText,
  serviceKeyText,
  type VirtualService,
} from '../../model/index.ts';
import { DataPlaneError, type DataPlaneErrorCode } from '../../ports/index.ts';
import { MemoryDataPlane } from '../memory/index.ts';
import { Reconciler } from './index.ts';

/** A memory plane that writes down the changes made to it, and can be told to refuse them. */
class RecordingPlane extends MemoryDataPlane {
  readonly calls: string[] = [];
  refusal: DataPlaneErrorCode | undefined;
  refuses: (call: string) => boolean = () => true;

  override services(): ReturnType<MemoryDataPlane['services']> {
    if (this.refusal && this.refuses('services')) throw new DataPlaneError(this.refusal, 'as the test wants it');
    return super.services();
  }

  override addService(service: VirtualService): void {
    this.record(`add ${serviceKeyText(service.key)} ${service.scheduler}`);
    super.addService(service);
  }

  override editService(service: VirtualService): void {
    this.record(`edit ${serviceKeyText(service.key)} ${service.scheduler}`);
    super.editService(service);
  }

  override deleteService(key: ServiceKey): void {
    this.record(`delete ${serviceKeyText(key)}`);
    super.deleteService(key);
  }

  override addServer(key: ServiceKey, server: RealServer): void {
    this.record(`add ${serverKeyText(server)} ${server.weight}`);
    super.addServer(key, server);
  }

  override editServer(key: ServiceKey, server: RealServer): void {
    this.record(`edit ${serverKeyText(server)} ${server.weight}`);
    super.editServer(key, server);
  }

  override deleteServer(key: ServiceKey, server: RealServerKey): void {
    this.record(`delete ${serverKeyText(server)}`);
    super.deleteServer(key, server);
  }

  /** Everything since the last look. */
  taken(): string[] {
    return this.calls.splice(0);
  }

  private record(call: string): void {
    if (this.refusal && this.refuses(call)) throw new DataPlaneError(this.refusal, 'as the test wants it');
    this.calls.push(call);
  }
}

class Bed {
  now: Instant = seconds(100);
  readonly plane = new RecordingPlane({ clock: { now: () => this.now } });
  readonly lines: string[] = [];
  readonly reconciler = new Reconciler({
    plane: this.plane,
    logger: { log: (level, message) => this.lines.push(`${level}: ${message}`) },
  });

  want(...tables: ServiceTable[]): ReturnType<Reconciler['want']> {
    return this.reconciler.want(tables, this.now);
  }

  /** Lets the time come at which the reconciler wants to be called. */
  next(): ReturnType<Reconciler['reconcile']> {
    this.now = this.reconciler.nextDeadline() ?? Number.NaN;
    return this.reconciler.reconcile(this.now);
  }
}

const VIP = IpAddress.parse('10.9.9.9')!;
const WEB: ServiceKey = { kind: 'address', protocol: 'tcp', address: VIP, port: 80 };
const FOREIGN: ServiceKey = { kind: 'address', protocol: 'udp', address: VIP, port: 53 };

function server(octet: number, weight = 1, more: Partial<RealServer> = {}): RealServer {
  const address = IpAddress.fromV4Number(0x0a020000 + octet);
  return { address, port: 80, method: 'dr', weight, upperThreshold: 0, lowerThreshold: 0, ...more };
}

function table(servers: readonly RealServer[], more: Partial<ServiceTable> = {}): ServiceTable {
  return { key: WEB, scheduler: 'rr', schedulerFlags: [], onePacket: false, servers, ...more };
}

describe('applying', () => {
  it('adds a service and its servers in the given order', () => {
    const b = new Bed();
    expect(b.want(table([server(1, 3), server(2)])).converged).toBe(true);
    expect(b.plane.taken()).toEqual(['add [10.9.9.9]:tcp:80 rr', 'add 10.2.0.1:80 3', 'add 10.2.0.2:80 1']);
    expect(b.plane.services()[0]?.servers.map(serverKeyText)).toEqual(['10.2.0.2:80', '10.2.0.1:80']);
  });

  it('does nothing for what is the same, in whatever order', () => {
    const b = new Bed();
    b.want(table([server(1), server(2)], { schedulerFlags: ['flag-1', 'flag-2'] }));
    b.plane.taken();
    b.want(table([server(2), server(1)], { schedulerFlags: ['flag-2', 'flag-1'] }));
    b.want(table([server(2), server(1)], { schedulerFlags: ['flag-2', 'flag-1'] }));
    expect(b.plane.taken()).toEqual([]);
  });

  it('edits, adds, then deletes: the service is never without servers on the way', () => {
    const b = new Bed();
    b.want(table([server(1), server(2), server(3)]));
    b.plane.taken();
    b.want(table([server(4), server(2, 5), server(3)], { scheduler: 'wrr' }));
    expect(b.plane.taken()).toEqual(['edit [10.9.9.9]:tcp:80 wrr', 'add 10.2.0.4:80 1', 'edit 10.2.0.2:80 5', 'delete 10.2.0.1:80']);
  });

  it.each<[string, Partial<ServiceTable>]>([
    ['time-outs', { timeouts: { tcp: 60_000_000 } }],
    ['persistence', { persistence: { timeoutSeconds: 50, prefixLength: 32 } }],
    ['scheduler', { scheduler: 'wrr' }],
    ['flags', { schedulerFlags: ['flag-1'] }],
  ])("notices a change of a service's %s", (_, change) => {
    const b = new Bed();
    b.want(table([server(1)]));
    b.plane.taken();
    b.want(table([server(1)], change));
    expect(b.plane.taken()).toHaveLength(1);
    b.want(table([server(1)]));
    expect(b.plane.taken()).toHaveLength(1);
  });

  it.each<[string, Partial<RealServer>]>([
    ['weight', { weight: 0 }],
    ['method', { method: 'tun' }],
    ['upper threshold', { upperThreshold: 9 }],
    ['tunnel', { method: 'tun', tunnel: { type: 'gue', port: 6080, checksum: 'none' } }],
  ])("notices a change of a server's %s", (_, change) => {
    const b = new Bed();
    b.want(table([server(1)]));
    b.plane.taken();
    b.want(table([server(1, 1, change)]));
    expect(b.plane.taken()).toHaveLength(1);
    expect(b.reconciler.reconcile(b.now).applied).toEqual([]);
  });

  it('removes at the stop what is its own and leaves the rest', () => {
    const b = new Bed();
    b.plane.addService({ key: FOREIGN, scheduler: 'rr', schedulerFlags: [], onePacket: false });
    b.want(table([server(1)]));
    b.plane.taken();
    b.reconciler.stop(b.now);
    expect(b.plane.taken()).toEqual(['delete [10.9.9.9]:tcp:80']);
    expect(b.reconciler.nextDeadline()).toBeUndefined();
  });

  it('takes over a service that is there already, without a line about drift', () => {
    const b = new Bed();
    b.plane.addService({ key: WEB, scheduler: 'wrr', schedulerFlags: [], onePacket: false });
    b.plane.addServer(WEB, server(1));
    b.plane.addServer(WEB, server(9));
    b.plane.taken();
    b.want(table([server(1), server(2)]));
    expect(b.plane.taken()).toEqual(['edit [10.9.9.9]:tcp:80 rr', 'add 10.2.0.2:80 1', 'delete 10.2.0.9:80']);
    expect(b.lines).toEqual([]);
  });
});

describe('drift', () => {
  it.each<[string, (plane: RecordingPlane) => void, string, number]>([
    ['ipvsadm -C', (plane) => plane.flush(), 'Virtual service [10.9.9.9]:tcp:80 is missing from the table', 3],
    [
      'a deleted server',
      (plane) => plane.deleteServer(WEB, server(2)),
      'Virtual service [10.9.9.9]:tcp:80: real server 10.2.0.2:80 is missing from the table',
      1,
    ],
    [
      'a changed weight',
      (plane) => plane.editServer(WEB, server(2, 7)),
      'Virtual service [10.9.9.9]:tcp:80: real server 10.2.0.2:80 has other settings in the table (wanted: dr, weight 1)',
      1,
    ],
    [
      'a server added by hand',
      (plane) => plane.addServer(WEB, server(9)),
      'Virtual service [10.9.9.9]:tcp:80: real server 10.2.0.9:80 in the table is none of ours',
      1,
    ],
    [
      'a changed scheduler',
      (plane) => plane.editService({ ...table([]), scheduler: 'wrr' }),
      'Virtual service [10.9.9.9]:tcp:80 has other settings in the table (wanted: rr)',
      1,
    ],
  ])('repairs %s at the next look and says so once', (_, meddle, line, repairs) => {
    const b = new Bed();
    b.want(table([server(1), server(2)]));
    meddle(b.plane);
    b.plane.taken();
    const summary = b.next();
    expect(b.now).toBe(seconds(105));
    expect(summary).toMatchObject({ drift: 1, converged: true });
    expect(b.plane.taken()).toHaveLength(repairs);
    expect(b.lines).toEqual([`warning: ${line}: repairing`]);
    expect(b.next()).toMatchObject({ drift: 0, applied: [] });
    expect(b.reconciler.totals).toEqual({ applied: 3 + repairs, failed: 0, drift: 1 });
  });

  it('leaves services alone that it was never asked for, also when somebody changes them', () => {
    const b = new Bed();
    b.want(table([server(1)]));
    b.plane.addService({ key: FOREIGN, scheduler: 'rr', schedulerFlags: [], onePacket: false });
    b.plane.taken();
    expect(b.next()).toMatchObject({ drift: 0, applied: [] });
    b.plane.deleteService(FOREIGN);
    expect(b.next()).toMatchObject({ drift: 0, applied: [] });
  });

  it('forgets a service that it gave up: somebody may then have it', () => {
    const b = new Bed();
    b.want(table([server(1)]));
    b.want();
    b.plane.addService({ key: WEB, scheduler: 'wrr', schedulerFlags: [], onePacket: false });
    b.plane.taken();
    expect(b.next()).toMatchObject({ drift: 0, applied: [] });
  });
});

describe('failures', () => {
  it('tries again with growing pauses, complains once, and gives up nothing', () => {
    const b = new Bed();
    b.plane.refusal = 'full';
    b.plane.refuses = (call) => call !== 'services';
    expect(b.want(table([server(1), server(2)]))).toMatchObject({ converged: false, applied: [] });
    const pauses: number[] = [];
    for (let i = 0; i < 8; i++) {
      const before = b.now;
      b.next();
      pauses.push((b.now - before) / 1_000_000);
    }
    // Looking for drift every five seconds is a retry as well.
    expect(pauses).toEqual([1, 2, 4, 5, 5, 5, 5, 5]);
    expect(b.lines).toEqual(['error: Data plane: cannot add virtual service [10.9.9.9]:tcp:80: as the test wants it (full)']);
    b.plane.refusal = undefined;
    expect(b.next()).toMatchObject({ converged: true });
    expect(b.plane.taken()).toHaveLength(3);
    expect(b.reconciler.totals).toEqual({ applied: 3, failed: 9, drift: 0 });
  });

  it('carries out the rest when one operation fails', () => {
    const b = new Bed();
    b.plane.refusal = 'invalid';
    b.plane.refuses = (call) => call.startsWith('add 10.2.0.2');
    const summary = b.want(table([server(1), server(2), server(3)]));
    expect(summary.failed).toMatchObject([{ operation: { kind: 'add-server' }, error: { code: 'invalid' } }]);
    expect(b.plane.services()[0]?.servers.map(serverKeyText)).toEqual(['10.2.0.3:80', '10.2.0.1:80']);
  });

  it('survives a data plane whose tables cannot be read', () => {
    const b = new Bed();
    b.want(table([server(1)]));
    b.plane.refusal = 'failed';
    expect(b.next()).toMatchObject({ converged: false, drift: 0 });
    b.plane.refusal = undefined;
    expect(b.next()).toMatchObject({ converged: true, drift: 0, applied: [] });
  });

  it('retries a deletion that failed, and owns the service until it is gone', () => {
    const b = new Bed();
    b.want(table([server(1)]));
    b.plane.refusal = 'failed';
    b.plane.refuses = (call) => call.startsWith('delete');
    b.want();
    b.plane.refusal = undefined;
    expect(b.next().applied).toMatchObject([{ kind: 'delete-service' }]);
    expect(b.lines).toHaveLength(1);
  });

  it('lets a defect of our own through', () => {
    const b = new Bed();
    b.plane.refuses = () => {
      throw new TypeError('a defect');
    };
    b.plane.refusal = 'failed';
    expect(() => b.want(table([server(1)]))).toThrow(TypeError);
  });
});

describe('any history', () => {
  const weights = fc.dictionary(fc.constantFrom('1', '2', '3', '4', '5'), fc.integer({ min: 0, max: 3 }));
  const wanted = fc.record({ ports: fc.subarray([80, 81, 82]), weights, scheduler: fc.constantFrom('rr' as const, 'wrr' as const) });
  const step = fc.record({ wanted, flush: fc.boolean(), refuse: fc.integer({ min: 0, max: 4 }) });

  it('converges, and a server that does not change sees no call', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const b = new Bed();
        let before = new Map<string, number>();
        for (const { wanted: want, flush, refuse } of steps) {
          const tables = want.ports.map((port) => {
            const servers = Object.entries(want.weights).map(([octet, weight]) => server(Number(octet), weight, { port }));
            return table(servers, { key: { ...WEB, port } as ServiceKey, scheduler: want.scheduler });
          });
          b.plane.refusal = undefined;
          if (flush) {
            b.plane.flush();
            before = new Map();
          }
          let left = refuse;
          b.plane.refusal = 'failed';
          b.plane.refuses = (call) => call !== 'services' && left-- > 0;
          b.plane.taken();
          b.reconciler.want(tables, b.now);
          for (let round = 0; round < 8; round++) b.next();
          const calls = b.plane.taken();
          const after = new Map(b.plane.services().flatMap((service) => service.servers.map((s) => [serverKeyText(s), s.weight] as const)));
          expect(after).toEqual(new Map(tables.flatMap((t) => t.servers.map((s) => [serverKeyText(s), s.weight] as const))));
          for (const [id, weight] of after) {
            if (before.get(id) === weight) expect(calls.filter((call) => call.includes(` ${id}`))).toEqual([]);
          }
          before = after;
        }
      }),
      { numRuns: 200 },
    );
  });
});
