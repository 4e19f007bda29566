/** The kernel's tables through rtnetlink, held against what ip(8) prints. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/index.ts';
import { Rtnetlink, type RtnetlinkEvent, RtnetlinkMonitor } from '../../src/os/netlink/index.ts';
import { formatMac } from '../../src/wire/index.ts';
import { inNamespace, ipBatch, isRoot, run, VethPair } from './support.ts';

const VIP = IpAddress.parse('192.168.18.200') as IpAddress;
const PEER = IpAddress.parse('192.168.18.202') as IpAddress;
const vip = { address: VIP, length: 32 };

interface IpAddrRow {
  readonly ifname: string;
  readonly address: string;
  readonly addr_info: readonly { readonly local: string; readonly label?: string; readonly broadcast?: string; readonly scope: string }[];
}

describe.runIf(isRoot())('Rtnetlink', () => {
  let pair: VethPair;
  let rtnetlink: Rtnetlink;
  let eth0: number;

  beforeAll(() => {
    pair = new VethPair('nl');
    rtnetlink = inNamespace(pair.first, () => new Rtnetlink());
    eth0 = rtnetlink.link('eth0')?.index as number;
  });

  afterAll(() => {
    rtnetlink.close();
    pair.remove();
  });

  function ipAddr(): IpAddrRow {
    return (JSON.parse(run('ip', '-n', pair.first, '-j', '-4', 'addr', 'show', 'dev', 'eth0')) as IpAddrRow[])[0] as IpAddrRow;
  }

  it('sees links as ip(8) does', () => {
    const links = rtnetlink.links();
    expect(links.map((link) => link.name).sort()).toEqual(['eth0', 'lo']);
    const link = rtnetlink.link('eth0');
    expect(link).toMatchObject({ up: true, running: true, kind: 'veth', mtu: 1500, loopback: false, multicast: true });
    expect(formatMac(link?.mac as Uint8Array)).toBe(
      (JSON.parse(run('ip', '-n', pair.first, '-j', 'link', 'show', 'eth0')) as IpAddrRow[])[0]?.address,
    );
    expect(rtnetlink.link(eth0)?.name).toBe('eth0');
    expect(rtnetlink.link('eth7')).toBeUndefined();
    expect(rtnetlink.link(4711)).toBeUndefined();
  });

  it('adds a VIP that ip(8) shows exactly as it shows keepalived’s, and deletes it again', () => {
    expect(rtnetlink.addAddress({ interfaceIndex: eth0, prefix: vip })).toBe('added');
    expect(run('ip', '-n', pair.first, 'addr', 'show', 'dev', 'eth0')).toContain('    inet 192.168.18.200/32 scope global eth0\n');
    expect(rtnetlink.addresses(eth0).map(({ prefix }) => `${prefix.address}/${prefix.length}`)).toContain('192.168.18.200/32');
    expect(rtnetlink.addAddress({ interfaceIndex: eth0, prefix: vip })).toBe('exists');
    expect(rtnetlink.deleteAddress({ interfaceIndex: eth0, prefix: vip })).toBe('deleted');
    expect(ipAddr().addr_info.map(({ local }) => local)).toEqual(['192.168.18.201']);
    expect(rtnetlink.deleteAddress({ interfaceIndex: eth0, prefix: vip })).toBe('absent');
    expect(rtnetlink.deleteAddress({ interfaceIndex: 4711, prefix: vip })).toBe('absent');
  });

  it('writes label, broadcast and scope', () => {
    const broadcast = IpAddress.parse('10.1.1.255') as IpAddress;
    const prefix = { address: IpAddress.parse('10.1.1.1') as IpAddress, length: 24 };
    expect(rtnetlink.addAddress({ interfaceIndex: eth0, prefix, label: 'eth0:1', broadcast, scope: 'link' })).toBe('added');
    expect(ipAddr().addr_info.find(({ local }) => local === '10.1.1.1')).toMatchObject({
      label: 'eth0:1',
      broadcast: '10.1.1.255',
      scope: 'link',
    });
    expect(rtnetlink.addresses(eth0).find(({ label }) => label === 'eth0:1')).toMatchObject({ prefix, broadcast, scope: 'link' });
    expect(rtnetlink.deleteAddress({ interfaceIndex: eth0, prefix })).toBe('deleted');
  });

  it('gives the kernel’s own words when it refuses', () => {
    const add = () => rtnetlink.addAddress({ interfaceIndex: eth0, prefix: { address: VIP, length: 33 } });
    expect(add).toThrow(/^RTM_NEWADDR: EINVAL: .*prefix length/i);
    expect(() => rtnetlink.addAddress({ interfaceIndex: 4711, prefix: vip })).toThrow('RTM_NEWADDR: ENODEV');
  });

  it('resolves and re-confirms neighbours', async () => {
    const monitor = inNamespace(pair.first, () => new RtnetlinkMonitor(['neighbour']));
    const mac = (JSON.parse(run('ip', '-n', pair.second, '-j', 'link', 'show', 'eth0')) as IpAddrRow[])[0]?.address;
    expect(rtnetlink.neighbour(eth0, PEER)).toBeUndefined();
    rtnetlink.probeNeighbour(eth0, PEER);
    const resolved = await eventually(monitor, (event) => event.kind === 'neighbour' && event.neighbour.state === 'reachable');
    expect(resolved).toMatchObject({ neighbour: { interfaceIndex: eth0, address: PEER } });
    expect(formatMac(rtnetlink.neighbour(eth0, PEER)?.mac as Uint8Array)).toBe(mac);
    expect(rtnetlink.neighbours().some(({ address }) => address.equals(PEER))).toBe(true);
    run('ip', '-n', pair.first, 'neigh', 'replace', '192.168.18.202', 'lladdr', mac as string, 'nud', 'stale', 'dev', 'eth0');
    rtnetlink.probeNeighbour(eth0, PEER);
    await eventually(monitor, (event) => event.kind === 'neighbour' && event.neighbour.state === 'reachable');
    monitor.close();
  });

  it('asks the routing table', () => {
    expect(rtnetlink.routeTo(PEER)).toMatchObject({ interfaceIndex: eth0, type: 'unicast', source: IpAddress.parse('192.168.18.201') });
    expect(rtnetlink.routeTo(PEER)?.gateway).toBeUndefined();
    const far = IpAddress.parse('203.0.113.9') as IpAddress;
    expect(rtnetlink.routeTo(far)).toBeUndefined();
    run('ip', '-n', pair.first, 'route', 'add', 'default', 'via', '192.168.18.202');
    expect(rtnetlink.routeTo(far)).toMatchObject({ interfaceIndex: eth0, gateway: PEER });
    expect(rtnetlink.routeTo(IpAddress.parse('192.168.18.201') as IpAddress)?.type).toBe('local');
    run('ip', '-n', pair.first, 'route', 'add', 'blackhole', '198.51.100.0/24');
    expect(rtnetlink.routeTo(IpAddress.parse('198.51.100.1') as IpAddress)).toBeUndefined();
  });

  it('reads tables of many datagrams whole', () => {
    ipBatch(pair.first, manyAddresses(2000));
    expect(rtnetlink.addresses(1)).toHaveLength(2002);
    expect(rtnetlink.addresses(eth0).every(({ interfaceIndex }) => interfaceIndex === eth0)).toBe(true);
    run('ip', '-n', pair.first, 'addr', 'flush', 'dev', 'lo');
  });

  it('announces changes, and says so when it lost some', () => {
    const monitor = inNamespace(pair.first, () => new RtnetlinkMonitor(['link', 'address', 'route']));
    run('ip', '-n', pair.first, 'addr', 'add', '192.168.18.200/32', 'dev', 'eth0');
    run('ip', '-n', pair.first, 'addr', 'del', '192.168.18.200/32', 'dev', 'eth0');
    run('ip', '-n', pair.second, 'link', 'set', 'eth0', 'down');
    const kinds = describeEvents(monitor.read());
    expect(kinds.indexOf('address 192.168.18.200')).toBeGreaterThanOrEqual(0);
    expect(kinds.indexOf('address-removed 192.168.18.200')).toBeGreaterThan(kinds.indexOf('address 192.168.18.200'));
    run('ip', '-n', pair.second, 'link', 'set', 'eth0', 'up');
    ipBatch(pair.first, manyAddresses(4000));
    const flood = monitor.read();
    expect(flood.some(({ kind }) => kind === 'resync')).toBe(true);
    expect(monitor.read()).toEqual([]);
    monitor.close();
  });
});

function manyAddresses(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `addr add 10.${100 + (i >> 8)}.${i & 255}.1/32 dev lo`);
}

function describeEvents(events: readonly RtnetlinkEvent[]): string[] {
  return events.map((event) => ('address' in event ? `${event.kind} ${event.address.prefix.address}` : event.kind));
}

/** Waits for an event by reading the monitor again and again, at most five seconds. */
async function eventually(monitor: RtnetlinkMonitor, wanted: (event: RtnetlinkEvent) => boolean): Promise<RtnetlinkEvent> {
  for (let attempt = 0; attempt < 500; attempt++) {
    const found = monitor.read().find(wanted);
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('the event did not come');
}
