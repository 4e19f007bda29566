import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../base/index.ts';
import type { RealServerHost } from './host.ts';
import { ARP_ANNOUNCE_ALL, ARP_IGNORE_ALL, type HostAddress, type HostState, type InterfaceState } from './plan.ts';
import { type RealServerError, realServer } from './realserver.ts';

const vip = IpAddress.parse('192.168.18.200')!;
const other = IpAddress.parse('192.168.18.199')!;

/** A host in memory. After `budget` changes it is dead: every further call throws, as if the process had been killed there. */
class MemoryHost implements RealServerHost {
  readonly recordPath = '/run/vipwright/realserver.json';
  readonly log: string[] = [];
  bootId = 'boot-1';
  namespace = 'net:[1]';
  sysctls = new Map([
    [ARP_ANNOUNCE_ALL, '0'],
    [ARP_IGNORE_ALL, '0'],
  ]);
  interfaces: InterfaceState[] = [{ name: 'eth0', arpAnnounce: '0', arpIgnore: '0' }];
  addresses: HostAddress[] = [];
  record: string | undefined;
  budget = Number.POSITIVE_INFINITY;
  /** The change with this text fails once, as a refused system call does. */
  refuses: string | undefined;

  exclusively<T>(run: () => T): T {
    return run();
  }

  state(): HostState {
    this.alive();
    const all = { arpAnnounce: this.sysctls.get(ARP_ANNOUNCE_ALL)!, arpIgnore: this.sysctls.get(ARP_IGNORE_ALL)! };
    return { bootId: this.bootId, namespace: this.namespace, all, interfaces: this.interfaces, addresses: [...this.addresses] };
  }

  setSysctl(name: string, value: string): void {
    this.change(`${name}=${value}`, () => this.sysctls.set(name, value));
  }

  addAddress(address: IpAddress, label: string | undefined): void {
    const entry = { interface: 'lo', prefix: { address, length: 32 }, ...(label !== undefined && { label }) };
    this.change(`add ${address}`, () => this.addresses.push(entry));
  }

  removeAddress(address: IpAddress): void {
    this.change(`remove ${address}`, () => {
      this.addresses = this.addresses.filter((entry) => !(entry.interface === 'lo' && entry.prefix.address.equals(address)));
    });
  }

  loadRecord(): string | undefined {
    return this.record;
  }

  saveRecord(text: string): void {
    this.change('save', () => {
      this.record = text;
    });
  }

  deleteRecord(): void {
    this.change('delete', () => {
      this.record = undefined;
    });
  }

  close(): void {}

  /** What `ip addr` and sysctl would show, and the record. */
  snapshot(): string {
    return JSON.stringify([[...this.sysctls], this.addresses, this.record]);
  }

  private alive(): void {
    if (this.budget <= 0) throw new Error('killed');
  }

  private change(text: string, make: () => void): void {
    this.alive();
    if (this.refuses === text) {
      this.refuses = undefined;
      throw new Error(`refused: ${text}`);
    }
    make();
    this.log.push(text);
    this.budget--;
  }
}

function refusal(run: () => unknown): RealServerError {
  try {
    run();
  } catch (error) {
    return error as RealServerError;
  }
  throw new Error('nothing was refused');
}

