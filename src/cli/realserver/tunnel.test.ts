import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../base/index.ts';
import { runRealserver } from './command.ts';
import { act, MemoryHost, refusal } from './memory-host.test-helper.ts';

const vip = IpAddress.parse('192.168.18.200')!;
const other = IpAddress.parse('192.168.18.199')!;
const vip6 = IpAddress.parse('fd00::100')!;
const director = IpAddress.parse('192.168.18.207')!;
const own = { interface: 'eth0', prefix: { address: IpAddress.parse('192.168.18.201')!, length: 24 }, label: 'eth0' };
const IPIP = { type: 'ipip', port: 0, directors: [director] } as const;
const GUE = { type: 'gue', port: 6080, directors: 'any', interfaces: ['eth0'] } as const;
const WANTED = { type: 'ipip', port: 0, directors: [`${director}`], hosts: ['192.168.18.201'], vips: [`${vip}`] };

function host(): MemoryHost {
  const memory = new MemoryHost();
  memory.addresses.push(own);
  return memory;
}

describe('start of a real server behind a tunnel', () => {
  it('attaches last, where the director is reached, with what is accepted', () => {
    const on = host();
    const report = act('start', [vip], on, IPIP);
    expect(on.log.at(-1)).toBe('attach eth0');
    expect(on.disciplines.get('eth0')).toEqual(WANTED);
    expect(report).toMatchObject({ state: 'running', mode: 'tun', decapsulators: [{ interface: 'eth0', ...WANTED }] });
    expect(report.changes.at(-1)).toBe('eth0: IPIP from 192.168.18.207 to 192.168.18.201 is taken off');
    expect(report.notes.join('')).toMatch(/1500 bytes.* 1480.* 1440/);
  });

  it('ends tunnels at addresses of the directors’ families that are not of the link alone', () => {
    const on = host();
    for (const text of ['fd00::5', 'fe80::5']) {
      on.addresses.push({ interface: 'eth0', prefix: { address: IpAddress.parse(text)!, length: 64 } });
    }
    act('start', [vip], on, IPIP);
    expect(on.disciplines.get('eth0')?.hosts).toEqual(['192.168.18.201']);
    act('start', [vip], on, GUE);
    expect(on.disciplines.get('eth0')?.hosts).toEqual(['192.168.18.201', 'fd00::5']);
  });

  it('changes nothing the second time, and follows new settings and VIPs', () => {
    const on = host();
    act('start', [vip], on, IPIP);
    expect(act('start', [vip], on, IPIP).changes).toEqual([]);
    act('start', [other], on, GUE);
    expect(on.disciplines.get('eth0')).toEqual({
      type: 'gue',
      port: 6080,
      directors: 'any',
      hosts: WANTED.hosts,
      vips: [`${other}`, `${vip}`],
    });
    act('stop', [vip], on);
    expect(on.disciplines.get('eth0')?.vips).toEqual([`${other}`]);
  });

  it('accepts a way back by another interface', () => {
    const on = host();
    on.sysctls.set('net.ipv4.conf.all.rp_filter', '1');
    on.sysctls.set('net.ipv4.conf.eth0.rp_filter', '0');
    const before = on.snapshot();
    act('start', [vip], on, IPIP);
    expect(on.sysctls.get('net.ipv4.conf.eth0.rp_filter')).toBe('2');
    act('stop', undefined, on);
    expect(on.snapshot()).toBe(before);
  });

  it('needs no setting for IPv6, whose neighbours ask for addresses of the interface only', () => {
    const on = host();
    expect(act('start', [vip6], on)).toMatchObject({ state: 'running', changes: ['fd00::100/128 added to lo'] });
  });

  it('refuses a director that no route leads to, and an interface that is not there', () => {
    const on = host();
    on.way = undefined;
    expect(refusal(() => act('start', [vip], on, IPIP))).toMatchObject({
      code: 'realserver/refused',
      message: expect.stringContaining('route'),
    });
    expect(refusal(() => act('start', [vip], on, { ...GUE, interfaces: ['lo'] })).message).toContain('lo');
    expect(on.log).toEqual([]);
  });
});

