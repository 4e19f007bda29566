/** The lab itself: its machines reach each other and nobody else, and however their runner ends, nothing of them stays. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import {
  compiled,
  inhabitedNetworks,
  Lab,
  loadFigures,
  mailsOn,
  networksOf,
  outagesOf,
  startLoad,
  startMailSink,
  startNginx,
  startProbe,
  until,
} from '../../lab/index.ts';

const labs: Lab[] = [];

async function bootPair(page: string): Promise<Lab> {
  const lab = await Lab.create();
  labs.push(lab);
  await lab.addMachine({ name: 'server', address: '10.1.1.1/24' });
  await lab.addMachine({ name: 'client', address: '10.1.1.2/24' });
  await startNginx(lab.machine('server'), { page });
  return lab;
}

afterEach(async () => {
  await Promise.all(labs.splice(0).map((lab) => lab.destroy()));
});

describe('a lab', () => {
  it('lets two runs with the same names and addresses live beside each other', async () => {
    const [first, second] = await Promise.all([bootPair('first'), bootPair('second')]);
    const answers = await Promise.all([first, second].map((lab) => lab.machine('client').runOrThrow(['curl', '-s', '10.1.1.1'])));
    expect(answers.map((answer) => answer.trim())).toEqual(['first', 'second']);
    expect((await first.machine('client').runOrThrow(['hostname'])).trim()).toBe('client');
  });

  it('gives a machine files, processes and interfaces of its own', async () => {
    const lab = await bootPair('x');
    const server = lab.machine('server');
    const client = lab.machine('client');
    server.writeFile('/etc/keepalived/keepalived.conf', 'here\n');
    expect((await server.runOrThrow(['cat', '/etc/keepalived/keepalived.conf'])).trim()).toBe('here');
    expect((await client.run(['grep', '-sx', 'here', '/etc/keepalived/keepalived.conf'])).code).not.toBe(0);
    expect(await client.runOrThrow(['ps', '-A', '-o', 'comm='])).not.toContain('nginx');
    expect((await client.runOrThrow(['ls', '/sys/class/net'])).trim().split('\n')).toEqual(['eth0', 'lo']);
  });

  it('records mails', async () => {
    const lab = await bootPair('x');
    const server = lab.machine('server');
    await startMailSink(server);
    server.writeFile('/run/mail', 'From: root\r\nSubject: a long\r\n subject\r\n\r\n.hidden dot\r\n');
    const curl = ['curl', '-s', 'smtp://127.0.0.1:25', '--mail-from', 'root', '--mail-rcpt', 'admin@example.com', '-T', '/run/mail'];
    await server.runOrThrow(curl);
    expect(await until(() => mailsOn(server)[0], 5000)).toMatchObject({
      from: 'root',
      to: ['admin@example.com'],
      subject: 'a long subject',
      body: '.hidden dot',
    });
  });

  it('counts every request of a load, failed ones too', async () => {
    const lab = await bootPair('page');
    const load = await startLoad(lab.machine('client'), { target: '10.1.1.1:80', rate: 500, connections: 8 });
    expect(loadFigures(load)).toMatchObject({ failed: 0, answers: { page: expect.any(Number) } });
    await lab.machine('server').service('nginx')?.stop();
    await until(() => (loadFigures(load).failed > 0 ? true : undefined), 10_000);
    await load.stop();
    const figures = loadFigures(load);
    expect(figures.failed).toBeGreaterThan(0);
    expect(figures.requests).toBe(figures.failed + (figures.answers.page ?? 0));
  });

  it('measures an outage', async () => {
    const lab = await bootPair('page');
    const probe = await startProbe(lab.machine('client'), { target: '10.1.1.1:80' });
    await lab.setCable('server', 'down');
    await new Promise((resolve) => setTimeout(resolve, 400));
    await lab.setCable('server', 'up');
    const outage = await until(() => outagesOf(probe)[0], 20_000);
    expect(outage?.outageMs).toBeGreaterThan(390);
    expect(outage?.failed).toBeGreaterThan(10);
    expect(outagesOf(probe)).toHaveLength(1);
  });
});

describe('a runner that ends', () => {
  /** Boots two machines with services, prints their process ids, and stays. */
  const RUNNER = `
    const { Lab, startNginx } = await import(process.argv[1]);
    const lab = await Lab.create();
    for (const [name, last] of [['one', 1], ['two', 2]]) {
      const machine = await lab.addMachine({ name, address: '10.1.1.' + last + '/24' });
      await startNginx(machine, { page: name });
      await machine.spawn('sleep', ['sleep', '10000']);
    }
    console.log(JSON.stringify(lab.machines.map((machine) => machine.pid)));
    setInterval(() => {}, 1000);`;

  it.each(['SIGKILL', 'SIGTERM'] as const)('by %s leaves no process, namespace or mount behind', async (signal) => {
    const mountsBefore = readFileSync('/proc/self/mounts', 'utf8');
    const argv = ['--input-type=module', '-e', RUNNER, compiled('lab/index.js')];
    const runner = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    const line = await new Promise<string>((resolve) => createInterface({ input: runner.stdout }).once('line', resolve));
    const networks = [...networksOf(JSON.parse(line) as number[])];
    expect(networks).toHaveLength(2);

    runner.kill(signal);
    const gone = await until(() => {
      const inhabited = inhabitedNetworks();
      return networks.some((network) => inhabited.has(network)) ? undefined : true;
    }, 10_000);
    expect(gone).toBe(true);
    expect(readFileSync('/proc/self/mounts', 'utf8')).toBe(mountsBefore);
  });
});
