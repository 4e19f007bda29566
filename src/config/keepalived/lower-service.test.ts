import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../base/index.ts';
import { serviceKeyText } from '../../model/index.ts';
import { GOOD, read, SERVER, server, service } from './services.test-helper.ts';

describe('persistence', () => {
  it.each([
    ['persistence_timeout', { timeoutSeconds: 360, prefixLength: 32 }, []],
    ['persistence_timeout 50\npersistence_granularity 255.255.255.0', { timeoutSeconds: 50, prefixLength: 24 }, []],
    ['persistence_timeout 0', undefined, ['5 error config/out-of-range']],
    ['persistence_timeout 50\npersistence_granularity 255.0.255.0', { timeoutSeconds: 50, prefixLength: 32 }, ['6 error config/bad-value']],
    ['persistence_granularity 255.255.255.0', undefined, ['5 warning config/no-effect']],
    ['persistence_timeout 5\npersistence_engine sip', { timeoutSeconds: 5, prefixLength: 32 }, []],
    ['persistence_engine sip', undefined, ['5 warning config/no-effect']],
    ['persistence_timeout 5\npersistence_engine http', { timeoutSeconds: 5, prefixLength: 32 }, ['6 error config/bad-value']],
  ])('%j', (lines, expected, said) => {
    const found = service(lines);
    expect(found.service?.persistence).toEqual(expected);
    expect(found.codes).toEqual(said);
  });

  it('counts prefix lengths of IPv6', () => {
    const servers = SERVER.replace('10.0.0.1', 'fd00::1');
    const found = (granularity: string) => service(`persistence_timeout\n${granularity}`, servers, 'virtual_server fd00::9 80');
    expect(found('persistence_granularity 64').service?.persistence?.prefixLength).toBe(64);
    expect(found('').service?.persistence?.prefixLength).toBe(128);
    expect(found('persistence_granularity 129').codes).toEqual(['6 error config/out-of-range']);
  });

  it('comes by itself with a service on all ports', () => {
    const found = service('', SERVER.replace(' 80', ''), 'virtual_server 10.0.0.100');
    expect(found.service?.persistence).toEqual({ timeoutSeconds: 360, prefixLength: 32 });
    expect(found.codes).toEqual(['1 warning config/zero-port', '7 error config/missing-value']);
  });
});

