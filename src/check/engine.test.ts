import { describe, expect, it } from 'vitest';
import { millis, seconds } from '../base/index.ts';
import type { OpenConnection } from './events.ts';
import { Bench, checkedService, http, ip, OK, RS1, RS2, service, tcp, VIP } from './harness.ts';

describe('the schedule of checks', () => {
  it('runs the first checks of all servers at once', () => {
    const bench = new Bench();
    bench.configure(checkedService(VIP, { [RS1]: [http(RS1)], [RS2]: [http(RS2)] }));
    expect(bench.story()).toEqual([
      'Activating healthchecker for service [192.168.18.201]:tcp:80 for VS [192.168.18.200]:tcp:80',
      'Activating healthchecker for service [192.168.18.202]:tcp:80 for VS [192.168.18.200]:tcp:80',
      'open 192.168.18.201:80',
      'open 192.168.18.202:80',
    ]);
    bench.answer(RS1, OK);
    expect(bench.story()).toEqual([
      'Remote Web server [192.168.18.201]:tcp:80 succeed on service.',
      '192.168.18.201 up: HTTP_CHECK succeeded',
    ]);
  });

  it('takes one failure for down before the first result, without retries', () => {
    const bench = new Bench();
    bench.configure(checkedService(VIP, { [RS1]: [http(RS1)] }));
    bench.story();
    bench.refuse(RS1);
    expect(bench.story()).toEqual([
      'HTTP_CHECK on service [192.168.18.201]:tcp:80 failed.',
      '192.168.18.201 down: HTTP_CHECK failed: connection refused',
    ]);
  });

  it('retries a live server before it is down, then probes each period, and one success brings it up', () => {
    const bench = new Bench();
    bench.configure(checkedService(VIP, { [RS1]: [http(RS1)] }));
    bench.answer(RS1, OK);
    bench.story();

    bench.until(seconds(6)); // the period counts from the end of the round, at 0
    expect(bench.story()).toEqual([`open ${RS1}:80`]);
    bench.refuse(RS1);
    for (const at of [7, 8]) {
      bench.until(seconds(at));
      expect(bench.story()).toEqual([`open ${RS1}:80`]);
      bench.refuse(RS1);
    }
    bench.until(seconds(9));
    bench.story();
    bench.refuse(RS1); // the third retry
    expect(bench.story()).toEqual([
      'HTTP_CHECK on service [192.168.18.201]:tcp:80 failed after 3 retries.',
      '192.168.18.201 down: HTTP_CHECK failed after 3 retries: connection refused',
    ]);

    bench.until(seconds(14.999));
    expect(bench.story()).toEqual([]);
    bench.until(seconds(15));
    expect(bench.story()).toEqual([`open ${RS1}:80`]);
    bench.refuse(RS1); // still down: no retry, no news
    bench.until(seconds(20.999));
    expect(bench.story()).toEqual([]);
    bench.until(seconds(21));
    bench.answer(RS1, OK);
    expect(bench.story()).toEqual([
      `open ${RS1}:80`,
      'Remote Web server [192.168.18.201]:tcp:80 succeed on service.',
      '192.168.18.201 up: HTTP_CHECK succeeded',
    ]);
  });

  it('forgets failures when a retry succeeds', () => {
    const bench = new Bench();
    bench.configure(checkedService(VIP, { [RS1]: [tcp(RS1, { retry: 1 })] }));
    bench.accept(RS1);
    for (let i = 0; i < 5; i++) {
      bench.until(bench.now + seconds(6));
      bench.refuse(RS1);
      bench.until(bench.now + seconds(1));
      bench.accept(RS1);
    }
    expect(bench.story().filter((line) => line.includes('down'))).toEqual([]);
  });

  it('fails a connection that is not made within connect_timeout', () => {
    const bench = new Bench();
    bench.configure(checkedService(VIP, { [RS1]: [tcp(RS1)] }));
    bench.until(seconds(2) - 1);
    bench.story();
    bench.until(seconds(2));
    expect(bench.effects()).toEqual([
      { type: 'log', level: 'debug', message: 'TCP connection to [192.168.18.201]:tcp:80 timeout.' },
      { type: 'close', connection: 1 },
      { type: 'log', level: 'info', message: 'TCP_CHECK on service [192.168.18.201]:tcp:80 failed.' },
      expect.objectContaining({ type: 'verdict', verdict: expect.objectContaining({ state: 'down', check: 'tcp' }) }),
      expect.objectContaining({ type: 'check-changed', change: expect.objectContaining({ state: 'down', check: 'tcp', first: true }) }),
    ]);
  });

  it('calls nobody late for a pause of this process: only what was due when the shell last looked', () => {
    const bench = new Bench();
    bench.configure(checkedService(VIP, { [RS1]: [tcp(RS1)] }));
    bench.now = seconds(5); // held up for three seconds beyond the time-out
    bench.event({ type: 'tick', due: seconds(1) });
    expect(bench.open.has(RS1)).toBe(true);
    bench.event({ type: 'tick', due: seconds(2) });
    expect(bench.open.has(RS1)).toBe(false);
    expect(bench.engine.nextDeadline()).toBe(seconds(11)); // the period counts from the real end
  });

  it('takes a delay_loop of 0 for a short pause, not for a busy loop', () => {
    const bench = new Bench();
    bench.configure(checkedService(VIP, { [RS1]: [tcp(RS1, { delayLoop: 0 })] }));
    bench.accept(RS1);
    expect(bench.engine.nextDeadline()).toBe(millis(10));
  });

  it('holds further first checks back while too many connections are open', () => {
    const bench = new Bench({ maxConnections: 2 });
    const addresses = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'];
    bench.configure(checkedService(VIP, Object.fromEntries(addresses.map((address) => [address, [tcp(address)]]))));
    expect([...bench.open.keys()]).toEqual(['10.0.0.1', '10.0.0.2']);
    bench.accept('10.0.0.2');
    expect([...bench.open.keys()]).toEqual(['10.0.0.1', '10.0.0.3']);
    bench.until(seconds(2)); // the rest times out in turn
    expect([...bench.open.keys()]).toEqual(['10.0.0.4']);
    expect(bench.engine.counts()).toMatchObject({ servers: 4, probes: 4, openConnections: 1, waiting: 0 });
  });

  it('does not blame a server when this machine has no descriptors left', () => {
    const bench = new Bench();
    bench.configure(checkedService(VIP, { [RS1]: [tcp(RS1)] }));
    bench.story();
    bench.event({ type: 'starved', connection: 1, error: 'EMFILE' });
    expect(bench.story()).toEqual(['TCP_CHECK of [192.168.18.201]:tcp:80: cannot open a connection (EMFILE). Rescheduling.']);
    bench.until(seconds(1));
    bench.event({ type: 'starved', connection: 2, error: 'EMFILE' }); // said once, not again
    bench.until(seconds(2));
    bench.accept(RS1);
    expect(bench.story().filter((line) => !line.startsWith('open'))).toEqual([
      'TCP connection to [192.168.18.201]:tcp:80 success.',
      '192.168.18.201 up: TCP_CHECK succeeded',
    ]);
    expect(bench.engine.counts().starved).toBe(2);
  });
});

