import { describe, expect, it } from 'vitest';
import { composeGroupMail, composeRouterMail, type RouterMailState } from './mail.ts';

describe('mail about virtual routers', () => {
  it.each<[RouterMailState, string, string]>([
    ['MASTER', 'Entering MASTER state', '=> VRRP Instance is now owning VRRP VIPs <='],
    ['BACKUP', 'Entering BACKUP state', '=> VRRP Instance is no longer owning VRRP VIPs <='],
    ['FAULT', 'Entering FAULT state', '=> VRRP Instance is no longer owning VRRP VIPs <='],
    ['STOP', 'Stopping', '=> VRRP Instance stopping <='],
    ['DELETED', 'Deleted', '=> VRRP Deleted at reload <='],
  ])("on %s has keepalived's subject and body", (state, title, body) => {
    expect(composeRouterMail('LVS_DEVEL', 'VI_1', state)).toEqual({ subject: `[LVS_DEVEL] VRRP Instance VI_1 - ${title}`, body });
  });

  it('speaks of groups in their own words', () => {
    expect(composeGroupMail('LVS_DEVEL', 'VG_1', 'MASTER')).toEqual({
      subject: '[LVS_DEVEL] VRRP Group VG_1 - Entering MASTER state',
      body: '=> All VRRP group instances are now in MASTER state <=',
    });
    expect(composeGroupMail('LVS_DEVEL', 'VG_1', 'STOP').body).toBe('=> All VRRP group instances are now stopping <=');
  });
});
