import { describe, expect, it } from 'vitest';
import type { RealServer } from '../model/index.ts';
import type { DirectorEngineOptions } from './engine.ts';
import { Desk, KEY, OTHER, RS1, RS2, row, SORRY, script, server, service } from './harness.ts';

describe('two checked servers', () => {
  it('enter the table when their first checks pass, without mail', () => {
    const desk = new Desk().configure(service());
    expect(desk.tables).toMatchObject([{ key: KEY, scheduler: 'rr', servers: [] }]);
    desk.up(RS1, RS2);
    expect(desk.table()).toEqual(['201 w1', '202 w1']);
    expect(desk.log()).toEqual([
      'Adding service [192.168.18.201]:tcp:80 to VS [192.168.18.200]:tcp:80',
      'Adding service [192.168.18.202]:tcp:80 to VS [192.168.18.200]:tcp:80',
    ]);
    expect(desk.mail()).toEqual([]);
  });

  it('one goes down and comes back: out of the table, mail, in again as the newest, mail', () => {
    const desk = new Desk().configure(service()).up(RS1, RS2).quiet().down(RS1);
    expect(desk.table()).toEqual(['202 w1']);
    expect(desk.log()).toEqual(['Removing service [192.168.18.201]:tcp:80 from VS [192.168.18.200]:tcp:80']);
    expect(desk.mail()).toEqual([
      '[LVS_DEVEL] Realserver [192.168.18.201]:tcp:80 of virtual server [192.168.18.200]:tcp:80 - DOWN | => CHECK failed on service : HTTP request failed <=',
    ]);
    desk.up(RS1);
    expect(desk.table()).toEqual(['202 w1', '201 w1']);
    expect(desk.mail()).toEqual([
      '[LVS_DEVEL] Realserver [192.168.18.201]:tcp:80 of virtual server [192.168.18.200]:tcp:80 - UP | => CHECK succeed on service <=',
    ]);
  });

  it('a server dead from the start never enters the table, and is reported as down', () => {
    const desk = new Desk().configure(service()).down(RS1).up(RS2);
    expect(desk.table()).toEqual(['202 w1']);
    expect(desk.mail()).toHaveLength(1);
  });

  it('a repeated verdict says nothing and changes nothing', () => {
    const desk = new Desk().configure(service()).up(RS1).down(RS1).quiet().down(RS1);
    expect([desk.log(), desk.mail(), desk.engine.drain()]).toEqual([[], [], []]);
  });

  it('says the words of TCP_CHECK in mail about TCP checks, and none when smtp_alert is off', () => {
    const desk = new Desk().configure(service({ servers: [server(RS1), server(RS2, { smtpAlert: false })] })).up(RS1, RS2);
    desk.check(RS1, 'down', 'tcp', false);
    desk.down(RS2);
    expect(desk.mail()).toEqual([
      expect.stringContaining('201]:tcp:80 of virtual server [192.168.18.200]:tcp:80 - DOWN | => TCP CHECK failed on service <='),
    ]);
  });

  it('runs notify scripts on changes, notify_down also for a server dead at start', () => {
    const servers = [RS1, RS2].map((address) => server(address, { notifyUp: script('up'), notifyDown: script('down') }));
    const desk = new Desk().configure(service({ servers })).up(RS1).down(RS2);
    expect(desk.scripts()).toEqual(['down for [192.168.18.202]:tcp:80']);
    desk.up(RS2);
    expect(desk.scripts()).toEqual(['up for [192.168.18.202]:tcp:80']);
  });

  it('a server without checks is in the table at once', () => {
    const desk = new Desk().configure(service({ servers: [server(RS1, { checks: [] }), server(RS2)] }));
    expect(desk.table()).toEqual(['201 w1']);
  });
});

