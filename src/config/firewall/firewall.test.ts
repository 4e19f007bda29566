import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatPrefix } from '../../base/index.ts';
import type { MarkRule } from '../../model/index.ts';
import { readFirewall } from './index.ts';

const WHOLE = 0xffff_ffff;

/** A rule in few words: what it asks about, and what it does. */
function words({ family, source, destination, protocols, ports, interface: name, set, ends }: MarkRule): string {
  return [
    `${family}`,
    ...(source ? [`from ${formatPrefix(source)}`] : []),
    ...(destination ? [`to ${formatPrefix(destination)}`] : []),
    ...(protocols ? [protocols.join('/')] : []),
    ...(ports ? [ports.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(',')] : []),
    ...(name === undefined ? [] : [`in ${name}`]),
    ...(set ? [`mark ${set.value}${set.mask === WHOLE ? '' : ` of ${set.mask}`}`] : []),
    ...(ends ? ['end'] : []),
  ].join(' ');
}

const iptables = (...rules: string[]): string =>
  ['*mangle', ':PREROUTING ACCEPT [0:0]', ...rules.map((rule) => `-A PREROUTING ${rule}`), 'COMMIT'].join('\n');
const MARK = '-j MARK --set-xmark 0x1/0xffffffff';

describe('iptables-save', () => {
  it.each([
    [`-d 10.0.0.100/32 -p tcp -m tcp --dport 80 ${MARK}`, '4 to 10.0.0.100/32 tcp 80 mark 1'],
    [
      `-s 192.0.2.0/24 -d 10.0.0.0/16 -i eth0 -p udp -m udp --dport 5000:5010 ${MARK}`,
      '4 from 192.0.2.0/24 to 10.0.0.0/16 udp 5000-5010 in eth0 mark 1',
    ],
    [`-p tcp -m multiport --dports 80,443,8000:8010 ${MARK}`, '4 tcp 80,443,8000-8010 mark 1'],
    [`-p tcp -m comment --comment "the \\"web\\" -s pages" ${MARK}`, '4 tcp mark 1'],
    ['-d 10.0.0.1/32 -j MARK --set-xmark 0x10/0xff', '4 to 10.0.0.1/32 mark 16 of 255'],
    ['-j MARK --set-mark 6/3', '4 mark 6 of 7'],
    ['-j MARK --set-mark 7', '4 mark 7'],
    ['-s 192.0.2.9/32 -j RETURN', '4 from 192.0.2.9/32 end'],
    [`-p all ${MARK}`, '4 mark 1'],
  ])('%s', (rule, expected) => {
    // The mark after it keeps a chain without a mark from being of no interest.
    const { rules, problems } = readFirewall({ iptables: iptables(rule, '-j MARK --set-xmark 0x63/0xffffffff') });
    expect([rules.map(words), problems]).toEqual([[expected, '4 mark 99'], []]);
  });

  it.each([
    [`! -s 10.0.0.0/8 ${MARK}`, 'it has a negation'],
    [`-i eth+ ${MARK}`, 'eth+ names many interfaces'],
    [`-m set --match-set web dst ${MARK}`, 'its match set is not known'],
    [`-p tcp -m tcp --sport 80 ${MARK}`, 'its option --sport is not known'],
    ['-j CONNMARK --restore-mark', 'its option --restore-mark is not known'],
    ['-j DROP', 'what its target DROP does is not known'],
    ['-j web', 'what its target web does is not known'],
    ['-j MARK --set-xmark one', 'one is no mark'],
    ['-j MARK', 'its MARK target has no value that is known'],
    [`-d somewhere ${MARK}`, 'somewhere is no prefix'],
    [`-p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16 ${MARK}`, 'it has more than 15 ports'],
    [`-p tcp -m tcp --dport http ${MARK}`, 'http is no port'],
  ])('%s is not followed', (rule, reason) => {
    const { rules, problems } = readFirewall({ iptables: iptables(rule, MARK) });
    expect([rules.map(words), problems]).toEqual([['4 mark 1'], [{ rule: `-A PREROUTING ${rule}`, reason }]]);
  });

  it('leaves out what has no say', () => {
    const listing = iptables(
      '-p icmp -j MARK --set-xmark 0x9/0xffffffff',
      '-j TCPMSS --clamp-mss-to-pmtu',
      '-j LOG --log-prefix "x"',
      '-p tcp',
      MARK,
    );
    expect(readFirewall({ iptables: `${listing}\n-A OUTPUT -j MARK --set-xmark 0x5/0xffffffff` })).toEqual({
      rules: [{ family: 4, set: { value: 1, mask: WHOLE }, ends: false }],
      problems: [],
    });
  });

  it('without any mark gives no rules', () => {
    expect(readFirewall({ iptables: iptables('-m set --match-set web dst -j DROP', '-j ACCEPT') })).toMatchObject({
      rules: [],
      problems: [{}],
    });
  });

  it('of IPv6', () => {
    const { rules } = readFirewall({ ip6tables: iptables(`-d 2001:db8::1/128 -p tcp -m tcp --dport 80 ${MARK}`) });
    expect(rules.map(words)).toEqual(['6 to 2001:db8::1/128 tcp 80 mark 1']);
  });

  it('of any text', () => {
    const line = fc.array(
      fc.constantFrom('-s', '-d', '-p', '-m', '-j', '--dport', '--set-xmark', 'MARK', 'tcp', '0x1/0x2', '10.0.0.0/8', '"', '!', 'x'),
    );
    fc.assert(fc.property(line, (parts) => void readFirewall({ iptables: `-A PREROUTING ${parts.join(' ')}\n${iptables(MARK)}` })));
  });
});

