/** What a virtual router puts into the kernel while it is master, and that nothing of it stays, however the daemon ends. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestDaemon } from './daemon-support.ts';
import { ensureBuilt, run, VethPair } from './support.ts';

const GLOBAL = 'global_defs { router_id A\n vrrp_version 3\n vrrp_garp_master_delay 1 }\n';

const EVERYTHING = `${GLOBAL}
static_ipaddress { 10.44.0.1/24 dev eth0 }
static_routes { 10.45.0.0/16 via 192.168.18.202 dev eth0 }
static_rules { from 10.46.0.0/16 table 77 priority 700 }
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    priority 150
    advert_int 0.1
    promote_secondaries
    virtual_ipaddress {
        192.168.18.200
        192.168.18.210/28 dev eth0 label eth0:vip brd 192.168.18.223
    }
    virtual_ipaddress_excluded { fd00::200/64 }
    virtual_routes { 10.99.0.0/16 via 192.168.18.202 dev eth0 metric 7 }
    virtual_rules { from 10.98.0.0/16 table 100 priority 500 }
}
vrrp_instance VI_2 {
    interface eth0
    use_vmac
    no_accept
    virtual_router_id 52
    priority 100
    advert_int 0.1
    virtual_ipaddress { 192.168.18.203 }
}
`;

let pair: VethPair;
let daemon: TestDaemon;

/** Everything in the namespace that the daemon could have changed. */
function kernel(): Record<string, string> {
  const sysctls = daemon.exec('sh', '-c', 'sysctl net.ipv4.conf net.ipv6.conf 2>/dev/null || true');
  return {
    addresses: daemon.ip('-br', 'addr'),
    routes: daemon.ip('route', 'show', 'table', 'all'),
    rules: daemon.ip('rule'),
    links: daemon.ip('-br', 'link'),
    nft: daemon.exec('nft', 'list', 'ruleset'),
    sysctls,
  };
}

beforeAll(ensureBuilt);
beforeEach(async () => {
  pair = new VethPair('vk');
  run('ip', 'netns', 'exec', pair.first, 'sysctl', '-qw', 'net.ipv4.conf.all.rp_filter=1');
  daemon = new TestDaemon(pair.first);
  // The interfaces' own link-local addresses are there once they are no longer tentative.
  await daemon.until('IPv6', () => !daemon.ip('addr').includes('tentative'));
});
afterEach(async () => {
  await daemon.remove();
  pair.remove();
});