describe('quorum', () => {
  const four = (quorum: number, hysteresis: number) => {
    const servers = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'].map((address) => server(address, { smtpAlert: false }));
    return service({ servers, quorum, hysteresis, smtpAlert: true, quorumUp: script('quorum_up'), quorumDown: script('quorum_down') });
  };
  const all = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'];

  it('is lost below quorum - hysteresis and gained from quorum + hysteresis on', () => {
    const desk = new Desk().configure(four(2, 1)).up(...all);
    expect([desk.mail(), desk.scripts()]).toEqual([[], []]); // up from the start is no news
    desk.down('10.0.0.1', '10.0.0.2', '10.0.0.3').quiet();
    expect(desk.engine.snapshot()[0]?.quorum).toEqual({ state: 'up', required: 2, hysteresis: 1, liveWeight: 1 });
    desk.down('10.0.0.4');
    expect(desk.log()).toContain('Lost quorum 2-1=1 > 0 for VS [192.168.18.200]:tcp:80');
    expect(desk.mail()).toEqual(['[LVS_DEVEL] Virtualserver [192.168.18.200]:tcp:80 - DOWN | => Lost quorum 2+1=1 <= 0 <=']);
    expect(desk.scripts()).toEqual(['quorum_down for [192.168.18.200]:tcp:80']);
    desk.up('10.0.0.1', '10.0.0.2');
    expect(desk.engine.snapshot()[0]?.quorum.state).toBe('lost');
    desk.up('10.0.0.3');
    expect(desk.log()).toContain('Gained quorum 2+1=3 <= 3 for VS [192.168.18.200]:tcp:80');
    expect(desk.mail()).toEqual(['[LVS_DEVEL] Virtualserver [192.168.18.200]:tcp:80 - UP | => Gained quorum 2+1=3 <= 3 <=']);
    expect(desk.scripts()).toEqual(['quorum_up for [192.168.18.200]:tcp:80']);
    expect(desk.table()).toEqual(['1 w1', '2 w1', '3 w1']);
  });

  it('is undecided at the start until it is reached or out of reach', () => {
    const desk = new Desk().configure(four(2, 0));
    desk.down('10.0.0.1', '10.0.0.2');
    expect(desk.engine.snapshot()[0]?.quorum.state).toBe('undecided');
    expect(new Desk().configure(four(2, 0)).down('10.0.0.1', '10.0.0.2').up('10.0.0.3', '10.0.0.4').log()).not.toContainEqual(
      expect.stringContaining('quorum'),
    );
    desk.quiet().down('10.0.0.3'); // one undecided server can no longer make two
    expect(desk.log()).toContain('Lost quorum 2-0=2 > 0 for VS [192.168.18.200]:tcp:80');
  });
});

describe('the sorry server', () => {
  const sorryServer = row(SORRY);

  it('serves alone while the quorum is lost', () => {
    const desk = new Desk()
      .configure(service({ sorryServer, quorum: 2 }))
      .up(RS1, RS2)
      .quiet()
      .down(RS1);
    expect(desk.table()).toEqual(['250 w1']);
    expect(desk.log()).toEqual([
      'Removing service [192.168.18.201]:tcp:80 from VS [192.168.18.200]:tcp:80',
      'Lost quorum 2-0=2 > 1 for VS [192.168.18.200]:tcp:80',
      'Adding sorry server [192.168.18.250]:tcp:80 to VS [192.168.18.200]:tcp:80',
      'Removing alive servers from the pool for VS [192.168.18.200]:tcp:80',
    ]);
    desk.up(RS1);
    expect(desk.table().sort()).toEqual(['201 w1', '202 w1']);
    expect(desk.log()).toEqual([
      'Adding service [192.168.18.201]:tcp:80 to VS [192.168.18.200]:tcp:80',
      'Gained quorum 2+0=2 <= 2 for VS [192.168.18.200]:tcp:80',
      'Removing sorry server [192.168.18.250]:tcp:80 from VS [192.168.18.200]:tcp:80',
      'Adding alive servers to the pool for VS [192.168.18.200]:tcp:80',
    ]);
  });

  it('steps in at the start only when no server can reach the quorum', () => {
    const desk = new Desk().configure(service({ sorryServer })).down(RS1);
    expect(desk.table()).toEqual([]);
    desk.down(RS2);
    expect(desk.table()).toEqual(['250 w1']);
  });

  it('serves from the first moment in alpha mode, where servers count as down until they pass, and passing is reported', () => {
    const servers = [server(RS1, { alpha: true }), server(RS2, { alpha: true })];
    const desk = new Desk().configure(service({ sorryServer, alpha: true, servers }));
    expect(desk.table()).toEqual(['250 w1']);
    expect(desk.log()).toContain('Starting with quorum down 1-0=1 > 0 for VS [192.168.18.200]:tcp:80');
    desk.down(RS2);
    expect([desk.log(), desk.mail()]).toEqual([[], []]);
    desk.up(RS1);
    expect(desk.table()).toEqual(['201 w1']);
    expect(desk.mail()).toEqual([expect.stringContaining('201]:tcp:80 of virtual server [192.168.18.200]:tcp:80 - UP')]);
  });

  it('leaves a drained server its connections: it stays with weight 0 beside the sorry server', () => {
    const desk = new Desk().configure(service({ sorryServer })).up(RS1, RS2).override(RS1, 0).down(RS2);
    expect(desk.table()).toEqual(['201 w0', '250 w1']);
  });

  it('is exchanged by a reload while it serves, and gives way when it leaves the file', () => {
    const desk = new Desk()
      .configure(service({ sorryServer, quorum: 2 }))
      .up(RS1)
      .down(RS2)
      .quiet();
    desk.configure(service({ sorryServer: row('192.168.18.251'), quorum: 2 }));
    expect(desk.table()).toEqual(['251 w1']);
    expect(desk.log()).toEqual([
      'Removing sorry server [192.168.18.250]:tcp:80 from VS [192.168.18.200]:tcp:80',
      'Adding sorry server [192.168.18.251]:tcp:80 to VS [192.168.18.200]:tcp:80',
    ]);
    desk.configure(service({ quorum: 2 }));
    expect(desk.table()).toEqual(['201 w1']);
  });
});