describe('nft -j list ruleset', () => {
  const chain = (family: string, name: string, prio: number, hook = 'prerouting') => ({
    chain: { family, table: 'lb', name, type: 'filter', hook, prio },
  });
  const rule = (family: string, name: string, ...expr: unknown[]) => ({ rule: { family, table: 'lb', chain: name, handle: 7, expr } });
  const match = (left: unknown, right: unknown, op = '==') => ({ match: { op, left, right } });
  const payload = (protocol: string, field: string) => ({ payload: { protocol, field } });
  const meta = (key: string) => ({ meta: { key } });
  const mark = (value: unknown) => ({ mangle: { key: meta('mark'), value } });
  const read = (family: string, ...expr: unknown[]) =>
    readFirewall({
      nft: JSON.stringify({
        nftables: [{ metainfo: {} }, chain(family, 'pre', -150), rule(family, 'pre', ...expr), rule(family, 'pre', mark(99))],
      }),
    });

  it.each([
    [
      'ip',
      [match(payload('ip', 'daddr'), '10.0.0.100'), match(payload('tcp', 'dport'), 80), mark(1)],
      ['4 to 10.0.0.100/32 tcp 80 mark 1'],
    ],
    [
      'inet',
      [match(payload('ip6', 'saddr'), { prefix: { addr: '2001:db8::', len: 32 } }), { counter: null }, mark(2)],
      ['6 from 2001:db8::/32 mark 2'],
    ],
    [
      'inet',
      [
        match(meta('iifname'), 'eth0'),
        match(meta('l4proto'), { set: ['tcp', 'udp', 'icmp'] }),
        match(payload('th', 'dport'), { set: [53, { range: [80, 90] }] }),
        mark(3),
      ],
      ['4 tcp/udp 53,80-90 in eth0 mark 3', '6 tcp/udp 53,80-90 in eth0 mark 3'],
    ],
    [
      'ip',
      [match(payload('ip', 'daddr'), { set: ['10.0.0.1', '10.0.0.2'] }), mark(4)],
      ['4 to 10.0.0.1/32 mark 4', '4 to 10.0.0.2/32 mark 4'],
    ],
    ['ip', [match(payload('ip', 'saddr'), '192.0.2.9'), { accept: null }], ['4 from 192.0.2.9/32 end']],
    ['ip', [match(meta('l4proto'), 'icmp'), mark(5)], []],
    ['inet', [match(meta('nfproto'), 'ipv6'), mark(6)], ['6 mark 6']],
  ])('%s %j', (family, expr, expected) => {
    const { rules, problems } = read(family, ...expr);
    const last = family === 'inet' ? ['4 mark 99', '6 mark 99'] : ['4 mark 99'];
    expect([rules.map(words), problems]).toEqual([[...expected, ...last], []]);
  });

  it.each([
    [[match(payload('ip', 'daddr'), '@web'), mark(1)], 'the named set @web is not followed'],
    [[match(payload('ip', 'daddr'), '10.0.0.1', '!='), mark(1)], 'its comparison != is not known'],
    [[mark({ '|': [meta('mark'), 1] })], 'the mark that it sets is computed'],
    [[{ jump: { target: 'other' } }], 'its statement jump is not known'],
    [[{ xt: null }, mark(1)], 'its statement xt is not known'],
    [[match(payload('tcp', 'sport'), 80), mark(1)], 'what it says about tcp sport is not known'],
    [[match(meta('iifname'), 'eth*'), mark(1)], 'eth* is not the name of one interface'],
    [[match(payload('tcp', 'dport'), { set: Array.from({ length: 16 }, (_, port) => port) }), mark(1)], 'it has more than 15 ports'],
    [
      [match(payload('ip', 'daddr'), { range: ['10.0.0.1', '10.0.0.9'] }), mark(1)],
      '{"range":["10.0.0.1","10.0.0.9"]} is not known as an address',
    ],
  ])('%j is not followed', (expr, reason) => {
    const { rules, problems } = read('ip', ...expr);
    expect([rules.map(words), problems]).toEqual([['4 mark 99'], [{ rule: 'ip lb pre handle 7', reason }]]);
  });

  it('goes by priority, and leaves out other hooks and what iptables lists itself', () => {
    const nft = JSON.stringify({
      nftables: [
        chain('ip', 'late', -100),
        chain('ip', 'early', -200),
        chain('ip', 'out', -200, 'output'),
        rule('ip', 'late', mark(2)),
        rule('ip', 'early', mark(1)),
        rule('ip', 'out', mark(3)),
        { chain: { family: 'ip', table: 'mangle', name: 'PREROUTING', hook: 'prerouting', prio: -150 } },
        { rule: { family: 'ip', table: 'mangle', chain: 'PREROUTING', handle: 3, expr: [mark(8)] } },
      ],
    });
    expect(readFirewall({ nft }).rules.map(words)).toEqual(['4 mark 1', '4 mark 8', '4 mark 2']);
    expect(readFirewall({ nft, iptables: iptables('-j MARK --set-xmark 0x9/0xffffffff') }).rules.map(words)).toEqual([
      '4 mark 1',
      '4 mark 9',
      '4 mark 2',
    ]);
  });

  it('that ends one chain of several says so', () => {
    const nft = JSON.stringify({
      nftables: [
        chain('ip', 'a', -200),
        chain('ip', 'b', -100),
        rule('ip', 'a', { accept: null }),
        rule('ip', 'a', mark(5)),
        rule('ip', 'b', mark(1)),
      ],
    });
    const { rules, problems } = readFirewall({ nft });
    expect([rules.map(words), problems]).toEqual([
      ['4', '4 mark 5', '4 mark 1'],
      [{ rule: 'accept or return', reason: 'it ends a chain that another one with marks follows' }],
    ]);
  });

  it('that is no JSON is a problem, not an exception', () => {
    expect(readFirewall({ nft: 'Error: no such file', iptables: iptables(MARK) }).problems).toEqual([
      { rule: 'nft -j list ruleset', reason: expect.stringMatching(/JSON/) },
    ]);
  });

  it('of any shape', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => void readFirewall({ nft: JSON.stringify({ nftables: value }) })));
    fc.assert(fc.property(fc.jsonValue(), (value) => void read('ip', value)));
  });
});
