import { describe, expect, it } from 'vitest';
import { transitionMail } from './transition-mail.ts';

describe('mail about virtual routers', () => {
  it('is in the words for an instance or a group', () => {
    const subject = (kind: 'instance' | 'group') => transitionMail({ kind, name: 'X', state: 'MASTER' }, 'A', { noFaults: true })?.subject;
    expect(subject('instance')).toBe('[A] VRRP Instance X - Entering MASTER state');
    expect(subject('group')).toBe('[A] VRRP Group X - Entering MASTER state');
  });

  it('leaves faults out where no_email_faults is written', () => {
    const fault = { kind: 'instance', name: 'X', state: 'FAULT' } as const;
    expect(transitionMail(fault, 'A', { noFaults: false })?.subject).toBe('[A] VRRP Instance X - Entering FAULT state');
    expect(transitionMail(fault, 'A', { noFaults: true })).toBeUndefined();
  });
});