describe('checks shared by services', () => {
  it('probe once and speak to every service', () => {
    const bench = new Bench();
    bench.configure(checkedService(VIP, { [RS1]: [tcp(RS1)] }), checkedService('10.0.0.9', { [RS1]: [tcp(RS1)] }));
    expect(bench.open.size).toBe(1);
    bench.accept(RS1);
    const verdicts = bench.effects().flatMap((effect) => (effect.type === 'verdict' ? [effect.verdict] : []));
    expect(verdicts.map((verdict) => [verdict.service, verdict.state])).toEqual([
      [service(VIP), 'up'],
      [service('10.0.0.9'), 'up'],
    ]);
  });

  it('are apart as soon as one parameter differs', () => {
    const bench = new Bench();
    bench.configure(
      checkedService(VIP, { [RS1]: [http(RS1)] }),
      checkedService('10.0.0.9', { [RS1]: [http(RS1, { urls: [{ path: '/other', statusCodes: [] }] })] }),
      checkedService('10.0.0.8', { [RS1]: [http(RS1, { retry: 1 })] }),
    );
    expect(bench.engine.counts()).toMatchObject({ servers: 3, probes: 3 });
  });

  it('a server with two checks is up when both pass and down when one fails', () => {
    const bench = new Bench();
    bench.configure(checkedService(VIP, { [RS1]: [tcp(RS1), http('10.0.0.7')] }));
    bench.story();
    bench.accept(RS1);
    expect(bench.story().filter((line) => line.startsWith(RS1))).toEqual([]);
    bench.answer('10.0.0.7', OK);
    expect(bench.story()).toContain(`${RS1} up: HTTP_CHECK succeeded`);
    bench.until(seconds(6));
    bench.accept(RS1);
    bench.answer('10.0.0.7', 'HTTP/1.0 500 broken\r\n\r\n');
    for (let i = 0; i < 3; i++) {
      bench.until(bench.now + seconds(1));
      bench.answer('10.0.0.7', 'HTTP/1.0 500 broken\r\n\r\n');
    }
    expect(bench.story()).toContain(`${RS1} down: HTTP_CHECK failed after 3 retries: status code 500 for /`);
  });
});

