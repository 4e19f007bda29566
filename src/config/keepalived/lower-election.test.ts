import { describe, expect, it } from 'vitest';
import { codes, instance, router } from './lowering.test-helper.ts';

const VIP = 'virtual_ipaddress {\n10.0.0.9\n}';
const VIP6 = 'virtual_ipaddress {\nfe80::9\n}';
const PASSWORD = 'authentication {\nauth_type PASS\nauth_pass secret\n}';

describe('elections', () => {
  it.each([
    ['', 2],
    ['version 3', 3],
    [VIP6, 3],
    [`version 2\n${VIP6}`, 2],
    [`version 2\nstrict_mode\n${VIP6}`, 3],
    ['native_ipv6', 3],
  ])('version of %j: %j', (lines, version) => {
    expect(router(lines)?.version).toBe(version);
  });

  it('take their version from global_defs', () => {
    expect(router('', 'vrrp_version 3')?.version).toBe(3);
    expect(router('version 2', 'vrrp_version 3')?.version).toBe(2);
    expect(router(VIP6, 'vrrp_version 2')?.version).toBe(3);
  });

  it.each([
    ['', false, 100],
    ['state MASTER', true, 255],
    ['state MASTER\npriority 101', true, 101],
    ['priority 255', true, 255],
    ['state BACKUP\npriority 255', false, 255],
    ['strict_mode\nstate MASTER\npriority 101', false, 101],
    ['strict_mode\nstate BACKUP\npriority 255', true, 255],
  ])('priority of %j', (lines, wantsMaster, priority) => {
    expect(router(lines)).toMatchObject({ wantsMaster, priority });
  });

  it.each([
    ['advert_int 2', 2_000_000],
    ['advert_int 1.4', 1_000_000],
    ['advert_int 1.5', 2_000_000],
    ['advert_int 0.3', 1_000_000],
    ['version 3\nadvert_int 0.01', 10_000],
    ['version 3\nadvert_int 0.128', 130_000],
    ['version 3\nadvert_int 40.95', 40_950_000],
    ['version 3\nadvert_int 41', 40_950_000],
  ])('%j', (lines, interval) => {
    expect(router(lines)?.advertInterval).toBe(interval);
  });

  it('believe a password in version 2 only', () => {
    expect(router(PASSWORD)?.authentication?.type).toBe('pass');
    expect(router(PASSWORD.replace('PASS', 'AH'))?.authentication?.type).toBe('ah');
    expect(router(`state MASTER\npriority 100\n${PASSWORD.replace('PASS', 'AH')}`)?.wantsMaster).toBe(false);
    expect(router(`version 3\n${PASSWORD}`)?.authentication).toBeUndefined();
    expect(router(`strict_mode\n${PASSWORD}`)?.authentication).toBeUndefined();
    expect(router(`version 2\n${VIP6}\n${PASSWORD}`)?.authentication?.type).toBe('pass');
    expect(router(`version 2\n${VIP6}\n${PASSWORD.replace('PASS', 'AH')}`)?.authentication).toBeUndefined();
  });

  it.each([
    ['', { noPreempt: false, preemptDelay: 0 }],
    ['nopreempt', { noPreempt: true, preemptDelay: 0 }],
    ['nopreempt\npreempt', { noPreempt: false, preemptDelay: 0 }],
    ['preempt_delay 5', { noPreempt: false, preemptDelay: 5_000_000 }],
    ['nopreempt\npreempt\npreempt_delay 5', { noPreempt: false, preemptDelay: 5_000_000 }],
    ['nopreempt\npreempt_delay 5', { noPreempt: true, preemptDelay: 0 }],
    ['strict_mode\npreempt_delay 5', { noPreempt: false, preemptDelay: 0 }],
    ['priority 255\nnopreempt', { noPreempt: false, preemptDelay: 0 }],
  ])('preemption of %j', (lines, expected) => {
    expect(router(lines)).toMatchObject(expected);
  });

  it.each([
    ['', true],
    ['no_accept', false],
    ['strict_mode', false],
    ['strict_mode\naccept', false],
    ['version 3\nstrict_mode\naccept', true],
    ['strict_mode\npriority 255', true],
    ['strict_mode off', true],
  ])('whether %j answers on its addresses: %j', (lines, accept) => {
    expect(router(lines)?.accept).toBe(accept);
  });

  it('know the fixed ideas of strict mode', () => {
    expect(router('strict_mode\ngarp_lower_prio_repeat 3\nhigher_prio_send_advert')).toMatchObject({
      strict: true,
      lowerPriorityNoAdvert: true,
      higherPrioritySendAdvert: false,
      ownerIgnoreAdverts: true,
      garp: { lowerPriorityRepeat: 0, lowerPriorityDelay: 0, repeat: 5 },
    });
    expect(router('strict_mode off', 'vrrp_strict')?.strict).toBe(false);
    expect(router('', 'vrrp_strict')?.strict).toBe(true);
  });

  it('take what they do not say from global_defs', () => {
    const globals =
      'vrrp_down_timer_adverts 5\nvrrp_skip_check_adv_addr\nv3_checksum_as_v2\nvrrp_lower_prio_no_advert\nvrrp_higher_prio_send_advert\nvrrp_owner_ignore_adverts\nvrrp_notify_priority_changes';
    const keys = {
      downTimerAdverts: 5,
      skipCheckAdvertisedAddresses: true,
      checksumWithoutPseudoHeader: true,
      lowerPriorityNoAdvert: true,
      higherPrioritySendAdvert: true,
      ownerIgnoreAdverts: true,
      notifyPriorityChanges: true,
    };
    expect(router('', globals)).toMatchObject(keys);
    const off =
      'down_timer_adverts 4\nskip_check_adv_addr off\nv3_checksum_as_v2 off\nlower_prio_no_advert off\nhigher_prio_send_advert off\nowner_ignore_adverts off\nnotify_priority_changes off';
    expect(router(off, globals)).toMatchObject({
      downTimerAdverts: 4,
      skipCheckAdvertisedAddresses: false,
      checksumWithoutPseudoHeader: false,
      lowerPriorityNoAdvert: false,
      higherPrioritySendAdvert: false,
      ownerIgnoreAdverts: false,
      notifyPriorityChanges: false,
    });
  });

  it.each([
    ['', undefined],
    ['timer_expired_backup', 254],
    ['timer_expired_backup 7', 7],
    ['thread_timer_expired 8', 8],
  ])('%j is priority %j', (lines, expected) => {
    expect(router(lines)?.timerExpiredBackup).toBe(expected);
  });

  it.each([
    [`version 2\n${VIP6}`, ['5 info config/version-2-over-ipv6']],
    [`version 2\nstrict_mode\nno_accept\n${VIP6}`, ['5 warning config/version-forced']],
    [`version 2\n${VIP6}\n${PASSWORD}`, ['5 info config/version-2-over-ipv6', '9 warning config/password-not-sent']],
    [
      `version 2\n${VIP6}\n${PASSWORD.replace('PASS', 'AH')}`,
      ['5 info config/version-2-over-ipv6', '9 warning config/authentication-ignored'],
    ],
    ['state BACKUP\npriority 255', ['5 warning config/owner-not-master']],
    [`state MASTER\npriority 100\n${PASSWORD.replace('PASS', 'AH')}`, ['5 warning config/ah-with-master']],
    [`strict_mode\n${VIP}`, ['5 warning config/vip-not-answering']],
    [`strict_mode\npriority 255\n${VIP}`, []],
    [`strict_mode\nno_accept\n${VIP}`, []],
    ['strict_mode\naccept', ['6 warning config/strict-ignores']],
    ['strict_mode\nstate MASTER\npriority 100', ['6 warning config/strict-ignores']],
    ['strict_mode\npreempt_delay 5', ['6 warning config/strict-ignores']],
    ['strict_mode\nlower_prio_no_advert off', ['6 warning config/strict-ignores']],
    ['strict_mode\nhigher_prio_send_advert', ['6 warning config/strict-ignores']],
    ['strict_mode\ngarp_lower_prio_delay 1', ['6 warning config/strict-ignores']],
    [`strict_mode\n${PASSWORD}`, ['6 warning config/authentication-ignored']],
    [`version 3\n${PASSWORD}`, ['6 warning config/authentication-ignored']],
    ['version 3\nadvert_int 41', ['6 error config/out-of-range']],
    ['advert_int 0.3', ['5 error config/out-of-range']],
    ['nopreempt\npreempt_delay 5', ['6 warning config/no-effect']],
    ['garp_master_repeat 0', ['5 warning config/unusual-value']],
    ['thread_timer_expired', ['5 info config/deprecated-keyword']],
  ])('what is said of %j: %j', (lines, expected) => {
    expect(codes(instance(lines))).toEqual(expected);
  });

  it('of version 3 need an address', () => {
    expect(codes(instance('version 3').replace('no_virtual_ipaddress', ''))).toEqual(['1 error config/no-address']);
  });
});
