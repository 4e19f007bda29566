/** local_address_group and laddr_group_name. */
import { describe, expect, it } from 'vitest';
import { read as readText } from './services.test-helper.ts';

const SERVERS = 'real_server 10.2.0.1 8080 {\nTCP_CHECK {\n}\n}';

function read(group: string, method: string, more = 'laddr_group_name backend', servers = SERVERS) {
  const text = `${group}\nvirtual_server 10.9.9.9 80 {\nlvs_sched rr\nlvs_method ${method}\nprotocol TCP\n${more}\n${servers}\n}\n`;
  const { services, codes } = readText(text);
  return { service: services[0], codes };
}

const GROUP = 'local_address_group backend {\n10.2.0.201\n10.2.0.202-204 eth1\n10.2.0.203\n}';

describe('local addresses', () => {
  it.each(['FNAT', 'FULLNAT'])('belong to services by full NAT (%s), ranges and interfaces as DPVS writes them', (method) => {
    const { service, codes } = read(GROUP, method);
    expect(codes).toEqual([]);
    expect(service?.localAddresses?.map(String)).toEqual(['10.2.0.201', '10.2.0.202', '10.2.0.203', '10.2.0.204']);
    expect(service?.servers[0]).toMatchObject({ method: 'fullnat', port: 8080 });
  });

  it('do not go with one-packet scheduling', () => {
    const codes = (method: string): string[] =>
      readText(
        `${GROUP}\nvirtual_server 10.9.9.9 53 {\nops\nlvs_sched rr\nlvs_method ${method}\nprotocol UDP\nladdr_group_name backend\nreal_server 10.2.0.1 53 {\n}\n}\n`,
      ).diagnostics.map(({ code }) => code);
    expect(codes('FNAT')).toContain('config/unsupported');
    expect(codes('NAT')).not.toContain('config/unsupported');
  });

  it.each([
    ['no group', GROUP, 'FNAT', '', 'config/missing-keyword'],
    ['an unknown group', GROUP, 'FNAT', 'laddr_group_name other', 'config/unknown-reference'],
    ['a group of the other family', 'local_address_group backend {\nfd00::1\n}', 'FNAT', undefined, 'config/family-mismatch'],
    ['an address that is a real server', 'local_address_group backend {\n10.2.0.1\n}', 'FNAT', undefined, 'config/bad-value'],
    ['a group of a service that needs none', GROUP, 'NAT', undefined, 'config/no-effect'],
    ['two groups of one name', `${GROUP}\n${GROUP}`, 'FNAT', undefined, 'config/duplicate-name'],
  ])('are reported: %s', (_, group, method, more, code) => {
    expect(read(group, method, more).codes.map((text) => text.split(' ').at(-1))).toEqual([code]);
  });
});
