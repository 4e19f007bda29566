import { describe, expect, it } from 'vitest';
import { IpAddress, seconds } from '../../../base/index.ts';
import { readKeepalived } from '../../../config/index.ts';
import { VrrpEngine } from '../../../vrrp/index.ts';
import { reactorSettings } from '../../configuration.ts';
import { dumpPath, formatDump } from './index.ts';
import type { DumpSubject } from './subject.ts';

const CONFIGURATION = `
global_defs {
    router_id director-a
    enable_script_security
}
vrrp_script chk {
    script "/usr/bin/pgrep nginx"
    interval 2
    weight -20 reverse
}
track_file load {
    file /run/load
}
vrrp_track_process web {
    process nginx
    quorum 2
}
vrrp_sync_group G {
    group {
        VI_1
    }
    sync_group_tracking_weight
}
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    priority 101
    advert_int 2
    preempt_delay 30
    authentication {
        auth_type PASS
        auth_pass secretpw
    }
    virtual_ipaddress {
        10.0.0.100
        10.0.0.101/24 brd 10.0.0.255 dev eth0 label eth0:vip
    }
    virtual_ipaddress_excluded {
        10.1.0.100 dev eth1 no_track
    }
    virtual_routes {
        10.99.0.0/16 via 10.0.0.1 dev eth0 metric 7
        10.96.0.0/16 nexthop via 10.0.0.1 dev eth0 weight 2 nexthop via 10.1.0.1 dev eth1 weight 1
        blackhole 10.97.0.0/16 no_track
    }
    virtual_rules {
        from 10.98.0.0/16 table 100 priority 500
    }
    track_script {
        chk
    }
    notify_master "/usr/bin/logger master"
}
vrrp_instance VI_6 {
    interface eth0
    use_vmac
    no_accept
    version 3
    virtual_router_id 52
    priority 100
    advert_int 0.1
    unicast_peer {
        fe80::2
    }
    virtual_ipaddress {
        fe80::100
        fd00::100
    }
}
`;

/** The engine of that configuration, a few seconds after its start. */
function subject(text = CONFIGURATION): DumpSubject {
  const { configuration, diagnostics } = readKeepalived(text, { file: 'k.conf' });
  expect(diagnostics.filter((diagnostic) => diagnostic.severity === 'error')).toEqual([]);
  const settings = reactorSettings(configuration, { vrrp: true, checks: false }, 0).vrrp;
  const engine = new VrrpEngine(settings);
  const say = (event: Parameters<VrrpEngine['handle']>[0], at: number): void => engine.handle(event, seconds(at));
  say({ kind: 'link', interface: 'eth0', up: true }, 0);
  for (const address of ['10.0.0.1', 'fe80::1']) {
    say({ kind: 'address', interface: 'eth0', address: IpAddress.parse(address) as IpAddress }, 0);
  }
  say({ kind: 'start' }, 1);
  say({ kind: 'script', script: 'chk', outcome: 'failure', status: 3 }, 1);
  for (let deadline = engine.nextDeadline(); deadline !== undefined && deadline <= seconds(9); deadline = engine.nextDeadline()) {
    engine.handle({ kind: 'tick' }, deadline);
    engine.drain();
  }
  const dump = {
    snapshot: engine.snapshot(),
    bfd: { sessions: [], rejected: {} },
    now: seconds(10),
    links: [
      {
        name: 'eth0',
        index: 2,
        up: true,
        running: false,
        loopback: false,
        multicast: true,
        mtu: 1500,
        mac: Uint8Array.of(2, 0, 0, 0, 0, 1),
        version4: '10.0.0.1',
        version6: '',
      },
    ],
    held: ['10.0.0.100/32 on eth0'],
  };
  return { configuration, settings, dump, wallClock: 1_700_000_010 };
}

const lines = (kind: 'data' | 'stats', of = subject()): string[] => formatDump(kind, of).split('\n');