describe('inhibit_on_failure', () => {
  it('keeps a dead server in the table with weight 0', () => {
    const desk = new Desk()
      .configure(service({ servers: [server(RS1, { inhibitOnFailure: true }), server(RS2)] }))
      .up(RS1, RS2)
      .quiet();
    desk.down(RS1);
    expect(desk.table()).toEqual(['201 w0', '202 w1']);
    desk.up(RS1);
    expect(desk.table()).toEqual(['201 w1', '202 w1']);
    expect(desk.log()).toEqual([
      'Disabling service [192.168.18.201]:tcp:80 of VS [192.168.18.200]:tcp:80',
      'Enabling service [192.168.18.201]:tcp:80 of VS [192.168.18.200]:tcp:80',
    ]);
  });
});

describe("an operator's weight", () => {
  it('drains a server in place, survives a reload and a failure, and is given back', () => {
    const desk = new Desk().configure(service()).up(RS1, RS2).quiet().override(RS1, 0);
    expect(desk.table()).toEqual(['201 w0', '202 w1']);
    expect(desk.log()).toEqual(['Changing weight from 1 to 0 for active service [192.168.18.201]:tcp:80 of VS [192.168.18.200]:tcp:80']);
    desk.configure(service({ servers: [server(RS1, { weight: 5 }), server(RS2)] }));
    expect(desk.table()).toEqual(['201 w0', '202 w1']);
    desk.down(RS1).up(RS1);
    expect(desk.table()).toEqual(['202 w1', '201 w0']);
    expect(desk.engine.snapshot()[0]?.servers[0]).toMatchObject({ weight: 5, override: 0, effectiveWeight: 0, health: 'up' });
    desk.override(RS1, undefined);
    expect(desk.table()).toEqual(['202 w1', '201 w5']);
  });

  it('counts for the quorum', () => {
    const desk = new Desk().configure(service()).up(RS1, RS2).override(RS1, 0).override(RS2, 0);
    expect(desk.engine.snapshot()[0]?.quorum.state).toBe('lost');
    expect(desk.table()).toEqual(['201 w0', '202 w0']); // no sorry server: nothing is gained by cutting their connections
  });

  it('for an unknown server is refused in the log', () => {
    const desk = new Desk().configure(service()).quiet().override('10.9.9.9', 0);
    expect(desk.log()).toEqual(['No such real server: 10.9.9.9:80 of VS [192.168.18.200]:tcp:80; its weight stays as it is']);
  });
});

