import { describe, expect, it } from 'vitest';
import { codes, instance, NO_TRACKERS, read, router } from './lowering.test-helper.ts';

const FILE = 'track_file f {\nfile /run/f\n}\n';
const PROCESS = 'vrrp_track_process p {\nprocess sshd\n}\n';
const BFD = 'bfd_instance b {\nneighbor_ip 10.0.0.2\n}\n';
const SCRIPT = 'vrrp_script s {\nscript /bin/true\n}\n';

function configuration(text: string) {
  return read(text).configuration;
}

describe('track files', () => {
  it.each([
    ['', { weight: { weight: 1, reverse: false } }],
    ['weight -3 reverse\ninit_file', { weight: { weight: -3, reverse: true }, initial: { value: 0, overwrite: false } }],
    ['weight 0\ninit_file 5', { weight: { weight: 0, reverse: false }, initial: { value: 5, overwrite: false } }],
    ['init_file overwrite', { weight: { weight: 1, reverse: false }, initial: { value: 0, overwrite: true } }],
    ['init_file -7 overwrite', { weight: { weight: 1, reverse: false }, initial: { value: -7, overwrite: true } }],
  ])('with %j', (lines, expected) => {
    for (const keyword of ['track_file', 'vrrp_track_file'])
      expect(configuration(`${keyword} f {\nfile "/run/a file"\n${lines}\n}`).trackFiles).toEqual([
        { name: 'f', path: '/run/a file', ...expected },
      ]);
  });

  it.each([
    ['track_file f {\nweight 1\n}', ['1 error config/missing-keyword']],
    ['track_file f {\nfile /f\nweight x\n}', ['3 error config/bad-value']],
    ['track_file f {\nfile /f\ninit_file 1 over\n}', ['3 error config/bad-value']],
    [`${FILE}${FILE}`, ['4 error config/duplicate-name']],
  ])('%j: %j', (text, expected) => {
    expect(codes(text)).toEqual(expected);
  });
});

describe('track processes', () => {
  const defaults = {
    name: 'p',
    command: 'sshd',
    parameters: [],
    parameterMatch: 'any',
    fullCommand: false,
    weight: { weight: 0, reverse: false },
    quorum: 1,
    terminateDelay: 0,
    forkDelay: 0,
  };

  it.each([
    ['process sshd', {}],
    ['process sshd -D "a b"', { parameters: ['-D', 'a b'], parameterMatch: 'exact' }],
    ['process sshd\nparam_match', { parameterMatch: 'exact' }],
    ['process sshd -D\nparam_match partial', { parameters: ['-D'], parameterMatch: 'partial' }],
    ['process sshd -D\nparam_match initial\nfull_command', { parameters: ['-D'], parameterMatch: 'initial', fullCommand: true }],
    ['process sshd\nweight 10 reverse\nquorum 2\nquorum_max 5', { weight: { weight: 10, reverse: true }, quorum: 2, quorumMax: 5 }],
    ['process sshd\nquorum_max 0', { quorum: 0, quorumMax: 0 }],
    ['process sshd\ndelay 2.5\nfork_delay 1', { terminateDelay: 2_500_000, forkDelay: 1_000_000 }],
  ])('%j', (lines, expected) => {
    expect(configuration(`vrrp_track_process p {\n${lines}\n}`).trackProcesses).toEqual([{ ...defaults, ...expected }]);
  });

  it('must be able to be up', () => {
    expect(codes('vrrp_track_process p {\nprocess sshd\nquorum 3\nquorum_max 2\n}')).toEqual(['4 error config/out-of-range']);
  });
});

describe('BFD sessions', () => {
  it('have the defaults of keepalived', () => {
    expect(configuration(BFD).bfdSessions.map(({ neighbor, ...rest }) => ({ neighbor: neighbor.toString(), ...rest }))).toEqual([
      {
        name: 'b',
        neighbor: '10.0.0.2',
        requiredMinRx: 10_000,
        desiredMinTx: 10_000,
        idleTx: 1_000_000,
        multiplier: 5,
        passive: false,
        ttl: 255,
        maxHops: 0,
        multihop: false,
        weight: { weight: 0, reverse: false },
        forVrrp: true,
        forChecks: true,
      },
    ]);
  });

  it.each([
    [
      'min_rx 3.312\nmin_tx 250\nidle_tx 2000\nmultiplier 3\npassive\nttl 64\nhoplimit 9',
      { requiredMinRx: 3312, desiredMinTx: 250_000, idleTx: 2_000_000, multiplier: 3, passive: true, ttl: 64 },
    ],
    ['max_hops -1\nmultihop\nweight -20 reverse', { maxHops: 255, multihop: true, weight: { weight: -20, reverse: true } }],
    ['vrrp', { forVrrp: true, forChecks: false }],
    ['checker', { forVrrp: false, forChecks: true }],
    ['vrrp\nchecker', { forVrrp: true, forChecks: true }],
  ])('%j', (lines, expected) => {
    expect(configuration(BFD.replace('}', `${lines}\n}`)).bfdSessions[0]).toMatchObject(expected);
  });

  it('send IPv6 packets with a hop limit of 64 unless told otherwise', () => {
    const ttl = (lines: string) => configuration(`bfd_instance b {\nneighbour_ip fd00::2\n${lines}\n}`).bfdSessions[0]?.ttl;
    expect([ttl(''), ttl('ttl 5'), ttl('hoplimit 5')]).toEqual([64, 64, 5]);
  });

  it.each([
    ['min_rx 1', []],
    ['min_rx 0.9', ['3 error config/out-of-range']],
    ['min_tx 4294967', ['3 warning config/slow-detection']],
    ['idle_tx 999', ['3 error config/out-of-range']],
    ['multiplier 11', ['3 warning config/slow-detection']],
    ['source_ip fd00::1', ['3 error config/mixed-families']],
  ])('%j: %j', (lines, expected) => {
    expect(codes(BFD.replace('\n}', `\n${lines}\n}`))).toEqual(expected);
  });

  it('have one neighbour each', () => {
    expect(codes(BFD + BFD.replace('b {', 'c {'))).toEqual(['5 error config/duplicate-name']);
  });
});