describe('stop', () => {
  it.each([true, false])('takes the program off first; the discipline only if start made it (there before: %s)', (wasThere) => {
    const on = host();
    if (wasThere) on.disciplines.set('eth0', undefined);
    const before = on.snapshot();
    act('start', [vip], on, IPIP);
    on.log.length = 0;
    act('stop', undefined, on);
    expect(on.log[0]).toBe('detach eth0');
    expect(on.snapshot()).toBe(before);
  });

  it('leaves the tunnel to the VIPs that still need it, and no longer', () => {
    const on = host();
    act('start', [vip], on, IPIP);
    act('start', [other], on);
    expect(on.disciplines.get('eth0')?.vips).toEqual([`${vip}`]);
    act('start', [vip], on);
    expect(on.disciplines.has('eth0')).toBe(false);
    expect(act('status', undefined, on)).toMatchObject({ state: 'running', mode: 'dr' });
  });

  it.each(Array.from({ length: 7 }, (_, budget) => budget))('undoes a start killed after %i changes', (budget) => {
    const on = host();
    const before = on.snapshot();
    on.budget = budget;
    try {
      act('start', [vip, other], on, IPIP);
    } catch (error) {
      expect((error as Error).message).toContain('killed');
    }
    on.budget = Number.POSITIVE_INFINITY;
    act('stop', undefined, on);
    expect(on.snapshot()).toBe(before);
  });

  it('undoes a start whose program the kernel refuses', () => {
    const on = host();
    const before = on.snapshot();
    on.refuses = 'attach eth0';
    expect(refusal(() => act('start', [vip], on, IPIP)).code).toBe('realserver/failed');
    expect(on.snapshot()).toBe(before);
  });
});

describe('status', () => {
  const codes = (on: MemoryHost): string[] => act('status', undefined, on).problems.map((problem) => problem.code);

  it('misses the program', () => {
    const on = host();
    act('start', [vip], on, IPIP);
    on.disciplines.delete('eth0');
    expect(codes(on)).toEqual(['realserver/decapsulator-missing']);
  });

  it('sees that the host got another address, and that replies may not leave another way', () => {
    const on = host();
    act('start', [vip], on, IPIP);
    on.addresses.push({ interface: 'eth1', prefix: { address: IpAddress.parse('10.0.0.5')!, length: 24 }, label: 'eth1' });
    on.sysctls.set('net.ipv4.conf.all.rp_filter', '1');
    expect(codes(on)).toEqual(['realserver/decapsulator-differs', 'realserver/reverse-path']);
  });
});

describe('the arguments of a tunnel', () => {
  const TUN = { vip: '192.168.18.200', mode: 'tun' };
  it.each([
    [TUN, '--director'],
    [{ ...TUN, director: 'any' }, '--interface'],
    [{ ...TUN, director: 'somebody' }, 'somebody'],
    [{ ...TUN, director: '10.0.0.1', tunType: 'vxlan' }, 'vxlan'],
    [{ ...TUN, director: '10.0.0.1', tunType: 'gue' }, '--tun-port'],
    [{ ...TUN, director: '10.0.0.1', tunType: 'gue', tunPort: '65536' }, '--tun-port'],
    [{ ...TUN, director: '10.0.0.1', tunPort: '6080' }, '--tun-port'],
    [{ vip: '192.168.18.200', director: '10.0.0.1' }, '--mode tun'],
  ])('%o is wrong usage', async (options, words) => {
    const errors: string[] = [];
    expect(await runRealserver('start', options, { out: () => {}, err: (text) => errors.push(text) })).toBe(2);
    expect(errors.join('')).toContain(words);
  });
});
