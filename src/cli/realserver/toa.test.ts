import { describe, expect, it } from 'vitest';
import { formatPrefix, IpAddress, parsePrefix } from '../../base/index.ts';
import { formatReport, parseRequest, runRealserver } from './command.ts';
import { act, MemoryHost, refusal } from './memory-host.test-helper.ts';
import { networkOf } from './toa.ts';

const vip = IpAddress.parse('192.168.18.200')!;
const other = IpAddress.parse('192.168.18.199')!;
const LOCALS = ['10.2.0.200/29', 'fd00:2::/64'];

describe('start of a real server behind full NAT', () => {
  it('puts the programs there and changes nothing else', () => {
    const on = new MemoryHost();
    const report = act('start', [vip], on, undefined, LOCALS);
    expect(on.log).toEqual(['save', 'attach toa reader']);
    expect(on.toaReader).toEqual({ localAddresses: LOCALS });
    expect(report).toMatchObject({ state: 'running', mode: 'fullnat', toaReader: { localAddresses: LOCALS } });
    expect(formatReport(report)).toContain('LVS-FULLNAT real server running: 192.168.18.200');
  });

  it('changes nothing the second time, and follows other prefixes', () => {
    const on = new MemoryHost();
    act('start', [vip], on, undefined, LOCALS);
    expect(act('start', [vip], on, undefined, LOCALS).changes).toEqual([]);
    act('start', [other], on, undefined, LOCALS.slice(1));
    expect(on.toaReader).toEqual({ localAddresses: LOCALS.slice(1) });
  });

  it('stands beside direct routing', () => {
    const on = new MemoryHost();
    act('start', [other], on);
    const before = on.snapshot();
    act('start', [vip], on, undefined, LOCALS);
    expect(on.addresses.map((entry) => String(entry.prefix.address))).toEqual([String(other)]);
    expect(act('status', undefined, on)).toMatchObject({ state: 'running', mode: 'dr', toaReader: { localAddresses: LOCALS } });
    act('stop', [vip], on);
    expect(JSON.parse(on.snapshot()).slice(0, 4)).toEqual(JSON.parse(before).slice(0, 4));
    expect(act('status', undefined, on)).toMatchObject({ state: 'running', mode: 'dr' });
  });
});

describe('stop', () => {
  it('takes the programs off with the last VIP that needs them', () => {
    const on = new MemoryHost();
    const before = on.snapshot();
    act('start', [vip, other], on, undefined, LOCALS);
    act('stop', [vip], on);
    expect(on.toaReader).toBeDefined();
    expect(act('stop', [other], on).changes.join('')).toContain('again');
    expect(on.snapshot()).toBe(before);
  });

  it.each([0, 1, 2])('undoes a start killed after %i changes', (budget) => {
    const on = new MemoryHost();
    const before = on.snapshot();
    on.budget = budget;
    try {
      act('start', [vip], on, undefined, LOCALS);
    } catch (error) {
      expect((error as Error).message).toContain('killed');
    }
    on.budget = Number.POSITIVE_INFINITY;
    act('stop', undefined, on);
    expect(on.snapshot()).toBe(before);
  });

  it('undoes a start whose programs the kernel refuses', () => {
    const on = new MemoryHost();
    const before = on.snapshot();
    on.refuses = 'attach toa reader';
    expect(refusal(() => act('start', [vip], on, undefined, LOCALS)).code).toBe('realserver/failed');
    expect(on.snapshot()).toBe(before);
  });
});

describe('status', () => {
  it.each([
    [undefined, 'realserver/toa-reader-missing'],
    [{ localAddresses: [] }, 'realserver/toa-reader-missing'],
    [{ localAddresses: ['10.0.0.0/8'] }, 'realserver/toa-reader-differs'],
  ])('with %o says %s, and start mends it', (reader, code) => {
    const on = new MemoryHost();
    act('start', [vip], on, undefined, LOCALS);
    on.toaReader = reader;
    expect(act('status', undefined, on)).toMatchObject({ state: 'partly', problems: [{ code }] });
    act('start', [vip], on, undefined, LOCALS);
    expect(on.toaReader).toEqual({ localAddresses: LOCALS });
  });
});

describe('the arguments', () => {
  const FULLNAT = { vip: '192.168.18.200', mode: 'fullnat' };

  it('are prefixes, each once, by their first addresses', () => {
    const request = parseRequest('start', { ...FULLNAT, localAddress: '10.2.0.203/29, 10.2.0.200/29,10.3.0.1,fd00:2::9/64' });
    expect(request).toMatchObject({ localAddresses: ['10.2.0.200/29', '10.3.0.1/32', 'fd00:2::/64'] });
  });

  it.each([
    [FULLNAT, '--local-address'],
    [{ ...FULLNAT, localAddress: '10.2.0.0/33' }, '10.2.0.0/33'],
    [{ ...FULLNAT, localAddress: '10.2.0.1', director: '10.2.0.1' }, '--mode tun'],
    [{ vip: '192.168.18.200', localAddress: '10.2.0.1' }, '--mode fullnat'],
  ])('%o is wrong usage', async (options, words) => {
    const errors: string[] = [];
    expect(await runRealserver('start', options, { out: () => {}, err: (text) => errors.push(text) })).toBe(2);
    expect(errors.join('')).toContain(words);
  });

  it.each([
    ['10.255.255.255/9', '10.128.0.0/9'],
    ['10.2.3.4/32', '10.2.3.4/32'],
    ['10.2.3.4/0', '0.0.0.0/0'],
    ['fd00:ffff::1/20', 'fd00:f000::/20'],
  ])('%s is the network %s', (text, network) => {
    expect(formatPrefix(networkOf(parsePrefix(text)!))).toBe(network);
  });
});
