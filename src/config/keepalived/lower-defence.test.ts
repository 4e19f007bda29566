import { describe, expect, it } from 'vitest';
import { SERVER, service } from './services.test-helper.ts';

const NAT = 'lvs_sched rr\nlvs_method NAT\nprotocol TCP';
const LOCALS = 'local_address_group backend {\n10.2.0.201\n}\nvirtual_server 10.0.0.100 80';
const UDP = 'lvs_sched rr\nlvs_method NAT\nprotocol UDP';

describe('the defences of a service', () => {
  it.each([
    ['', undefined, []],
    ['syn_proxy', { synProxy: true }, []],
    ['syn_proxy off', undefined, []],
    ['syn_proxy maybe', undefined, ['5 error config/bad-value']],
    ['new_connections_per_source 100', { synProxy: false, sourceLimit: { perSecond: 100, burst: 200 } }, []],
    ['new_connections_per_source 1000000', { synProxy: false, sourceLimit: { perSecond: 1_000_000, burst: 1_000_000 } }, []],
    ['syn_proxy on\nnew_connections_per_source 5 burst 7', { synProxy: true, sourceLimit: { perSecond: 5, burst: 7 } }, []],
    ['new_connections_per_source 0', undefined, ['5 error config/out-of-range']],
    [
      'new_connections_per_source 5 burst',
      { synProxy: false, sourceLimit: { perSecond: 5, burst: 10 } },
      ['5 error config/incomplete-line'],
    ],
  ])('%j', (lines, expected, said) => {
    const found = service(lines, undefined, undefined, NAT);
    expect(found.service?.defence).toEqual(expected);
    expect(found.codes).toEqual(said);
  });

  it('are nothing without TCP, and say so', () => {
    const found = service('syn_proxy', undefined, undefined, UDP);
    expect([found.service?.defence, found.codes]).toEqual([undefined, ['5 warning config/no-effect']]);
  });

  it('may be of servers by NAT and by full NAT together, whose answers all come back', () => {
    const second = SERVER.replace('10.0.0.1', '10.0.0.2').replace('{', '{\nlvs_method FNAT');
    const found = service('syn_proxy\nladdr_group_name backend', `${SERVER}\n${second}`, LOCALS, NAT);
    expect([found.service?.defence, found.codes]).toEqual([{ synProxy: true }, []]);
  });

  it('challenge where the answers of some servers do not come back, and say so', () => {
    const second = SERVER.replace('10.0.0.1', '10.0.0.2').replace('{', '{\nlvs_method DR');
    const found = service('syn_proxy', `${SERVER}\n${second}`, undefined, NAT);
    expect(found.service?.defence).toEqual({ synProxy: true });
    expect(found.codes).toContain('5 warning config/no-effect');
  });
});
