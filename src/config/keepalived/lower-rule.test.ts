import { describe, expect, it } from 'vitest';
import type { PolicyRule } from '../../model/index.ts';
import { codes, instance, read } from './lowering.test-helper.ts';

function rules(...lines: string[]): readonly PolicyRule[] {
  return read(instance(`virtual_rules {\n${lines.join('\n')}\n}`)).configuration.routers[0]?.rules ?? [];
}

function brief(line: string) {
  const [rule] = rules(line);
  if (!rule) return undefined;
  const { from, to, family, inverted, l3mdev, protocol, tracked, priority, ...rest } = rule;
  return {
    ...(from && { from: `${from.address}/${from.length}` }),
    ...(to && { to: `${to.address}/${to.length}` }),
    ...(family === 6 && { family }),
    ...(inverted && { inverted }),
    ...(l3mdev && { l3mdev }),
    ...(protocol !== 18 && { protocol }),
    ...(!tracked && { tracked }),
    ...(priority !== 7 && { priority }),
    ...rest,
  };
}

const table = (number: number) => ({ kind: 'table', table: number });

describe('rule lines', () => {
  it.each([
    ['from 10.1.0.0/16 table 100', { from: '10.1.0.0/16', action: table(100) }],
    ['from all to fd00::/8 lookup main', { to: 'fd00::/8', family: 6, action: table(254) }],
    [
      'not from default iif eth0 oif eth1 table 5 no_track',
      { inverted: true, inputInterface: 'eth0', outputInterface: 'eth1', action: table(5), tracked: false },
    ],
    ['inet6 dev eth0 blackhole', { family: 6, inputInterface: 'eth0', action: { kind: 'blackhole' } }],
    ['fwmark 0x10/0xff type unreachable', { mark: { value: 16, mask: 255 }, action: { kind: 'unreachable' } }],
    ['fwmark 7 nop', { mark: { value: 7, mask: 0xffffffff }, action: { kind: 'nop' } }],
    ['to 10.1.0.0/16 goto 20', { to: '10.1.0.0/16', action: { kind: 'goto', priority: 20 } }],
    ['l3mdev', { l3mdev: true, action: table(0) }],
    [
      'ipproto tcp sport 10-20 dport 5 table 5',
      { ipProtocol: 6, sourcePorts: { from: 10, to: 20 }, destinationPorts: { from: 5, to: 5 }, action: table(5) },
    ],
    ['uidrange 1-5 tunnel-id 77 table 5', { uids: { from: 1, to: 5 }, tunnelId: 77n, action: table(5) }],
    [
      'realms 3/4 sup_pl 0 suppress_ifgroup default table 5',
      { realm: 0x30004, suppressPrefixLength: 0, suppressInterfaceGroup: 0, action: table(5) },
    ],
    ['tos 16 protocol static table 5', { tos: 16, action: table(5) }],
    ['no_track protocol static table 5', { tracked: false, protocol: 4, action: table(5) }],
  ])('%j', (line, expected) => {
    expect(brief(`priority 7 ${line}`)).toEqual(expected);
  });

  it('without a priority are counted down from 16384, and that is said', () => {
    expect(rules('table 5', 'table 6 order 3', 'table 7').map(({ priority }) => priority)).toEqual([16384, 3, 16383]);
    expect(codes(instance('virtual_rules {\ntable 5\n}'))).toEqual(['6 warning config/rule-without-priority']);
  });

  it.each([
    ['from 10.1.0.0/16', 'config/missing-keyword'],
    ['from 10.1.0.0/16 table 5 goto 9', 'config/bad-value'],
    ['goto 3', 'config/bad-value'],
    ['from 10.1.0.0/16 to fd00::/8 table 5', 'config/mixed-families'],
    ['table nosuch', 'config/bad-value'],
    ['pref 5', 'config/bad-value'],
    ['table 5 sport 20-10', 'config/bad-value'],
    ['table 5 fwmark x', 'config/bad-value'],
    ['table 5 ipproto xyz', 'config/bad-value'],
    ['table 5 realms 1/2/3x', 'config/bad-value'],
    ['table', 'config/missing-value'],
  ])('%j: %s', (line, expected) => {
    expect(codes(instance(`virtual_rules {\npriority 5 ${line}\n}`))).toEqual([`6 error ${expected}`]);
  });
});
