import { describe, expect, it } from 'vitest';
import { didYouMean, editDistance } from './text.ts';

describe('didYouMean', () => {
  it.each([
    ['stmp_connect_timeout', ['smtp_connect_timeout', 'smtp_server'], 'smtp_connect_timeout'],
    ['lvs_sync_daemon_inteface', ['lvs_sync_daemon_interface', 'interface'], 'lvs_sync_daemon_interface'],
    ['vrrp_mcast_group5', ['vrrp_mcast_group4', 'vrrp_mcast_group6'], 'vrrp_mcast_group4'],
    ['zebra', ['smtp_server'], undefined],
  ])('%s', (word, candidates, expected) => {
    expect(didYouMean(word, candidates)).toBe(expected);
  });

  it('counts a swap of neighbours as one edit', () => {
    expect(editDistance('stmp', 'smtp', 10)).toBe(1);
  });
});