describe('scheduling', () => {
  it('keeps the flags of the scheduler that is there', () => {
    const flags = 'sh-port\nsh-fallback\nmh-port\nflag-3\nhashed';
    const found = service(flags, undefined, undefined, 'lvs_sched sh\nlvs_method DR\nprotocol TCP');
    expect(found.service).toMatchObject({ scheduler: 'sh', schedulerFlags: ['flag-3', 'sh-port', 'sh-fallback'] });
    expect(found.codes).toEqual(['7 warning config/no-effect']);
  });

  it('schedules single packets of UDP only', () => {
    const udp = service('ops', undefined, undefined, 'lvs_sched rr\nlvs_method DR\nprotocol UDP');
    expect(udp).toMatchObject({ service: { onePacket: true }, codes: [] });
    expect(service('ops')).toMatchObject({ service: { onePacket: false }, codes: ['5 warning config/no-effect'] });
  });

  it('takes SCTP', () => {
    const sctp = service('', undefined, undefined, 'lvs_sched rr\nlvs_method DR\nprotocol SCTP');
    expect(sctp).toMatchObject({ service: { key: { protocol: 'sctp' } }, codes: [] });
  });

  it.each([
    ['TUN', { method: 'tun', tunnel: { type: 'ipip', port: 0, checksum: 'none' } }, []],
    ['TUN type gue port 6080 remcsum', { method: 'tun', tunnel: { type: 'gue', port: 6080, checksum: 'remcsum' } }, []],
    ['TUN type gre csum', { method: 'tun', tunnel: { type: 'gre', port: 0, checksum: 'csum' } }, []],
    ['TUN type gue', { method: 'tun', tunnel: { type: 'gue', port: 0, checksum: 'none' } }, ['3 error config/missing-value']],
    ['TUN csum', { method: 'tun', tunnel: { type: 'ipip', port: 0, checksum: 'none' } }, ['3 warning config/no-effect']],
    ['TUN type gre port 5', { method: 'tun', tunnel: { type: 'gre', port: 0, checksum: 'none' } }, ['3 warning config/no-effect']],
    ['TUN type gre remcsum', { method: 'tun', tunnel: { type: 'gre', port: 0, checksum: 'none' } }, ['3 warning config/no-effect']],
    ['NAT', { method: 'nat' }, []],
    ['DR type gue', { method: 'dr' }, ['3 warning config/no-effect']],
    ['dr', { method: 'dr' }, ['3 error config/bad-value']],
    ['TUN type vxlan', { method: 'tun' }, ['3 error config/bad-value']],
  ])('lvs_method %s', (method, expected, said) => {
    const found = service('', undefined, undefined, `lvs_sched rr\nlvs_method ${method}\nprotocol TCP`);
    expect(found.service?.servers[0]).toMatchObject(expected);
    expect(found.codes).toEqual(said);
  });

  it('lets a server have another method, and then another port', () => {
    const found = service(
      '',
      'real_server 10.0.0.1 8080 {\nlvs_method NAT\nTCP_CHECK {\n}\n}\nreal_server 10.0.0.2 8080 {\nTCP_CHECK {\n}\n}',
    );
    expect(found.service?.servers).toMatchObject([
      { method: 'nat', port: 8080 },
      { method: 'dr', port: 80 },
    ]);
    expect(found.codes).toEqual(['11 warning config/port-forced']);
  });
});