describe('what a virtual router follows', () => {
  it('has the weight of the tracked thing unless it gives one', () => {
    const weighted = `${FILE.replace('\n}', '\nweight 7 reverse\n}')}${PROCESS.replace('\n}', '\nweight -4\n}')}${BFD.replace('\n}', '\nweight 9\n}')}`;
    const lines = (entry: string) =>
      `track_file {\nf ${entry}\n}\ntrack_process {\np ${entry}\n}\ntrack_bfd {\nb ${entry}\n}\ntrack_interface {\neth1 ${entry.replace('noreverse', '')}\n}`;
    const of = (entry: string) => configuration(weighted + instance(lines(entry))).routers[0];
    expect(of('')).toMatchObject({
      trackFiles: [{ file: 'f', weight: 7, reverse: true }],
      trackProcesses: [{ process: 'p', weight: -4, reverse: false }],
      trackBfds: [{ bfd: 'b', weight: 9, reverse: false }],
      trackInterfaces: [{ interface: 'eth1', weight: 0, reverse: false }],
      trackScripts: [],
    });
    expect(of('weight 3 noreverse')).toMatchObject({
      trackFiles: [{ file: 'f', weight: 3, reverse: false }],
      trackProcesses: [{ process: 'p', weight: 3, reverse: false }],
      trackBfds: [{ bfd: 'b', weight: 3, reverse: false }],
      trackInterfaces: [{ interface: 'eth1', weight: 3, reverse: false }],
    });
    expect(of('weight 3 reverse')?.trackBfds).toEqual([{ bfd: 'b', weight: 3, reverse: true }]);
  });

  it.each([
    ['track_file {\nx\n}', ['6 error config/unknown-reference']],
    ['track_process {\nx\n}', ['6 error config/unknown-reference']],
    ['track_bfd {\nx\n}', ['6 error config/unknown-reference']],
    ['track_interface {\neth1 weight 254\n}', ['6 error config/out-of-range']],
    ['track_interface {\neth1 weight\n}', ['6 error config/incomplete-line']],
    ['track_interface {\neth1 wieght 5\n}', ['6 warning config/unknown-word']],
    ['track_interface {\neth1 weight 5 noreverse\n}', ['6 warning config/unknown-word']],
    ['track_interface {\neth1\neth1 weight 5\n}', ['7 warning config/no-effect']],
  ])('%j: %j', (lines, expected) => {
    expect(codes(instance(lines))).toEqual(expected);
  });

  it('is lost with a session that is for checks only', () => {
    expect(codes(`${instance('track_bfd {\nb\n}')}${BFD.replace('\n}', '\nchecker\n}')}`)).toEqual(['6 error config/unknown-reference']);
  });

  it('loses its weights in a sync group, unless the group allows them', () => {
    const lines = 'track_script {\ns weight 5\n}\ntrack_interface {\neth1 weight 5\neth2\n}';
    const group = (extra: string) =>
      `${SCRIPT}${instance(lines)}${instance('', 'W').replace('eth0', 'eth3')}vrrp_sync_group G {\ngroup {\nV\nW\n}\n${extra}\n}\n`;
    expect(configuration(group('')).routers[0]).toMatchObject({
      ...NO_TRACKERS,
      trackInterfaces: [{ interface: 'eth2', weight: 0, reverse: false }],
    });
    expect(codes(group(''))).toEqual(['8 warning config/weight-in-group', '11 warning config/weight-in-group']);
    expect(configuration(group('sync_group_tracking_weight')).routers[0]?.trackScripts).toEqual([
      { script: 's', weight: 5, reverse: false },
    ]);
    expect(codes(group('sync_group_tracking_weight'))).toEqual([]);
  });

  it('never changes the priority of an owner', () => {
    expect(codes(`${SCRIPT}${instance('priority 255\ntrack_script {\ns weight 5\n}')}`)).toEqual(['9 warning config/no-effect']);
    expect(router('priority 255\ntrack_interface {\neth1\n}')?.trackInterfaces).toHaveLength(1);
  });

  it('may be a matter of the group', () => {
    const text = `${SCRIPT}${FILE}${instance('')}${instance('', 'W').replace('eth0', 'eth3')}vrrp_sync_group G {\ngroup {\nV\nW\n}\ntrack_script {\ns weight 5\n}\ntrack_file {\nf\n}\nglobal_tracking\nnotify_priority_changes\nnotify_stop /bin/true\n}\n`;
    expect(configuration(text).groups[0]).toMatchObject({
      ...NO_TRACKERS,
      trackScripts: [{ script: 's', weight: 5, reverse: false }],
      trackFiles: [{ file: 'f', weight: 1, reverse: false }],
      globalTracking: true,
      trackingWeight: false,
      notifyPriorityChanges: true,
      notify: { stop: { argv: ['/bin/true'] } },
    });
  });
});
