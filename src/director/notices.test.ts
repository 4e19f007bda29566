import { describe, expect, it } from 'vitest';
import type { ServiceKey } from '../model/index.ts';
import { Desk, KEY, OTHER, RS1, RS2, row, SORRY, script, server, service } from './harness.ts';

describe('mail about checks', () => {
  it('tells of each check of a server, also of one that changes nothing', () => {
    const desk = new Desk().configure(service()).up(RS1, RS2).down(RS1).quiet();
    desk.check(RS1, 'down', 'tcp', false).check(RS1, 'up', 'dns', true).check(RS2, 'up', 'tcp', true);
    expect(desk.mail()).toEqual([
      expect.stringContaining('201]:tcp:80 of virtual server [192.168.18.200]:tcp:80 - DOWN | => TCP CHECK failed on service <='),
    ]);
  });

  it('with no_checker_emails tells only of servers that are added or removed', () => {
    const desk = new Desk({}, { noCheckerMail: true }).configure(service()).up(RS1, RS2).check(RS1, 'down', 'tcp', false);
    expect(desk.mail()).toEqual([]);
    desk.down(RS1);
    expect(desk.mail()).toEqual([expect.stringContaining('201]:tcp:80 of virtual server [192.168.18.200]:tcp:80 - DOWN')]);
    desk.up(RS1);
    expect(desk.mail()).toEqual([expect.stringContaining('- UP | => CHECK succeed on service <=')]);
  });
});

describe('lines for the notify FIFOs', () => {
  const RS = (address: string, state: string) => `RS [${address}]:tcp:80 [192.168.18.200]:tcp:80 ${state}\n\0`;
  const VS = (state: string) => `VS [192.168.18.200]:tcp:80 ${state}\n\0`;

  it('tell of every change, each with the byte that keepalived puts behind it, and of the service at the start', () => {
    const desk = new Desk().configure(service()).up(RS1, RS2);
    expect(desk.lines()).toEqual([VS('UP')]);
    desk.down(RS1).down(RS2).up(RS2);
    expect(desk.lines()).toEqual([RS(RS1, 'DOWN'), RS(RS2, 'DOWN'), VS('DOWN'), RS(RS2, 'UP'), VS('UP')]);
  });

  it('with rs_init_notifies tell of servers that are up from the start, and their commands run', () => {
    const servers = [server(RS1, { notifyUp: script('up') }), server(RS2, { checks: [] })];
    const desk = new Desk({}, { initialNotifies: true }).configure(service({ servers })).up(RS1);
    expect(desk.lines()).toEqual([RS(RS2, 'UP'), VS('UP'), RS(RS1, 'UP')]);
    expect(desk.scripts()).toEqual(['up for [192.168.18.201]:tcp:80']);
  });

  it('say nothing of servers and services that a restarted director finds as they were', () => {
    const inherited = [{ key: KEY, scheduler: 'rr', schedulerFlags: [], onePacket: false, servers: [row(RS1), row(RS2)] }] as const;
    const desk = new Desk({ inherited }, { initialNotifies: true }).configure(service()).up(RS1, RS2);
    expect(desk.lines()).toEqual([]);
    desk.down(RS1);
    expect(desk.lines()).toEqual([RS(RS1, 'DOWN')]);
  });

  it('go on where a director that died left off: what was down is told to be up, and not to be down again', () => {
    const mailed = (desk: Desk) => desk.mail().map((text) => text.split(' | ')[0]);
    const options = { inherited: [{ key: KEY, scheduler: 'rr', schedulerFlags: [], onePacket: false, servers: [] }] } as const;
    const down = new Desk(options).configure(service({ smtpAlert: true })).down(RS1, RS2);
    expect([down.lines(), down.mail(), down.engine.snapshot()[0]?.quorum.state]).toEqual([[], [], 'lost']);
    const back = new Desk(options).configure(service({ smtpAlert: true })).up(RS1);
    expect(back.lines()).toEqual([RS(RS1, 'UP'), VS('UP')]);
    expect(mailed(back)).toEqual([
      '[LVS_DEVEL] Virtualserver [192.168.18.200]:tcp:80 - UP',
      '[LVS_DEVEL] Realserver [192.168.18.201]:tcp:80 of virtual server [192.168.18.200]:tcp:80 - UP',
    ]);
  });

  it('know an inhibited server, and a sorry server that waits with weight 0, when they find them in the table', () => {
    const servers = [row(RS1, 0), row(RS2), row(SORRY, 0)];
    const options = { inherited: [{ key: KEY, scheduler: 'rr', schedulerFlags: [], onePacket: false, servers }] } as const;
    const config = { sorryServer: row(SORRY), sorryServerInhibit: true, servers: [server(RS1, { inhibitOnFailure: true }), server(RS2)] };
    const desk = new Desk(options).configure(service(config));
    expect(desk.table()).toEqual(['201 w0', '202 w1', '250 w0']);
    desk.down(RS1).up(RS2);
    expect([desk.lines(), desk.mail()]).toEqual([[], []]);
    desk.up(RS1);
    expect(desk.lines()).toEqual([RS(RS1, 'UP')]);
  });

  it('say nothing of a first failure of a server that counts as down anyway', () => {
    const servers = [server(RS1, { alpha: true, notifyDown: script('down') }), server(RS2)];
    const desk = new Desk().configure(service({ servers })).up(RS2).down(RS1);
    expect([desk.lines(), desk.scripts(), desk.mail()]).toEqual([[VS('UP')], [], []]);
  });

  it('tell at the end only with omega, and so does mail', () => {
    const ended = (omega: boolean) => {
      const desk = new Desk()
        .configure(service({ omega, smtpAlert: true }))
        .up(RS1)
        .down(RS2)
        .quiet();
      desk.event({ type: 'stop' });
      return { lines: desk.lines(), mail: desk.mail() };
    };
    expect(ended(false)).toEqual({ lines: [], mail: [] });
    expect(ended(true)).toEqual({
      lines: [RS(RS1, 'DOWN'), VS('DOWN')],
      mail: [
        '[LVS_DEVEL] Realserver [192.168.18.201]:tcp:80 of virtual server [192.168.18.200]:tcp:80 - DOWN | => Shutting down <=',
        '[LVS_DEVEL] Virtualserver [192.168.18.200]:tcp:80 - DOWN | => Shutting down <=',
      ],
    });
  });

  it('tell of servers and services that leave the configuration', () => {
    const desk = new Desk().configure(service()).up(RS1, RS2).quiet();
    desk.configure(service({ servers: [server(RS2)] })).configure();
    expect(desk.lines()).toEqual([RS(RS1, 'DOWN'), RS(RS2, 'DOWN'), VS('DOWN')]);
  });
});