describe('a reload', () => {
  it('leaves unchanged checks alone: verdict, timer and retry count stay', () => {
    const bench = new Bench();
    bench.configure(checkedService(VIP, { [RS1]: [http(RS1)] }));
    bench.answer(RS1, OK);
    bench.until(seconds(6));
    bench.refuse(RS1);
    bench.until(seconds(6.5));
    bench.story();
    bench.configure(checkedService(VIP, { [RS1]: [http(RS1)], [RS2]: [http(RS2)] }));
    expect(bench.story()).toEqual([
      'Activating healthchecker for service [192.168.18.202]:tcp:80 for VS [192.168.18.200]:tcp:80',
      `open ${RS2}:80`,
    ]);
    bench.answer(RS2, OK);
    bench.story();
    // Three more failures at one-second steps, counted from the failure before the reload.
    for (const at of [7, 8, 9]) {
      bench.until(seconds(at));
      bench.refuse(RS1);
    }
    expect(bench.story()).toContain(`${RS1} down: HTTP_CHECK failed after 3 retries: connection refused`);
  });

  it('tells a new service at once what is known of a server that it shares', () => {
    const bench = new Bench();
    bench.configure(checkedService(VIP, { [RS1]: [tcp(RS1)] }));
    bench.accept(RS1);
    bench.story();
    bench.configure(checkedService(VIP, { [RS1]: [tcp(RS1)] }), checkedService('10.0.0.9', { [RS1]: [tcp(RS1)] }));
    expect(bench.story()).toEqual([
      'Activating healthchecker for service [192.168.18.201]:tcp:80 for VS [10.0.0.9]:tcp:80',
      `${RS1} up: TCP_CHECK succeeded`,
    ]);
  });

  it('runs a changed check at once, and says nothing until it knows', () => {
    const bench = new Bench();
    bench.configure(checkedService(VIP, { [RS1]: [tcp(RS1)] }));
    bench.accept(RS1);
    bench.story();
    bench.configure(checkedService(VIP, { [RS1]: [http(RS1)] }));
    expect(bench.story().at(-1)).toBe(`open ${RS1}:80`);
    bench.answer(RS1, 'HTTP/1.0 404 no\r\n\r\n');
    expect(bench.story().at(-1)).toBe(`${RS1} down: HTTP_CHECK failed: status code 404 for /`);
  });

  it('closes the connections of checks that are gone and ignores what they still say', () => {
    const bench = new Bench();
    bench.configure(checkedService(VIP, { [RS1]: [tcp(RS1)], [RS2]: [tcp(RS2)] }));
    const gone = bench.connection(RS2);
    bench.effects();
    bench.configure(checkedService(VIP, { [RS1]: [tcp(RS1)] }));
    expect(bench.effects()).toEqual([{ type: 'close', connection: gone }]);
    bench.event({ type: 'connected', connection: gone });
    expect(bench.effects()).toEqual([]);
    bench.event({ type: 'stop' });
    expect(bench.engine.counts()).toMatchObject({ servers: 0, probes: 0, openConnections: 0 });
    expect(bench.engine.nextDeadline()).toBeUndefined();
  });
});

describe('HTTP_GET', () => {
  it('fetches several urls one after another, each over its own connection, in one round', () => {
    const urls = [
      { path: '/a', statusCodes: [{ from: 200, to: 200 }] },
      { path: '/b', statusCodes: [{ from: 301, to: 302 }] },
    ];
    const bench = new Bench();
    bench.configure(checkedService(VIP, { [RS1]: [http(RS1, { urls })] }));
    bench.answer(RS1, OK);
    expect(bench.story().filter((line) => line.startsWith('open'))).toHaveLength(2);
    bench.answer(RS1, 'HTTP/1.0 302 Found\r\nLocation: /c\r\n\r\n');
    expect(bench.story().at(-1)).toBe(`${RS1} up: HTTP_CHECK succeeded`);
  });

  it('cuts off a server that trickles bytes for ever', () => {
    const bench = new Bench();
    bench.configure(checkedService(VIP, { [RS1]: [http(RS1)] }));
    bench.accept(RS1);
    const connection = bench.connection(RS1);
    while (bench.open.has(RS1) && bench.now < seconds(60)) {
      bench.until(bench.now + seconds(1));
      bench.event({ type: 'data', connection, bytes: Uint8Array.of(0x48) });
      if (bench.now === seconds(1)) bench.event({ type: 'data', connection, bytes: new TextEncoder().encode('TTP/1.0 200 OK\r\nX: ') });
    }
    expect(bench.now).toBe(seconds(20)); // ten times the connect_timeout of 2 s
    expect(bench.story().at(-1)).toBe(`${RS1} down: HTTP_CHECK failed: no complete answer in time`);
  });

  it('connects from the bindto address', () => {
    const bench = new Bench();
    bench.configure(
      checkedService(VIP, { [RS1]: [tcp(RS1, { target: { address: ip(RS1), port: 8080, mark: 0, bindAddress: ip('10.1.1.1') } })] }),
    );
    const [open] = bench.effects().filter((effect): effect is OpenConnection => effect.type === 'open');
    expect(open).toEqual({ type: 'open', connection: 1, transport: 'tcp', address: ip(RS1), port: 8080, bindAddress: ip('10.1.1.1') });
  });
});