describe('start', () => {
  it('writes down what is there, silences ARP, and only then adds the address', () => {
    const host = new MemoryHost();
    const report = realServer('start', [vip], host);
    expect(host.log).toEqual(['save', `${ARP_ANNOUNCE_ALL}=2`, `${ARP_IGNORE_ALL}=1`, 'add 192.168.18.200']);
    expect(host.addresses).toEqual([{ interface: 'lo', prefix: { address: vip, length: 32 }, label: 'lo:0' }]);
    expect(report).toMatchObject({ state: 'running', problems: [], changes: expect.arrayContaining([`${ARP_IGNORE_ALL}: 0 -> 1`]) });
  });

  it('changes nothing the second time and keeps the values of before the first', () => {
    const host = new MemoryHost();
    realServer('start', [vip], host);
    const once = host.snapshot();
    expect(realServer('start', [vip], host)).toMatchObject({ state: 'running', changes: [] });
    expect(host.snapshot()).toBe(once);
    expect(JSON.parse(host.record!).sysctls[0]).toEqual({ name: ARP_ANNOUNCE_ALL, before: '0', set: '2' });
  });

  it.each(['2', '8'])('leaves the stricter arp_ignore=%s alone', (value) => {
    const host = new MemoryHost();
    host.sysctls.set(ARP_IGNORE_ALL, value);
    realServer('start', [vip], host);
    expect(host.sysctls.get(ARP_IGNORE_ALL)).toBe(value);
    realServer('stop', [vip], host);
    expect(host.sysctls.get(ARP_IGNORE_ALL)).toBe(value);
  });

  it('puts again what somebody took away meanwhile', () => {
    const host = new MemoryHost();
    realServer('start', [vip], host);
    host.addresses = [];
    host.sysctls.set(ARP_IGNORE_ALL, '0');
    expect(realServer('start', [vip], host).state).toBe('running');
    realServer('stop', [vip], host);
    expect([...host.sysctls.values()]).toEqual(['0', '0']);
    expect(host.addresses).toEqual([]);
  });

  it('takes the next free label of lo', () => {
    const host = new MemoryHost();
    host.addresses.push({ interface: 'lo', prefix: { address: IpAddress.parse('10.0.0.9')!, length: 32 }, label: 'lo:0' });
    realServer('start', [vip, other], host);
    expect(host.addresses.map((entry) => entry.label)).toEqual(['lo:0', 'lo:1', 'lo:2']);
  });

  it('refuses a VIP that is on another interface: that host is the director', () => {
    const host = new MemoryHost();
    host.addresses.push({ interface: 'eth0', prefix: { address: vip, length: 32 }, label: 'eth0' });
    const before = host.snapshot();
    expect(refusal(() => realServer('start', [vip], host))).toMatchObject({
      code: 'realserver/refused',
      message: expect.stringContaining('eth0'),
    });
    expect(host.snapshot()).toBe(before);
  });

  it('refuses a VIP that would make a whole subnet local', () => {
    const host = new MemoryHost();
    host.addresses.push({ interface: 'lo', prefix: { address: vip, length: 24 }, label: 'lo' });
    expect(refusal(() => realServer('start', [vip], host)).message).toContain('/32');
    expect(host.log).toEqual([]);
  });

  it('refuses where an interface outdoes the setting for all', () => {
    const host = new MemoryHost();
    host.interfaces = [{ name: 'eth1', arpAnnounce: '0', arpIgnore: '3' }];
    expect(refusal(() => realServer('start', [vip], host)).message).toContain('eth1 answers ARP');
    expect(host.log).toEqual([]);
  });

  it('undoes everything when a later change is refused', () => {
    const host = new MemoryHost();
    const before = host.snapshot();
    host.refuses = `add ${other}`;
    expect(refusal(() => realServer('start', [vip, other], host)).code).toBe('realserver/failed');
    expect(host.snapshot()).toBe(before);
    expect(host.log.length).toBeGreaterThan(0);
  });

  it('says so when it cannot even undo, and stop finishes later', () => {
    const host = new MemoryHost();
    const before = host.snapshot();
    host.budget = 2;
    expect(refusal(() => realServer('start', [vip], host)).message).toBe('killed Undoing it failed as well (killed): run stop.');
    host.budget = Number.POSITIVE_INFINITY;
    realServer('stop', undefined, host);
    expect(host.snapshot()).toBe(before);
  });

  it('undoes what did not hold', () => {
    const host = new MemoryHost();
    const before = host.snapshot();
    host.addAddress = () => {};
    expect(refusal(() => realServer('start', [vip], host)).message).toContain('did not hold: 192.168.18.200 is not on lo');
    expect(host.snapshot()).toBe(before);
  });

  it('goes back to the earlier record when a second VIP fails', () => {
    const host = new MemoryHost();
    realServer('start', [vip], host);
    const before = host.snapshot();
    host.refuses = `add ${other}`;
    refusal(() => realServer('start', [other], host));
    expect(host.snapshot()).toBe(before);
  });
});