describe('a virtual_server_group', () => {
  const member = (key: ServiceKey) =>
    service({
      key,
      group: 'WEB',
      smtpAlert: true,
      quorumDown: script('lost'),
      servers: [server(RS1, { notifyDown: script('down') })],
    });
  const both = (desk: Desk, state: 'up' | 'down', first = false): Desk => {
    for (const key of [KEY, OTHER]) {
      const about = { service: key, server: row(RS1), check: 'http' as const, state };
      desk.event({ type: 'verdict', verdict: { ...about, reason: 'x' } });
      desk.event({ type: 'check-changed', change: { ...about, first } });
    }
    return desk;
  };

  it('fills a table for each member, and tells of what happens once, in its own name', () => {
    const desk = both(new Desk().configure(member(KEY), member(OTHER)), 'up', true);
    expect(desk.tables.map(({ servers }) => servers.length)).toEqual([1, 1]);
    expect(desk.lines()).toEqual(['VS [WEB]:0 UP\n\0']);
    both(desk, 'down');
    expect(desk.tables.map(({ servers }) => servers.length)).toEqual([0, 0]);
    expect(desk.lines()).toEqual(['RS [192.168.18.201]:tcp:80 [WEB]:0 DOWN\n\0', 'VS [WEB]:0 DOWN\n\0']);
    expect(desk.scripts()).toEqual(['down for [192.168.18.201]:tcp:80', 'lost for [192.168.18.200]:tcp:80']);
    expect(desk.mail().map((line) => line.split(' | ')[0])).toEqual([
      '[LVS_DEVEL] Virtualserver [WEB]:0 - DOWN',
      '[LVS_DEVEL] Realserver [192.168.18.201]:tcp:80 of virtual server [WEB]:0 - DOWN',
    ]);
  });

  it('of another protocol is another block, which tells for itself; a next member speaks when the first one leaves', () => {
    const udp = { ...KEY, protocol: 'udp' } as const;
    const other = both(new Desk().configure(member(KEY), member(OTHER)), 'up', true)
      .quiet()
      .configure(member(OTHER));
    expect([other.lines(), other.mail(), other.scripts()]).toEqual([[], [], []]);
    other.event({ type: 'verdict', verdict: { service: OTHER, server: row(RS1), check: 'http', state: 'down', reason: 'x' } });
    expect(other.lines()).toHaveLength(2);
    const spoken = new Desk().configure(member(KEY), member(udp));
    for (const key of [KEY, udp])
      spoken.event({ type: 'verdict', verdict: { service: key, server: row(RS1), check: 'http', state: 'up', reason: 'x' } });
    expect(spoken.lines()).toHaveLength(2);
  });
});
