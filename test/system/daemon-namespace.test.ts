/** A daemon whose configuration names the network namespace to work in. */
import { existsSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestDaemon } from './daemon-support.ts';
import { ensureBuilt, run, VethPair } from './support.ts';

const VIP = '192.168.18.200';

let pair: VethPair;
let daemon: TestDaemon;

beforeAll(ensureBuilt);
beforeEach(() => {
  pair = new VethPair('dn');
  daemon = new TestDaemon(pair.first);
});
afterEach(async () => {
  await daemon.remove();
  pair.remove();
});

/** Everything that one of these daemons does in a namespace: addresses, macvlans, firewall, static routes, scripts. */
function configuration(top: string): string {
  return `${top}
global_defs {
    router_id A
    script_user root
    startup_script "/bin/sh -c 'ip -br addr > ${daemon.path('startup')}'"
}
static_routes { 10.45.0.0/16 via 192.168.18.202 dev eth0 }
vrrp_instance VI_1 {
    interface eth0
    version 3
    virtual_router_id 51
    priority 150
    advert_int 0.1
    notify_master "/bin/sh -c 'ip -br addr > ${daemon.path('master')}'"
    virtual_ipaddress { ${VIP} }
}
vrrp_instance VI_2 {
    interface eth0
    use_vmac
    no_accept
    virtual_router_id 52
    priority 150
    advert_int 1
    virtual_ipaddress { 192.168.18.203 }
}
`;
}

const inside = (): string => `net_namespace ${pair.first}`;
const networkOf = (pid: number, thread: number): string => run('readlink', `/proc/${pid}/task/${thread}/ns/net`).trim();

describe('net_namespace', () => {
  it('has both processes, their scripts and all that they change in that namespace, and nothing of it outside', async () => {
    daemon.start(configuration(inside()), { inside: false });
    await daemon.until('the VIPs', () => daemon.holds(VIP) && daemon.holds('192.168.18.203'));
    await daemon.until('both processes', () => daemon.isWell());
    expect(run('ip', '-br', 'addr')).not.toMatch(/192\.168\.18\.20[03]|vrrp\.52/);
    expect(run('ip', 'route')).not.toContain('10.45.0.0/16');
    expect(run('nft', 'list', 'ruleset')).not.toContain('192.168.18.203');
    expect(daemon.exec('nft', 'list', 'ruleset')).toContain('192.168.18.203');
    expect(daemon.ip('route')).toContain('10.45.0.0/16 via 192.168.18.202');
    expect(daemon.sysctl('net.ipv4.conf.vrrp/52.rp_filter')).toBe('0');
    const director = daemon.directorPid() as number;
    const there = daemon.exec('readlink', '/proc/self/ns/net').trim();
    expect(networkOf(director, director)).toBe(there);
    await daemon.until('the scripts', () => daemon.read('startup') !== '' && daemon.read('master') !== '');
    expect(daemon.read('startup')).toContain('192.168.18.201/24');
    expect(daemon.read('master')).toContain(`${VIP}/32`);
    await daemon.stop();
    expect(daemon.exitCode).toBe(0);
    expect(daemon.ip('-br', 'addr')).not.toContain(VIP);
  });

  it('is where the guard takes the VIPs away', async () => {
    daemon.start(configuration(inside()), { inside: false });
    await daemon.until('the VIPs', () => daemon.holds(VIP) && daemon.holds('192.168.18.203'));
    await daemon.until('both processes', () => daemon.isWell());
    daemon.signal('SIGKILL');
    await daemon.until('the VIPs to go', () => !daemon.holds(VIP) && !daemon.ip('-br', 'link').includes('vrrp.52'));
  });

  it('cannot change at a reload, and nor can instance; both go into the names of the files', async () => {
    const dumped = (top: string): string =>
      configuration(`instance one\n${top}`).replace('router_id A', 'router_id A\n    data_use_instance');
    daemon.start(dumped(inside()), { inside: false });
    await daemon.until('the VIP', () => daemon.holds(VIP));
    daemon.reload(dumped(`net_namespace ${pair.second}`));
    await daemon.logged('Reload refused: net_namespace cannot change');
    daemon.reload(dumped(inside()).replace('instance one', 'instance two'));
    await daemon.logged('Reload refused: instance cannot change');
    expect(daemon.holds(VIP)).toBe(true);
    daemon.signal('SIGUSR2');
    await daemon.until('the counters', () => existsSync(daemon.path(`keepalived_one_${pair.first}.stats`)));
  });

  it('that does not exist is an error before anything is done', async () => {
    daemon.start(configuration('net_namespace vw-none'), { inside: false });
    await daemon.until('the end', () => !daemon.isRunning());
    expect(daemon.exitCode).toBe(2);
    await daemon.logged('net_namespace vw-none cannot be entered');
    expect(daemon.read('startup')).toBe('');
  });
});
