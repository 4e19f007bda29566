import { describe, expect, it } from 'vitest';
import { codes, instance, read } from './lowering.test-helper.ts';

const GROUP = `${instance('')}track_group G {\ngroup {\nV\n}\n}\n`;

function network(text: string) {
  return read(text).configuration.staticNetwork;
}

describe('what is static', () => {
  it('has addresses, on default_interface unless they name one', () => {
    const text = 'static_ipaddress {\n10.0.0.9/24\n10.0.1.9/24 dev eth1 track_group G\n}\n';
    const brief = (more: string) =>
      network(GROUP + text + more).addresses.map(({ address, length, interface: name, trackGroup }) => [
        `${address}/${length}`,
        name,
        trackGroup,
      ]);
    expect(brief('')).toEqual([
      ['10.0.0.9/24', 'eth0', undefined],
      ['10.0.1.9/24', 'eth1', 'G'],
    ]);
    expect(brief('global_defs {\ndefault_interface eth5\n}\n')[0]?.[1]).toBe('eth5');
  });

  it('has routes and rules, which virtual routers can follow', () => {
    const { routes, rules, trackGroups } = network(
      `${GROUP}static_routes {\n10.1.0.0/16 via 10.0.0.1 dev eth0 track_group G\n}\nstatic_rules {\nfrom 10.1.0.0/16 table 5 priority 5 track_group G\n}\n`,
    );
    expect(routes).toMatchObject([{ trackGroup: 'G', tracked: true }]);
    expect(rules).toMatchObject([{ trackGroup: 'G', priority: 5 }]);
    expect(trackGroups).toEqual([{ name: 'G', members: ['V'] }]);
  });

  it.each([
    ['static_ipaddress {\n10.0.0.9 track_group H\n}', ['2 error config/unknown-reference']],
    ['static_routes {\n10.1.0.0/16 dev eth0 track_group H\n}', ['2 error config/unknown-reference']],
    ['static_routes {\n10.1.0.0/16 dev eth0 track_group\n}', ['2 error config/missing-value']],
    ['static_routes {\n10.1.0.0/16\n}', ['2 error config/missing-keyword']],
    ['static_ipaddress {\n10.0.0.9 use_vmac\n}', ['2 warning config/unknown-word']],
    ['track_group G {\ngroup {\nV\n}\n}', ['3 error config/unknown-reference']],
    ['track_group G {\n}', ['1 error config/missing-keyword']],
  ])('%j: %j', (text, expected) => {
    expect(codes(text)).toEqual(expected);
  });
});

describe('gaps between announcements', () => {
  const pacing = (text: string) => read(text).configuration.pacing;

  it('hold for the interfaces of a group, and for all others those of global_defs', () => {
    const globals = 'global_defs {\nvrrp_garp_interval 0.5\n}\n';
    const groups =
      'garp_group {\ngna_interval 0.1\ninterfaces {\neth0\neth1 eth2\n}\n}\ngarp_group {\ngarp_interval 2\ninterface eth3\n}\n';
    expect(pacing(globals + groups)).toEqual([
      { interfaces: ['eth0', 'eth1', 'eth2'], garpInterval: 500_000, gnaInterval: 100_000 },
      { interfaces: ['eth3'], garpInterval: 2_000_000, gnaInterval: 0 },
      { interfaces: [], garpInterval: 500_000, gnaInterval: 0 },
    ]);
    expect(pacing('')).toEqual([]);
  });

  it('are those of one group', () => {
    const text = 'garp_group {\ninterface eth0\ngarp_interval 1\n}\ngarp_group {\ninterface eth0\n}\n';
    expect(codes(text)).toEqual(['5 error config/two-groups']);
    expect(codes('garp_group {\ngarp_interval 1\n}')).toEqual(['1 warning config/no-effect']);
    expect(codes('garp_group {\ninterface eth0\n}')).toEqual(['1 warning config/no-effect']);
  });
});

describe('delays of interfaces', () => {
  it('are for both directions unless a second one is given', () => {
    const text = 'interface_up_down_delays {\neth0 0.5\neth1 5 255\n}\n';
    expect(read(text).configuration.interfaceDelays).toEqual([
      { interface: 'eth0', down: 500_000, up: 500_000 },
      { interface: 'eth1', down: 5_000_000, up: 255_000_000 },
    ]);
    expect(codes(text)).toEqual([]);
  });

  it.each([
    ['eth0', '2 error config/incomplete-line'],
    ['eth0 256', '2 error config/out-of-range'],
    ['eth0 1 2 3', '2 warning config/extra-words'],
  ])('%j: %s', (line, expected) => {
    expect(codes(`interface_up_down_delays {\n${line}\n}`)).toEqual([expected]);
  });
});