describe('what a virtual_server is about', () => {
  const group = (entries: string, lines = '', servers = SERVER) => {
    const text = `virtual_server_group g {\n${entries}\n}\nvirtual_server group g {\nlvs_sched rr\nlvs_method DR\nprotocol TCP\n${lines}\n${servers}\n}\n`;
    const { services, codes } = read(text);
    return { keys: services.map(({ key }) => serviceKeyText(key)), groups: services.map(({ group: name }) => name), services, codes };
  };

  it('is one service for each member of a group', () => {
    const found = group('10.0.0.5 80\n10.0.1.7-9 80\n10.0.2.254-10.0.3.1 80\n10.0.4.0/30 80\nfwmark 7');
    expect(found.keys).toEqual([
      '[10.0.0.5]:tcp:80',
      ...[7, 8, 9].map((last) => `[10.0.1.${last}]:tcp:80`),
      '[10.0.2.254]:tcp:80',
      '[10.0.2.255]:tcp:80',
      '[10.0.3.0]:tcp:80',
      '[10.0.3.1]:tcp:80',
      ...[0, 1, 2, 3].map((last) => `[10.0.4.${last}]:tcp:80`),
      'FWM 7',
    ]);
    expect(new Set(found.groups)).toEqual(new Set(['g']));
    expect(found.codes).toEqual(['13 warning config/port-forced']);
    expect(found.services.map(({ servers }) => servers[0]?.port)).toEqual([...Array(12).fill(80), 0]);
  });

  it('counts IPv6 ranges in hexadecimal', () => {
    const servers = SERVER.replace('10.0.0.1', 'fd00::99');
    expect(group('fd00::1:fffe-ffff 80', '', servers).keys).toEqual(['[fd00::1:fffe]:tcp:80', '[fd00::1:ffff]:tcp:80']);
    expect(group('fd00::/126 80', '', servers).keys).toHaveLength(4);
  });

  it.each([
    ['10.0.0.5-1 80', 'error config/out-of-range'],
    ['10.0.0.5-5 80', 'error config/out-of-range'],
    ['10.0.0.5-300 80', 'error config/out-of-range'],
    ['10.0.1.5-10.0.0.1 80', 'error config/out-of-range'],
    ['10.0.0.5-fd00::1 80', 'error config/bad-address'],
    ['10.0.0.5/30 80', 'error config/out-of-range'],
    ['10.0.0.0/33 80', 'error config/out-of-range'],
    ['10.0.0.0/8 80', 'error config/out-of-range'],
    ['fd00::1-10000 80', 'error config/out-of-range'],
    ['fd00::1-g 80', 'error config/bad-address'],
    ['www.example.com 80', 'error config/bad-address'],
    ['10.0.0.1 65536', 'error config/out-of-range'],
    ['10.0.0.1 80 81', 'warning config/extra-words'],
    ['fwmark', 'error config/missing-value'],
    ['fwmark 0', 'error config/out-of-range'],
    ['fwmark 4294967296', 'error config/out-of-range'],
    ['fwmark 5 inet7', 'error config/bad-value'],
  ])('group entry %j: %s', (entry, said) => {
    expect(group(`10.0.9.9 80\n${entry}`).codes.filter((code) => !code.endsWith('port-forced'))).toEqual([`3 ${said}`]);
  });

  it('does not become more services than anybody could want', () => {
    const found = group('10.0.0.0/17 80\n10.1.0.0/17 80\n10.2.0.1 80\n10.3.0.1 80');
    expect(found.keys).toHaveLength(65_536);
    expect(found.codes).toEqual(['4 error config/out-of-range']);
  });

  it('needs groups that exist, once, and with entries', () => {
    expect(service('', undefined, 'virtual_server group nope').codes).toEqual(['1 error config/unknown-reference']);
    expect(read('virtual_server_group g {\n}\n').codes).toEqual(['1 error config/missing-value']);
    expect(read('virtual_server_group g {\n10.0.0.1 80\n}\nvirtual_server_group g {\n10.0.0.2 80\n}\n').codes).toEqual([
      '4 error config/duplicate-name',
    ]);
  });

  it('is a firewall mark, without protocol and without ports', () => {
    const start = 'lvs_sched rr\nlvs_method DR';
    const found = service('ha_suspend', SERVER, 'virtual_server fwmark 7', start);
    expect(found.service).toMatchObject({ key: { kind: 'fwmark', mark: 7, family: 4 }, haSuspend: false });
    expect(found.service?.servers[0]).toMatchObject({ port: 0, checks: [{ target: { port: 80 } }] });
    expect(found.codes).toEqual(['4 warning config/no-effect', '5 warning config/port-forced']);
    expect(service('', SERVER.replace(' 80', ''), 'virtual_server fwmark 7', start).codes).toEqual(['6 error config/missing-value']);
    expect(service('protocol TCP', SERVER, 'virtual_server fwmark 7', start).codes[0]).toBe('4 warning config/no-effect');
    const six = SERVER.replace('10.0.0.1', 'fd00::1');
    expect(service('', six, 'virtual_server fwmark 7', start).service?.key).toMatchObject({ family: 6 });
    expect(service('ip_family inet6', SERVER, 'virtual_server fwmark 7', start).codes).toContain('5 error config/family-mismatch');
    expect(service('', SERVER, 'virtual_server fwmark', start).codes).toEqual(['1 error config/missing-value']);
  });

  it('is described once, through a group or by itself', () => {
    const two = GOOD + GOOD.slice(GOOD.indexOf('virtual_server'));
    expect(read(two).codes).toEqual(['15 error config/duplicate-service']);
    expect(read(two.replace(/(.*)protocol TCP/s, '$1protocol udp')).codes).toEqual([]);
    const text = `virtual_server_group g {\n10.0.0.100 80\n}\n${GOOD}${GOOD.slice(GOOD.indexOf('virtual_server')).replace('10.0.0.100 80', 'group g')}`;
    expect(read(text).codes).toEqual(['18 error config/duplicate-service']);
  });

  it('names its protocol, also as a group', () => {
    const text = 'virtual_server_group g {\n10.0.0.5 80\n}\nvirtual_server group g {\nlvs_sched rr\nlvs_method DR\n';
    expect(read(`${text}${SERVER}\n}`).codes).toEqual(['4 error config/missing-keyword']);
  });

  it('is dropped without real servers', () => {
    expect(service('', '')).toMatchObject({ service: undefined, codes: ['1 warning config/empty-service'] });
    expect(service('', SERVER.replace('10.0.0.1', 'fd00::1'))).toMatchObject({
      service: undefined,
      codes: ['6 error config/family-mismatch'],
    });
  });
});

