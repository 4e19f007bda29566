import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../base/index.ts';
import type { Configuration } from '../../model/index.ts';
import { readKeepalived } from '../keepalived/index.ts';
import { changeText } from './change.ts';
import { diffConfigurations } from './diff.ts';

const BASE = `global_defs {
    router_id LVS_DEVEL
}
vrrp_script chk {
    script "/usr/bin/chk"
    interval 2
    timeout 9
}
vrrp_instance VI_1 {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority 100
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass 1111
    }
    virtual_ipaddress {
        192.168.18.200
    }
    track_script {
        chk
    }
}
virtual_server 192.168.18.200 80 {
    lvs_sched rr
    lvs_method DR
    protocol TCP
    real_server 192.168.18.206 80 {
        weight 1
        TCP_CHECK {
            connect_timeout 3
        }
    }
    real_server 192.168.18.207 80 {
        weight 1
    }
}
`;

function read(text: string): Configuration {
  const { configuration, diagnostics } = readKeepalived(text, { file: 'f' });
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  return configuration;
}

function diff(change: (text: string) => string): string[] {
  return diffConfigurations(read(BASE), read(change(BASE))).map(changeText);
}

const replaced = (from: string, to: string) => diff((text) => text.replace(from, to));

describe('what a reload would change', () => {
  it('tells switches of the packet path, and that its tables keep their size', () => {
    expect(diff((text) => `${text}packet_path {\n  connections 1000000\n  conn_reuse_mode 2\n  lblc_expiration 60\n}\n`)).toEqual([
      'global settings: conn_reuse_mode 3 → 2',
      'global settings: lblc_expiration 86400 → 60',
      'global settings: packet_path connections 262144 → 1000000; the table keeps its size, with its connections, until the daemon is stopped and started',
    ]);
  });

  it('is nothing when only layout, comments and spelling differ', () => {
    expect(
      diff(
        (text) =>
          `! another file\n${text.replaceAll('    ', '\t').replace('lvs_sched', 'lb_algo').replace('advert_int 1', 'advert_int 1.0')}`,
      ),
    ).toEqual([]);
  });

  it.each([
    [
      'priority 100',
      'priority 150',
      'virtual router VI_1: priority 100 → 150; as backup it takes over from an active director below 150, unless nopreempt keeps it from doing so',
    ],
    ['priority 100', 'priority 50', 'virtual router VI_1: priority 100 → 50; as active director it gives way to one above 50'],
    [
      'auth_pass 1111',
      'auth_pass 2222',
      'virtual router VI_1: authentication changed; set it alike on every director of the virtual router, or they will not hear each other',
    ],
    [
      'state BACKUP',
      'state BACKUP\n    nopreempt',
      'virtual router VI_1: nopreempt off → on; it no longer takes over from a living director of lower priority',
    ],
    [
      'vrrp_instance VI_1',
      'vrrp_instance VI_9',
      'virtual router VI_1: name VI_1 → VI_9; it stays the same virtual router and keeps its state',
    ],
    ['interval 2', 'interval 5', 'script chk: interval 2 → 5'],
    ['router_id LVS_DEVEL', 'router_id OTHER', 'global settings: router_id LVS_DEVEL → OTHER; mail carries it from now on'],
    [
      '207 80 {\n        weight 1',
      '207 80 {\n        weight 3',
      'real server 192.168.18.207:80 of 192.168.18.200:80: weight 1 → 3; new connections are spread by it, connections stay',
    ],
    [
      '207 80 {\n        weight 1',
      '207 80 {\n        weight 0',
      'real server 192.168.18.207:80 of 192.168.18.200:80: weight 1 → 0; it gets no new connections, connections stay',
    ],
    [
      'lvs_sched rr',
      'lvs_sched wrr',
      'virtual server 192.168.18.200:80: lvs_sched rr → wrr; new connections are spread by it, connections stay',
    ],
    [
      'connect_timeout 3',
      'connect_timeout 4',
      'real server 192.168.18.206:80 of 192.168.18.200:80: TCP_CHECK connect_timeout 3 → 4; the check begins anew, the verdict so far holds',
    ],
  ])('from %j to %j', (from, to, expected) => {
    expect(replaced(from, to)).toEqual([expected]);
  });

  it('tells addresses one by one', () => {
    expect(replaced('        192.168.18.200\n', '        192.168.18.210\n').slice(0, 2)).toEqual([
      'virtual router VI_1: virtual_ipaddress 192.168.18.200/32 dev eth0 removed; where the virtual router is active the address is taken off',
      'virtual router VI_1: virtual_ipaddress 192.168.18.210/32 dev eth0 added; where the virtual router is active the address is put on and announced',
    ]);
  });

  it('tells another VRID as another virtual router', () => {
    expect(replaced('virtual_router_id 51', 'virtual_router_id 52')).toEqual([
      'virtual router VI_1 removed; VRID 51 on eth0: where it is active it says so, gives up its addresses, and another director takes over',
      'virtual router VI_1 added; VRID 52 on eth0: it begins as backup',
    ]);
  });

  it('tells services and servers that come and go', () => {
    expect(diff((text) => text.replace(/ 80 \{/g, ' 8080 {')).slice(0, 2)).toEqual([
      'virtual server 192.168.18.200:80 removed; packets to it are no longer balanced: its connections end',
      'virtual server 192.168.18.200:8080 added; 2 real servers, checked at once',
    ]);
    expect(replaced('real_server 192.168.18.206', 'real_server 192.168.18.208')).toEqual([
      'real server 192.168.18.206:80 of 192.168.18.200:80 removed; it gets no new connections, and those that it has are cut off; drain it first to spare them',
      'real server 192.168.18.208:80 of 192.168.18.200:80 added; it takes new connections as soon as its checks have passed, with weight 1',
    ]);
  });

  it('tells checks that come and go', () => {
    const check = '        TCP_CHECK {\n            connect_timeout 3\n        }\n';
    expect(replaced(check, '')).toEqual(['real server 192.168.18.206:80 of 192.168.18.200:80: TCP_CHECK removed']);
    expect(replaced(check, `${check}        TCP_CHECK {\n            connect_port 81\n        }\n`)).toEqual([
      'real server 192.168.18.206:80 of 192.168.18.200:80: TCP_CHECK added; it must pass, too',
    ]);
  });

  it('never tells a password', () => {
    const changes = diffConfigurations(read(BASE), read(BASE.replace('auth_pass 1111', 'auth_pass s3cret')));
    expect(JSON.stringify(changes)).not.toMatch(/s3cret|1111|73:33/);
  });

  it('overlooks no field of the model', () => {
    const configuration = read(BASE);
    const places = leavesOf(configuration);
    expect(places.length).toBeGreaterThan(100);
    // What kind of key a service has is no field that could change by itself.
    const fields = places.filter((path) => path.at(-1) !== 'kind');
    const overlooked = fields.filter((path) => diffConfigurations(configuration, changed(configuration, path)).length === 0);
    expect(overlooked).toEqual([]);
  });
});

type Path = readonly (string | number)[];

/** The paths of everything that has a value, lists and objects apart. */
function leavesOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null || value instanceof IpAddress || value instanceof Uint8Array) return [path];
  const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return entries.flatMap(([key, inner]) => leavesOf(inner, [...path, key]));
}

/** A copy with another value in one place. */
function changed<T>(value: T, [key, ...rest]: Path): T {
  if (key === undefined) return other(value) as T;
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string | number, unknown>;
  copy[key] = changed(copy[key], rest);
  return copy as T;
}

function other(value: unknown): unknown {
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return value + 1;
  if (value instanceof IpAddress) return IpAddress.parse('10.99.99.99');
  if (value instanceof Uint8Array) return new Uint8Array([...value, 1]);
  return `${String(value)}x`;
}