describe('a reload', () => {
  it('of the same file does nothing at all', () => {
    const desk = new Desk().configure(service()).up(RS1).down(RS2).quiet();
    const before = desk.tables;
    desk.configure(service());
    expect(desk.tables).toBe(before);
    expect([desk.log(), desk.mail(), desk.scripts()]).toEqual([[], [], []]);
  });

  it('keeps the tables of untouched services as the same objects', () => {
    const other = service({ key: OTHER });
    const desk = new Desk().configure(service(), other).up(RS1, RS2);
    const untouched = desk.tables[1];
    desk.configure(service({ scheduler: 'wrr' }), other);
    expect(desk.tables[0]).toMatchObject({ scheduler: 'wrr', servers: [{ weight: 1 }, { weight: 1 }] });
    expect(desk.tables[1]).toBe(untouched);
  });

  it('changes a weight in place', () => {
    const desk = new Desk().configure(service()).up(RS1, RS2).quiet();
    desk.configure(service({ servers: [server(RS1), server(RS2, { weight: 3 })] }));
    expect(desk.table()).toEqual(['201 w1', '202 w3']);
    expect(desk.log()).toEqual(['Changing weight from 1 to 3 for active service [192.168.18.202]:tcp:80 of VS [192.168.18.200]:tcp:80']);
  });

  it('removes and adds servers without touching the others; a new one waits for its first check', () => {
    const desk = new Desk().configure(service()).up(RS1, RS2).quiet();
    desk.configure(service({ servers: [server('10.0.0.9'), server(RS2)] }));
    expect(desk.table()).toEqual(['202 w1']);
    expect(desk.log()).toEqual([
      'service [192.168.18.201]:tcp:80 no longer exist',
      'Removing service [192.168.18.201]:tcp:80 from VS [192.168.18.200]:tcp:80',
    ]);
    expect(desk.mail()).toEqual([expect.stringContaining('- DOWN | => Removing <=')]);
    desk.up('10.0.0.9');
    expect(desk.table()).toEqual(['202 w1', '9 w1']);
  });

  it('that replaces every server does not lose the quorum while the new ones are being checked', () => {
    const desk = new Desk()
      .configure(service({ sorryServer: row(SORRY) }))
      .up(RS1, RS2)
      .quiet();
    desk.configure(service({ sorryServer: row(SORRY), servers: [server('10.0.0.9')] }));
    expect(desk.table()).toEqual([]);
    expect(desk.engine.snapshot()[0]?.quorum.state).toBe('up');
    desk.down('10.0.0.9');
    expect(desk.table()).toEqual(['250 w1']);
  });

  it('removes a service with its servers, and a verdict about it afterwards is ignored', () => {
    const desk = new Desk()
      .configure(service({ quorumDown: script('quorum_down') }))
      .up(RS1, RS2)
      .quiet()
      .configure();
    expect(desk.tables).toEqual([]);
    expect(desk.log()).toEqual([
      'Removing Virtual Server [192.168.18.200]:tcp:80',
      'Removing service [192.168.18.201]:tcp:80 from VS [192.168.18.200]:tcp:80',
      'Removing service [192.168.18.202]:tcp:80 from VS [192.168.18.200]:tcp:80',
    ]);
    expect(desk.scripts()).toEqual(['quorum_down for [192.168.18.200]:tcp:80']);
    desk.up(RS1);
    expect(desk.tables).toEqual([]);
  });

  it('brings a dead server up when its checks are taken away', () => {
    const desk = new Desk().configure(service()).up(RS1).down(RS2);
    desk.configure(service({ servers: [server(RS1), server(RS2, { checks: [] })] }));
    expect(desk.table()).toEqual(['201 w1', '202 w1']);
  });
});

