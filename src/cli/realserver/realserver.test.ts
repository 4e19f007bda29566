import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../base/index.ts';
import { ARP_ANNOUNCE_ALL, ARP_IGNORE_ALL } from './host-state.ts';
import { act, MemoryHost, refusal } from './memory-host.test-helper.ts';

const vip = IpAddress.parse('192.168.18.200')!;
const other = IpAddress.parse('192.168.18.199')!;

describe('start', () => {
  it('writes down what is there, silences ARP, and only then adds the address', () => {
    const host = new MemoryHost();
    const report = act('start', [vip], host);
    expect(host.log).toEqual(['save', `${ARP_ANNOUNCE_ALL}=2`, `${ARP_IGNORE_ALL}=1`, 'add 192.168.18.200']);
    expect(host.addresses).toEqual([{ interface: 'lo', prefix: { address: vip, length: 32 }, label: 'lo:0' }]);
    expect(report).toMatchObject({ state: 'running', problems: [], changes: expect.arrayContaining([`${ARP_IGNORE_ALL}: 0 -> 1`]) });
  });

  it('changes nothing the second time and keeps the values of before the first', () => {
    const host = new MemoryHost();
    act('start', [vip], host);
    const once = host.snapshot();
    expect(act('start', [vip], host)).toMatchObject({ state: 'running', changes: [] });
    expect(host.snapshot()).toBe(once);
    expect(JSON.parse(host.record!).sysctls[0]).toEqual({ name: ARP_ANNOUNCE_ALL, before: '0', set: '2' });
  });

  it.each(['2', '8'])('leaves the stricter arp_ignore=%s alone', (value) => {
    const host = new MemoryHost();
    host.sysctls.set(ARP_IGNORE_ALL, value);
    act('start', [vip], host);
    expect(host.sysctls.get(ARP_IGNORE_ALL)).toBe(value);
    act('stop', [vip], host);
    expect(host.sysctls.get(ARP_IGNORE_ALL)).toBe(value);
  });

  it('puts again what somebody took away meanwhile', () => {
    const host = new MemoryHost();
    act('start', [vip], host);
    host.addresses = [];
    host.sysctls.set(ARP_IGNORE_ALL, '0');
    expect(act('start', [vip], host).state).toBe('running');
    act('stop', [vip], host);
    expect([...host.sysctls.values()]).toEqual(['0', '0']);
    expect(host.addresses).toEqual([]);
  });

  it('takes the next free label of lo', () => {
    const host = new MemoryHost();
    host.addresses.push({ interface: 'lo', prefix: { address: IpAddress.parse('10.0.0.9')!, length: 32 }, label: 'lo:0' });
    act('start', [vip, other], host);
    expect(host.addresses.map((entry) => entry.label)).toEqual(['lo:0', 'lo:1', 'lo:2']);
  });

  it('refuses a VIP that is on another interface: that host is the director', () => {
    const host = new MemoryHost();
    host.addresses.push({ interface: 'eth0', prefix: { address: vip, length: 32 }, label: 'eth0' });
    const before = host.snapshot();
    expect(refusal(() => act('start', [vip], host))).toMatchObject({
      code: 'realserver/refused',
      message: expect.stringContaining('eth0'),
    });
    expect(host.snapshot()).toBe(before);
  });

  it('refuses a VIP that would make a whole subnet local', () => {
    const host = new MemoryHost();
    host.addresses.push({ interface: 'lo', prefix: { address: vip, length: 24 }, label: 'lo' });
    expect(refusal(() => act('start', [vip], host)).message).toContain('/32');
    expect(host.log).toEqual([]);
  });

  it('refuses where an interface outdoes the setting for all', () => {
    const host = new MemoryHost();
    host.interfaces = [{ name: 'eth1', mtu: 1500, arpAnnounce: '0', arpIgnore: '3', rpFilter: '0' }];
    expect(refusal(() => act('start', [vip], host)).message).toContain('eth1 answers ARP');
    expect(host.log).toEqual([]);
  });

  it('undoes everything when a later change is refused', () => {
    const host = new MemoryHost();
    const before = host.snapshot();
    host.refuses = `add ${other}`;
    expect(refusal(() => act('start', [vip, other], host)).code).toBe('realserver/failed');
    expect(host.snapshot()).toBe(before);
    expect(host.log.length).toBeGreaterThan(0);
  });

  it('says so when it cannot even undo, and stop finishes later', () => {
    const host = new MemoryHost();
    const before = host.snapshot();
    host.budget = 2;
    expect(refusal(() => act('start', [vip], host)).message).toBe('killed Undoing it failed as well (killed): run stop.');
    host.budget = Number.POSITIVE_INFINITY;
    act('stop', undefined, host);
    expect(host.snapshot()).toBe(before);
  });

  it('undoes what did not hold', () => {
    const host = new MemoryHost();
    const before = host.snapshot();
    host.addAddress = () => {};
    expect(refusal(() => act('start', [vip], host)).message).toContain('did not hold: 192.168.18.200 is not on lo');
    expect(host.snapshot()).toBe(before);
  });

  it('goes back to the earlier record when a second VIP fails', () => {
    const host = new MemoryHost();
    act('start', [vip], host);
    const before = host.snapshot();
    host.refuses = `add ${other}`;
    refusal(() => act('start', [other], host));
    expect(host.snapshot()).toBe(before);
  });
});