describe('quorum and sorry server', () => {
  it('lower the quorum to what can be reached', () => {
    const heavy = SERVER.replace('{\n', '{\nweight 3\n');
    expect(service('quorum 5')).toMatchObject({ service: { quorum: 1 }, codes: ['5 warning config/quorum-lowered'] });
    expect(service('quorum 2', heavy).service?.quorum).toBe(2);
    expect(service('quorum 2\nhysteresis 2', heavy).codes).toEqual(['6 error config/out-of-range']);
    expect(service('quorum 2\nhysteresis 1', heavy)).toMatchObject({ service: { quorum: 2, hysteresis: 1 }, codes: [] });
  });

  it('have a sorry server with a method of its own', () => {
    expect(service('sorry_server 10.0.0.9 80\nsorry_server_inhibit').service).toMatchObject({
      sorryServer: { address: IpAddress.parse('10.0.0.9'), port: 80, method: 'dr', weight: 1 },
      sorryServerInhibit: true,
    });
    expect(service('sorry_server 10.0.0.9 8080\nsorry_server_lvs_method NAT').service?.sorryServer).toMatchObject({
      port: 8080,
      method: 'nat',
    });
    expect(service('sorry_server_inhibit')).toMatchObject({
      service: { sorryServerInhibit: false },
      codes: ['5 warning config/no-effect'],
    });
    expect(service('sorry_server 10.0.0.1').codes).toEqual(['5 warning config/sorry-server-is-real']);
  });

  it('remember omega, ha_suspend and limits', () => {
    expect(service('omega\nha_suspend').service).toMatchObject({ omega: true, haSuspend: true });
    expect(server('TCP_CHECK {\n}\nuthreshold 9\nlthreshold 4').server).toMatchObject({ upperThreshold: 9, lowerThreshold: 4 });
    expect(server('TCP_CHECK {\n}\nuthreshold 9\nlthreshold 10').codes).toEqual(['10 error config/out-of-range']);
    expect(server('TCP_CHECK {\n}\nlthreshold 10').codes).toEqual(['9 warning config/no-effect']);
  });
});

describe('services as a whole', () => {
  const other = (servers: string) => `virtual_server 10.0.0.101 80 {\nlvs_sched rr\nlvs_method DR\nprotocol TCP\n${servers}\n}\n`;

  it('have real servers without checks, which is said once', () => {
    expect(service('', 'real_server 10.0.0.1 80 {\n}\nreal_server 10.0.0.2 80 {\n}').codes).toEqual(['1 info config/no-check']);
    expect(service('', `${SERVER}\nreal_server 10.0.0.2 80 {\n}`).codes).toEqual(['10 info config/no-check']);
  });

  it('check one server in two ways', () => {
    const servers = 'real_server 10.0.0.1 80 {\nHTTP_GET {\nurl {\npath /\n}\n}\n}';
    expect(read(GOOD + other(servers)).codes).toEqual(['19 warning config/checks-differ']);
    expect(read(GOOD + other(SERVER)).codes).toEqual([]);
    const third = other(servers).replace('10.0.0.101', '10.0.0.102').replace('10.0.0.1 80', '10.0.0.3 80');
    const late = other(SERVER.replace('10.0.0.1', '10.0.0.3')).replace('10.0.0.101', '10.0.0.103');
    expect(read(GOOD + third + late).diagnostics.map(({ message }) => message)).toEqual([
      expect.stringContaining('in the virtual_server on line 15:'),
    ]);
  });
});