describe('a director that starts over a living data plane', () => {
  const inherited = (...servers: RealServer[]): DirectorEngineOptions => ({
    inherited: [{ key: KEY, scheduler: 'rr', schedulerFlags: [], onePacket: false, servers }],
  });

  it('leaves rows of configured servers in place, in their order, until the first verdict', () => {
    const desk = new Desk(inherited(row(RS2), row(RS1, 0), row('10.9.9.9'))).configure(service());
    expect(desk.table()).toEqual(['202 w1', '201 w0']);
    desk.quiet().up(RS1);
    expect(desk.table()).toEqual(['202 w1', '201 w1']);
    desk.quiet().up(RS2);
    expect(desk.log()).toEqual([]);
    desk.down(RS2);
    expect(desk.table()).toEqual(['201 w1']);
  });

  it('leaves the sorry server in place until the quorum is known', () => {
    const desk = new Desk(inherited(row(SORRY))).configure(service({ sorryServer: row(SORRY) }));
    expect(desk.table()).toEqual(['250 w1']);
    desk.up(RS1);
    expect(desk.table()).toEqual(['201 w1']);
  });
});

describe('stop', () => {
  it('empties the tables and says so in the log, without mail', () => {
    const desk = new Desk().configure(service()).up(RS1).quiet().event({ type: 'stop' });
    expect(desk.tables).toEqual([]);
    expect(desk.log()).toEqual(['Shutting down service [192.168.18.201]:tcp:80 from VS [192.168.18.200]:tcp:80']);
    expect(desk.mail()).toEqual([]);
  });
});

describe('weights that checks measure', () => {
  it('count like configured ones, in the table and for the quorum, until the check takes them back', () => {
    const desk = new Desk()
      .configure(service({ quorum: 2 }))
      .up(RS1, RS2)
      .quiet();
    desk.measure(RS1, 9);
    expect(desk.table()).toEqual(['201 w9', '202 w1']);
    expect(desk.log()).toEqual(['Changing weight from 1 to 9 for active service [192.168.18.201]:tcp:80 of VS [192.168.18.200]:tcp:80']);
    desk.measure(RS1, 0);
    expect(desk.log()).toContain('Lost quorum 2-0=2 > 1 for VS [192.168.18.200]:tcp:80');
    desk.measure(RS1, undefined);
    expect(desk.table()).toEqual(['201 w1', '202 w1']);
    expect(desk.mail()).toEqual([]);
  });

  it('give way to an operator', () => {
    const desk = new Desk().configure(service()).up(RS1, RS2).override(RS1, 5);
    desk.measure(RS1, 9);
    expect(desk.table()).toEqual(['201 w5', '202 w1']);
    desk.override(RS1, undefined);
    expect(desk.table()).toEqual(['201 w9', '202 w1']);
  });
});

describe('what keepalived switches on by a word', () => {
  const inhibited = { sorryServer: row(SORRY), sorryServerInhibit: true };

  it('sorry_server_inhibit: the sorry server waits with weight 0', () => {
    const desk = new Desk().configure(service(inhibited)).up(RS1, RS2);
    expect(desk.table()).toEqual(['250 w0', '201 w1', '202 w1']);
    desk.down(RS1, RS2);
    expect(desk.table()).toEqual(['250 w1']);
    desk.up(RS2);
    expect(desk.table()).toEqual(['250 w0', '202 w1']);
  });

  it('omega: the commands for down run at the end, of what was up', () => {
    const servers = [server(RS1, { notifyDown: script('rs1-down') }), server(RS2, { notifyDown: script('rs2-down') })];
    const stopped = (omega: boolean) => {
      const desk = new Desk()
        .configure(service({ omega, servers, quorumDown: script('lost') }))
        .up(RS1)
        .down(RS2);
      desk.quiet().event({ type: 'stop' });
      return desk.scripts();
    };
    expect(stopped(true)).toEqual(['rs1-down for [192.168.18.201]:tcp:80', 'lost for [192.168.18.200]:tcp:80']);
    expect(stopped(false)).toEqual([]);
  });

  it('alpha of one server: it counts as down, the others do not', () => {
    const servers = [server(RS1, { alpha: true, notifyUp: script('up1') }), server(RS2, { notifyUp: script('up2') })];
    const desk = new Desk().configure(service({ servers })).up(RS1, RS2);
    expect(desk.scripts()).toEqual(['up1 for [192.168.18.201]:tcp:80']);
    expect(desk.mail()).toEqual([expect.stringContaining('201]:tcp:80 of virtual server [192.168.18.200]:tcp:80 - UP')]);
  });
});