describe('stop', () => {
  it('restores the sysctls only when the last VIP goes', () => {
    const host = new MemoryHost();
    const before = host.snapshot();
    act('start', [vip], host);
    act('start', [other], host);
    expect(act('stop', [vip], host).state).toBe('stopped');
    expect(host.sysctls.get(ARP_IGNORE_ALL)).toBe('1');
    act('stop', [other], host);
    expect(host.snapshot()).toBe(before);
  });

  it('does nothing the second time', () => {
    const host = new MemoryHost();
    act('start', [vip], host);
    act('stop', undefined, host);
    const changes = host.log.length;
    expect(act('stop', [vip], host)).toMatchObject({ state: 'stopped', changes: [] });
    expect(host.log.length).toBe(changes);
  });

  it('leaves an address that was there before', () => {
    const host = new MemoryHost();
    host.addresses.push({ interface: 'lo', prefix: { address: vip, length: 32 }, label: 'lo' });
    const before = host.snapshot();
    act('start', [vip], host);
    expect(act('stop', [vip], host).notes[0]).toContain('before the first start');
    expect(host.snapshot()).toBe(before);
  });

  it('leaves a sysctl that somebody changed since, and says so', () => {
    const host = new MemoryHost();
    act('start', [vip], host);
    host.sysctls.set(ARP_IGNORE_ALL, '8');
    expect(act('stop', [vip], host).notes[0]).toContain('is 8 and not the 1');
    expect(host.sysctls.get(ARP_IGNORE_ALL)).toBe('8');
    expect(host.sysctls.get(ARP_ANNOUNCE_ALL)).toBe('0');
  });

  it('does not believe a record of another boot', () => {
    const host = new MemoryHost();
    act('start', [vip], host);
    host.bootId = 'boot-2';
    host.addresses = [];
    host.sysctls.set(ARP_ANNOUNCE_ALL, '2');
    act('stop', [vip], host);
    expect(host.sysctls.get(ARP_ANNOUNCE_ALL)).toBe('2');
    expect(host.record).toBeUndefined();
  });

  it('refuses to act on the record of another network namespace', () => {
    const host = new MemoryHost();
    act('start', [vip], host);
    host.namespace = 'net:[2]';
    expect(refusal(() => act('stop', [vip], host)).code).toBe('realserver/namespace');
  });

  it('refuses to act on a record that it cannot read', () => {
    const host = new MemoryHost();
    host.record = '{"version":1';
    expect(refusal(() => act('stop', [vip], host)).code).toBe('realserver/record');
    expect(refusal(() => act('start', [vip], host)).code).toBe('realserver/record');
    expect(host.log).toEqual([]);
  });
});

describe('status', () => {
  it('is stopped on an untouched host, also without naming a VIP', () => {
    expect(act('status', [vip], new MemoryHost()).state).toBe('stopped');
    expect(act('status', undefined, new MemoryHost()).state).toBe('stopped');
  });

  it('is partly when only one of two VIPs is there', () => {
    const host = new MemoryHost();
    act('start', [vip], host);
    expect(act('status', [vip, other], host)).toMatchObject({ state: 'partly', problems: [{ code: 'realserver/address-missing' }] });
  });

  it('is partly when the address is there and ARP is not silenced', () => {
    const host = new MemoryHost();
    host.addresses.push({ interface: 'lo', prefix: { address: vip, length: 32 }, label: 'lo' });
    const codes = act('status', [vip], host).problems.map((problem) => problem.code);
    expect(codes).toEqual(['realserver/answers-arp', 'realserver/announces-vip']);
  });

  it('is partly when start was interrupted before the address', () => {
    const host = new MemoryHost();
    host.budget = 2;
    refusal(() => act('start', [vip], host));
    host.budget = Number.POSITIVE_INFINITY;
    expect(act('status', undefined, host).state).toBe('partly');
  });
});

describe('a process killed after any change', () => {
  const killedAfter = (changes: number, action: 'start' | 'stop', prepare: (host: MemoryHost) => void) => {
    const host = new MemoryHost();
    const before = host.snapshot();
    prepare(host);
    host.budget = changes;
    refusal(() => act(action, [vip, other], host));
    host.budget = Number.POSITIVE_INFINITY;
    act('stop', undefined, host);
    expect(host.snapshot()).toBe(before);
  };

  it.each([0, 1, 2, 3, 4, 5])('start, after %i changes: stop leaves no trace', (changes) => {
    killedAfter(changes, 'start', () => {});
  });

  it.each([0, 1, 2, 3, 4])('stop, after %i changes: the next stop finishes it', (changes) => {
    killedAfter(changes, 'stop', (host) => act('start', [vip, other], host));
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
          act(what, vips, host);
        } catch (error) {
          expect((error as Error).message).toContain('killed');
        }
      }
      host.budget = Number.POSITIVE_INFINITY;
      act('stop', undefined, host);
      expect(host.snapshot()).toBe(before);
    }),
  );
});
