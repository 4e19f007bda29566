/** What the settings change, which in the kernel are sysctl switches. */
import { describe, expect, it } from 'vitest';
import type { ForwardingSettings } from '../../model/index.ts';
import { Bed, FOR_ALL, ip, server, tcp } from './bed.test-helper.ts';

describe('settings', () => {
  it('sloppy_tcp begins connections in their middle, but not with a reset', () => {
    const b = new Bed({ sloppyTcp: true }).service(tcp(80), ['10.2.0.1']);
    expect([b.send({}, { rst: true }), b.send({}, { ack: true }), b.states()]).toEqual(['pass', '10.2.0.1:80>80', 'ESTABLISHED']);
  });

  it('secure_tcp lets the client alone establish nothing', () => {
    const b = new Bed({ secureTcp: 3 }).service(tcp(80), ['10.2.0.1'], {}, 'nat');
    b.send();
    b.send({}, { ack: true });
    expect(b.states()).toBe('SYN_RECV');
    b.plane.setSettings({ secureTcp: 0 });
    b.send({}, { ack: true });
    expect([b.states(), b.plane.settings().secureTcp]).toEqual(['ESTABLISHED', 0]);
  });

  it('expire_nodest_conn ends the connections and templates of a deleted server at once', () => {
    const b = new Bed({ expireConnectionsOfDeleted: true }).service(tcp(80), ['10.2.0.1', '10.2.0.2'], { persistence: FOR_ALL });
    b.send();
    b.send({ client: ip('10.0.0.2') });
    b.plane.deleteServer(tcp(80), server('10.2.0.2'));
    expect(b.listing()).toEqual(['tcp 10.0.0.2:40000 10.9.9.9:80 10.2.0.1:80', 'tcp 10.0.0.2:0 10.9.9.9:80 10.2.0.1:80']);
    expect([b.send({}, { ack: true }), b.send()]).toEqual(['pass', '10.2.0.1:80>80']);
    b.plane.deleteService(tcp(80));
    expect(b.listing()).toEqual([]);
  });

  it('expire_nodest_conn, switched on later, ends the connection with its next packet', () => {
    const b = new Bed().service(tcp(80), ['10.2.0.1', '10.2.0.2']);
    b.send();
    b.plane.deleteServer(tcp(80), server('10.2.0.2'));
    expect(b.send({}, { ack: true })).toBe('server-deleted');
    b.plane.setSettings({ expireConnectionsOfDeleted: true });
    expect([b.send({}, { ack: true }), b.listing()]).toEqual(['pass', []]);
  });

  it('expire_nodest_conn takes a SYN to a drained server elsewhere', () => {
    const drained = (settings: Partial<ForwardingSettings>): string => {
      const b = new Bed(settings).service(tcp(80), ['10.2.0.1', '10.2.0.2']);
      b.send();
      return b.edit('10.2.0.2', 0).send();
    };
    expect([drained({}), drained({ expireConnectionsOfDeleted: true })]).toEqual(['10.2.0.2:80>80', '10.2.0.1:80>80']);
  });

  it('expire_quiescent_template lets persistent clients leave a drained server', () => {
    const b = new Bed({ expireTemplatesOfQuiescent: true }).service(tcp(80), ['10.2.0.1', '10.2.0.2'], { persistence: FOR_ALL });
    expect(b.send()).toBe('10.2.0.2:80>80');
    expect(b.edit('10.2.0.2', 0).send({ clientPort: 1 })).toBe('10.2.0.1:80>80');
    expect(b.listing()).toContain('tcp 10.0.0.1:0 10.9.9.9:65535 10.2.0.2:65535');
  });

  it.each([
    [0, 'TIME_WAIT', false],
    [1, 'TIME_WAIT', true],
    [1, 'FIN_WAIT', false],
    [2, 'FIN_WAIT', true],
    [3, 'CLOSE', true],
  ] as const)('conn_reuse_mode %i: a SYN in %s begins anew: %s', (connectionReuse, state, anew) => {
    const b = new Bed({ connectionReuse }).service(tcp(80), ['10.2.0.1', '10.2.0.2']);
    b.send();
    if (state !== 'TIME_WAIT') b.send({}, { ack: true });
    b.send({}, state === 'CLOSE' ? { rst: true } : { fin: true });
    expect(b.states()).toBe(state);
    expect(b.send()).toBe(anew ? '10.2.0.1:80>80' : '10.2.0.2:80>80');
  });

  it('flags of a scheduler act from an edit on, and do not disturb a scheduler that has none', () => {
    const service = { key: tcp(80), schedulerFlags: [] as string[], onePacket: false };
    const b = new Bed().service(tcp(80), ['10.2.0.1', '10.2.0.2', '10.2.0.3']);
    b.send();
    b.plane.editService({ ...service, scheduler: 'rr', schedulerFlags: ['flag-1'] });
    expect(b.send({ clientPort: 1 })).toBe('10.2.0.2:80>80');
    b.plane.editService({ ...service, scheduler: 'sh' });
    const own = b.send({ clientPort: 2 });
    b.edit(own.replace(/:.*/, ''), 0);
    expect(b.send({ clientPort: 3 })).toBe('no-server');
    b.plane.editService({ ...service, scheduler: 'sh', schedulerFlags: ['sh-fallback'] });
    expect(b.send({ clientPort: 3 })).not.toBe('no-server');
  });
});