describe('keepalived.data', () => {
  it('has the parts in keepalived’s order, and no password', () => {
    const text = formatDump('data', subject());
    expect(text.match(/------< .* >------/g)).toEqual([
      '------< Global definitions >------',
      '------< VRRP Topology >------',
      '------< VRRP Sync groups >------',
      '------< VRRP Scripts >------',
      '------< VRRP Track files >------',
      '------< VRRP Track processes >------',
      '------< Interfaces >------',
    ]);
    expect(text).not.toContain('secretpw');
    expect(text.endsWith('MTU = 1500\n')).toBe(true);
  });

  it('says what a router is and does', () => {
    const data = lines('data');
    const from = data.indexOf(' VRRP Instance = VI_1');
    const router = data.slice(from, data.indexOf(' VRRP Instance = VI_6'));
    for (const line of [
      '   VRRP Version = 2',
      '   Sync group = G',
      '   State = MASTER',
      '   Wantstate = MASTER',
      '   Using src_ip = 10.0.0.1',
      '   Multicast address 224.0.0.18',
      '   Priority = 101',
      '   Effective priority = 101',
      '   Advert interval = 2 sec',
      '   Preempt delay = 30 secs',
      '   Authentication type = SIMPLE_PASSWORD',
      '   Virtual IP (2):',
      '     10.0.0.100 dev eth0 scope global set',
      '     10.0.0.101/24 brd 10.0.0.255 dev eth0 scope global label eth0:vip',
      '     10.1.0.100 dev eth1 scope global no_track',
      '     prepend 10.99.0.0/16 via inet 10.0.0.1 dev eth0 metric 7 proto 18',
      '     prepend 10.96.0.0/16 nexthop via inet 10.0.0.1 dev eth0 weight 2 nexthop via inet 10.1.0.1 dev eth1 weight 1 proto 18 no_track',
      '     prepend blackhole 10.97.0.0/16 proto 18 no_track',
      '     from 10.98.0.0/16 priority 500 tos 0x0 protocol 18 lookup 100',
      '     chk weight -20 reverse',
      "   Master state transition script = '/usr/bin/logger' 'master'",
    ]) {
      expect(router).toContain(line);
    }
  });

  it('says what differs for a router of version 3, IPv6, unicast, with a macvlan, in the other state', () => {
    const data = lines('data');
    const router = data.slice(data.indexOf(' VRRP Instance = VI_6'), data.indexOf('------< VRRP Sync groups >------'));
    for (const line of [
      '   VRRP Version = 3',
      '   Using Native IPv6',
      '   Advert interval = 100 milli-sec',
      '   Accept = disabled',
      '     fe80::2',
    ]) {
      expect(router).toContain(line);
    }
    expect(router.filter((line) => line.includes('Multicast address'))).toEqual([]);
    expect(router.find((line) => line.includes('fd00::100'))).toMatch(/nftable_set$/);
  });

  it('dates what has happened by the wall clock', () => {
    // Master 3 x 2 s and the skew after the start, at the tenth second of the monotonic clock.
    const line = lines('data').find((candidate) => candidate.startsWith('   Last transition = ')) as string;
    const [, number, year] = /= (\d+\.\d{6}) \(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d\.\d{6} (\d{4})\)$/.exec(line) as RegExpExecArray;
    expect(Number(number)).toBeCloseTo(1_700_000_000 + 1 + 6 + (256 - 101) / 256, 3);
    expect(year).toBe('2023');
  });

  it('says how scripts, files and processes are', () => {
    const data = lines('data');
    for (const line of [
      "   Command = '/usr/bin/pgrep' 'nginx'",
      '   Last status = 3',
      '   Status = BAD',
      '   File = /run/load',
      '   Min processes = 2',
      '   Have quorum = false',
      '   State = UP, not RUNNING',
      '   MAC = 02:00:00:00:00:01',
      '   IPv6 address = (none)',
    ]) {
      expect(data).toContain(line);
    }
  });
});

describe('keepalived.stats', () => {
  it('has the counters of each router', () => {
    const stats = lines('stats');
    expect(stats.filter((line) => line.startsWith('VRRP Instance'))).toEqual(['VRRP Instance: VI_1', 'VRRP Instance: VI_6']);
    expect(stats[4]).toBe('  Became master: 1');
    expect(stats[3]).toMatch(/^ {4}Sent: [1-9]$/);
  });
});

describe('keepalived.json', () => {
  it('is a list of routers in the first form', () => {
    const [first, second] = JSON.parse(formatDump('json', subject()));
    expect(first.data).toMatchObject({
      iname: 'VI_1',
      state: 2,
      wantstate: 2,
      vipset: true,
      auth_type: 1,
      adver_int: 2,
      vips: ['10.0.0.100 dev eth0 scope global set', '10.0.0.101/24 brd 10.0.0.255 dev eth0 scope global label eth0:vip'],
      evips: ['10.1.0.100 dev eth1 scope global no_track'],
      script_master: "'/usr/bin/logger' 'master'",
    });
    expect(first.stats).toMatchObject({ become_master: 1, release_master: 0 });
    expect(second.data).toMatchObject({ version: 3, auth_type: 0, vmac_ifname: expect.stringContaining('vrrp') });
    expect(second.data).not.toHaveProperty('vroutes');
    expect(formatDump('json', subject())).not.toContain('secretpw');
  });

  it('has routers and processes in the second form', () => {
    const text = formatDump('json', subject(CONFIGURATION.replace('router_id director-a', 'router_id director-a\n    json_version 2')));
    expect(JSON.parse(text)).toMatchObject({
      vrrp: [{ data: { iname: 'VI_1' } }, { data: { iname: 'VI_6' } }],
      track_process: [{ name: 'web', process: 'nginx', min_processes: 2, num_cur_proc: 0, have_quorum: false }],
    });
  });
});

describe('the place of a dump', () => {
  const path = (text: string, kind: 'data' | 'stats' | 'json' = 'data'): string =>
    dumpPath(kind, readKeepalived(text, { file: 'k.conf' }).configuration, '/tmp');

  it('is keepalived’s, unless the configuration names a file, or a directory', () => {
    expect(path('')).toBe('/tmp/keepalived.data');
    expect(path('global_defs {\n stats_dump_file /run/x\n}', 'stats')).toBe('/run/x');
    expect(path('global_defs {\n stats_dump_file /run/x\n}', 'json')).toBe('/tmp/keepalived.json');
    expect(path('global_defs {\n json_dump_file /run/x/\n}', 'json')).toBe('/run/x/keepalived.json');
  });

  it('carries the names of instance and namespace when asked to', () => {
    const names = 'instance one\nnet_namespace blue\n';
    expect(path(`${names}global_defs {\n data_use_instance\n}`)).toBe('/tmp/keepalived_one_blue.data');
    expect(path(names)).toBe('/tmp/keepalived.data');
  });
});