describe('stop', () => {
  it('restores the sysctls only when the last VIP goes', () => {
    const host = new MemoryHost();
    const before = host.snapshot();
    realServer('start', [vip], host);
    realServer('start', [other], host);
    expect(realServer('stop', [vip], host).state).toBe('stopped');
    expect(host.sysctls.get(ARP_IGNORE_ALL)).toBe('1');
    realServer('stop', [other], host);
    expect(host.snapshot()).toBe(before);
  });

  it('does nothing the second time', () => {
    const host = new MemoryHost();
    realServer('start', [vip], host);
    realServer('stop', undefined, host);
    const changes = host.log.length;
    expect(realServer('stop', [vip], host)).toMatchObject({ state: 'stopped', changes: [] });
    expect(host.log.length).toBe(changes);
  });

  it('leaves an address that was there before', () => {
    const host = new MemoryHost();
    host.addresses.push({ interface: 'lo', prefix: { address: vip, length: 32 }, label: 'lo' });
    const before = host.snapshot();
    realServer('start', [vip], host);
    expect(realServer('stop', [vip], host).notes[0]).toContain('before the first start');
    expect(host.snapshot()).toBe(before);
  });

  it('leaves a sysctl that somebody changed since, and says so', () => {
    const host = new MemoryHost();
    realServer('start', [vip], host);
    host.sysctls.set(ARP_IGNORE_ALL, '8');
    expect(realServer('stop', [vip], host).notes[0]).toContain('is 8 and not the 1');
    expect(host.sysctls.get(ARP_IGNORE_ALL)).toBe('8');
    expect(host.sysctls.get(ARP_ANNOUNCE_ALL)).toBe('0');
  });

  it('does not believe a record of another boot', () => {
    const host = new MemoryHost();
    realServer('start', [vip], host);
    host.bootId = 'boot-2';
    host.addresses = [];
    host.sysctls.set(ARP_ANNOUNCE_ALL, '2');
    realServer('stop', [vip], host);
    expect(host.sysctls.get(ARP_ANNOUNCE_ALL)).toBe('2');
    expect(host.record).toBeUndefined();
  });

  it('refuses to act on the record of another network namespace', () => {
    const host = new MemoryHost();
    realServer('start', [vip], host);
    host.namespace = 'net:[2]';
    expect(refusal(() => realServer('stop', [vip], host)).code).toBe('realserver/namespace');
  });

  it('refuses to act on a record that it cannot read', () => {
    const host = new MemoryHost();
    host.record = '{"version":1';
    expect(refusal(() => realServer('stop', [vip], host)).code).toBe('realserver/record');
    expect(refusal(() => realServer('start', [vip], host)).code).toBe('realserver/record');
    expect(host.log).toEqual([]);
  });
});

describe('status', () => {
  it('is stopped on an untouched host, also without naming a VIP', () => {
    expect(realServer('status', [vip], new MemoryHost()).state).toBe('stopped');
    expect(realServer('status', undefined, new MemoryHost()).state).toBe('stopped');
  });

  it('is partly when only one of two VIPs is there', () => {
    const host = new MemoryHost();
    realServer('start', [vip], host);
    expect(realServer('status', [vip, other], host)).toMatchObject({ state: 'partly', problems: [{ code: 'realserver/address-missing' }] });
  });

  it('is partly when the address is there and ARP is not silenced', () => {
    const host = new MemoryHost();
    host.addresses.push({ interface: 'lo', prefix: { address: vip, length: 32 }, label: 'lo' });
    const codes = realServer('status', [vip], host).problems.map((problem) => problem.code);
    expect(codes).toEqual(['realserver/answers-arp', 'realserver/announces-vip']);
  });

  it('is partly when start was interrupted before the address', () => {
    const host = new MemoryHost();
    host.budget = 2;
    refusal(() => realServer('start', [vip], host));
    host.budget = Number.POSITIVE_INFINITY;
    expect(realServer('status', undefined, host).state).toBe('partly');
  });
});

describe('a process killed after any change', () => {
  const killedAfter = (changes: number, action: 'start' | 'stop', prepare: (host: MemoryHost) => void) => {
    const host = new MemoryHost();
    const before = host.snapshot();
    prepare(host);
    host.budget = changes;
    refusal(() => realServer(action, [vip, other], host));
    host.budget = Number.POSITIVE_INFINITY;
    realServer('stop', undefined, host);
    expect(host.snapshot()).toBe(before);
  };

  it.each([0, 1, 2, 3, 4, 5])('start, after %i changes: stop leaves no trace', (changes) => {
    killedAfter(changes, 'start', () => {});
  });

  it.each([0, 1, 2, 3, 4])('stop, after %i changes: the next stop finishes it', (changes) => {
    killedAfter(changes, 'stop', (host) => realServer('start', [vip, other], host));
  });
});

it('any sequence of starts, stops and kills ends, after a last stop, as it began', () => {
  const action = fc.record({
    what: fc.constantFrom('start' as const, 'stop' as const),
    vips: fc.constantFrom([vip], [other], [vip, other]),
    budget: fc.option(fc.nat({ max: 6 })),
  });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 8 }), fc.boolean(), (actions, wasThere) => {
      const host = new MemoryHost();
      if (wasThere) host.addresses.push({ interface: 'lo', prefix: { address: vip, length: 32 }, label: 'lo' });
      const before = host.snapshot();
      for (const { what, vips, budget } of actions) {
        host.budget = budget ?? Number.POSITIVE_INFINITY;
        try {
          realServer(what, vips, host);
        } catch (error) {
          expect((error as Error).message).toContain('killed');
        }
      }
      host.budget = Number.POSITIVE_INFINITY;
      realServer('stop', undefined, host);
      expect(host.snapshot()).toBe(before);
    }),
  );
});