describe('a virtual router that is master', () => {
  it('has addresses, routes, rules, macvlan and firewall in the kernel, and leaves it as it was', async () => {
    const before = kernel();
    daemon.start(EVERYTHING);
    await daemon.until('the VIPs', () => daemon.holds('192.168.18.200') && daemon.holds('192.168.18.203'));
    const addresses = daemon.ip('addr', 'show', 'dev', 'eth0');
    expect(addresses).toContain('inet 192.168.18.200/32 scope global eth0\n');
    expect(addresses).toContain('inet 192.168.18.210/28 brd 192.168.18.223 scope global eth0:vip\n');
    expect(addresses).toContain('inet6 fd00::200/64 scope global nodad');
    expect(addresses).toContain('inet 10.44.0.1/24 scope global eth0\n');
    expect(daemon.ip('route', 'show', '10.99.0.0/16').trim()).toBe('10.99.0.0/16 via 192.168.18.202 dev eth0 proto keepalived metric 7');
    expect(daemon.ip('route', 'show', '10.45.0.0/16')).toContain('via 192.168.18.202');
    expect(daemon.ip('rule')).toContain('500:\tfrom 10.98.0.0/16 lookup 100 proto keepalived');
    expect(daemon.ip('rule')).toContain('700:\tfrom 10.46.0.0/16 lookup 77');
    const macvlan = daemon.ip('-d', 'addr', 'show', 'dev', 'vrrp.52');
    expect(macvlan).toMatch(/link\/ether 00:00:5e:00:01:34.*macvlan mode private.*inet 192\.168\.18\.203\/32/s);
    expect(daemon.sysctl('net.ipv4.conf.eth0.arp_ignore')).toBe('1');
    expect(daemon.sysctl('net.ipv4.conf.eth0.arp_filter')).toBe('1');
    expect(daemon.sysctl('net.ipv4.conf.all.rp_filter')).toBe('0');
    expect(daemon.sysctl('net.ipv4.conf.eth0.rp_filter')).toBe('1');
    expect(daemon.sysctl('net.ipv4.conf.vrrp/52.rp_filter')).toBe('0');
    expect(daemon.sysctl('net.ipv4.conf.eth0.promote_secondaries')).toBe('1');
    expect(daemon.exec('nft', 'list', 'ruleset')).toContain('elements = { 192.168.18.203 }');
    await daemon.stop();
    expect(daemon.exitCode).toBe(0);
    expect(kernel()).toEqual(before);
  });

  it('leaves nothing behind when the failover process is killed', async () => {
    const before = kernel();
    daemon.start(EVERYTHING);
    await daemon.until('the VIPs', () => daemon.holds('192.168.18.200') && daemon.holds('192.168.18.203'));
    await daemon.until('the director', () => daemon.isWell());
    daemon.signal('SIGKILL');
    await daemon.until('an orderly kernel', () => JSON.stringify(kernel()) === JSON.stringify(before));
  });

  it('puts back what it changed at its next start when both processes are killed at once', async () => {
    const before = kernel();
    daemon.start(EVERYTHING);
    await daemon.until('the VIPs', () => daemon.holds('192.168.18.200') && daemon.holds('192.168.18.203'));
    const director = daemon.directorPid() as number;
    daemon.signal('SIGSTOP');
    process.kill(director, 'SIGKILL');
    daemon.signal('SIGKILL');
    await daemon.until('the end', () => !daemon.isRunning());
    expect(daemon.holds('192.168.18.200')).toBe(true);
    daemon.start(EVERYTHING);
    await daemon.logged('putting back what it changed');
    await daemon.until('the VIPs', () => daemon.log.includes('(VI_2) Entering MASTER') && daemon.log.includes('(VI_1) Entering MASTER'));
    await daemon.stop();
    expect(kernel()).toEqual(before);
  });

  it('puts routes and rules back that somebody else took away', async () => {
    daemon.start(EVERYTHING);
    await daemon.until('the route', () => daemon.ip('route', 'show', '10.99.0.0/16').includes('via'));
    daemon.ip('route', 'del', '10.99.0.0/16');
    daemon.ip('rule', 'del', 'priority', '500');
    daemon.ip('route', 'del', '10.45.0.0/16');
    daemon.ip('addr', 'del', '10.44.0.1/24', 'dev', 'eth0');
    await daemon.until('the route again', () => daemon.ip('route', 'show', '10.99.0.0/16').includes('via'));
    await daemon.until('the rule again', () => daemon.ip('rule').includes('500:'));
    await daemon.until('the static route again', () => daemon.ip('route', 'show', '10.45.0.0/16').includes('via'));
    await daemon.until('the static address again', () => daemon.holds('10.44.0.1'));
  });

  it('does not answer for a VIP that it must not accept, and answers for one that it may', async () => {
    daemon.start(EVERYTHING);
    await daemon.until('the VIPs', () => daemon.holds('192.168.18.200') && daemon.holds('192.168.18.203'));
    // Nobody listens on that port: an address that accepts packets refuses the connection, one that does not is silent.
    const knock = (address: string): string =>
      run('sh', '-c', `ip netns exec ${pair.second} curl -s --connect-timeout 1 http://${address}:9; echo $?`).trim();
    expect(knock('192.168.18.200')).toBe('7');
    expect(knock('192.168.18.203')).toBe('28');
    expect(run('ip', '-n', pair.second, 'neigh', 'show', '192.168.18.203')).toContain('00:00:5e:00:01:34');
  });

  it('makes its macvlan anew when somebody takes that away, with the VIPs on it', async () => {
    daemon.start(EVERYTHING);
    await daemon.until('the VIPs', () => daemon.holds('192.168.18.203'));
    daemon.ip('link', 'del', 'vrrp.52');
    await daemon.until('the VIP again', () => daemon.holds('192.168.18.203'));
    expect(daemon.ip('-d', 'addr', 'show', 'dev', 'vrrp.52')).toMatch(/00:00:5e:00:01:34.*inet 192\.168\.18\.203\/32/s);
    await daemon.logged('Sending gratuitous ARP on vrrp.52');
  });

  it('is in FAULT while something else has the name of its macvlan, and is made well when that goes', async () => {
    run('ip', '-n', pair.first, 'link', 'add', 'vrrp.52', 'type', 'bridge');
    daemon.start(EVERYTHING);
    await daemon.logged('(VI_2): entering FAULT state (interface vrrp.52 down)');
    await daemon.until('the other router', () => daemon.holds('192.168.18.200'));
    expect(daemon.holds('192.168.18.203')).toBe(false);
    daemon.ip('link', 'del', 'vrrp.52');
    await daemon.until('the VIP', () => daemon.holds('192.168.18.203'));
  });

  it('follows an interface that goes and comes back under another index', async () => {
    daemon.start(
      `${GLOBAL.replace('global_defs {', 'global_defs { dynamic_interfaces\n')}${EVERYTHING.slice(EVERYTHING.indexOf('vrrp_instance'))}`,
    );
    await daemon.until('the VIPs', () => daemon.holds('192.168.18.200') && daemon.holds('192.168.18.203'));
    daemon.ip('link', 'del', 'eth0');
    await daemon.logged('Entering FAULT STATE');
    // Some other interface takes the number.
    run('ip', '-n', pair.first, 'link', 'add', 'other', 'type', 'veth', 'peer', 'name', 'other2');
    run('ip', '-n', pair.first, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pair.second);
    run('ip', '-n', pair.second, 'link', 'set', 'eth0', 'up');
    daemon.ip('addr', 'add', '192.168.18.201/24', 'dev', 'eth0');
    daemon.ip('link', 'set', 'eth0', 'up');
    await daemon.until('the VIPs again', () => daemon.holds('192.168.18.200') && daemon.holds('192.168.18.203'));
    expect(daemon.ip('-br', 'link')).toContain('vrrp.52@eth0');
  });
});
