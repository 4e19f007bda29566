/** The lab itself: its machines reach each other and nobody else, and however their runner ends, nothing of them stays. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import {
  compiled,
  inhabitedNetworks,
  judgePackets,
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

describe('the judgement of captured packets', () => {
  const SENDER = [0x02, 0x00, 0x0a, 0x01, 0x01, 0x01];

  /** RFC 1071. */
  function checksum(bytes: Buffer): number {
    let sum = 0;
    for (let index = 0; index < bytes.length; index += 2) sum += bytes.readUInt16BE(index);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    return ~sum & 0xffff;
  }

  /** A correct VRRPv2 advertisement in an Ethernet frame: header 14 bytes, IP 20, VRRP 20. */
  function advertisement(): Buffer {
    const vrrp = Buffer.from([0x21, 51, 101, 1, 1, 1, 0, 0, 192, 168, 18, 200, 49, 49, 49, 49, 0, 0, 0, 0]);
    vrrp.writeUInt16BE(checksum(vrrp), 6);
    const ip = Buffer.from([0x45, 0xc0, 0, 40, 0, 1, 0, 0, 255, 112, 0, 0, 10, 1, 1, 1, 224, 0, 0, 18]);
    ip.writeUInt16BE(checksum(ip), 10);
    return Buffer.concat([Buffer.from([0x01, 0, 0x5e, 0, 0, 0x12, ...SENDER, 0x08, 0x00]), ip, vrrp]);
  }

  function changed(frame: Buffer, offset: number): Buffer {
    const copy = Buffer.from(frame);
    copy.writeUInt8(copy.readUInt8(offset) ^ 1, offset);
    return copy;
  }

  function captureOf(frames: readonly Buffer[]): Buffer {
    const head = Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex');
    const records = frames.map((frame) => {
      const record = Buffer.alloc(16);
      record.writeUInt32LE(frame.length, 8);
      record.writeUInt32LE(frame.length, 12);
      return Buffer.concat([record, frame]);
    });
    return Buffer.concat([head, ...records]);
  }

  it.each([
    ['a correct advertisement', [advertisement()], 1, 0],
    ['a wrong VRRP checksum', [advertisement(), changed(advertisement(), 36)], 2, 1],
    ['a wrong IP checksum', [advertisement(), changed(advertisement(), 22)], 2, 1],
    ['an advertisement cut short', [advertisement().subarray(0, 46)], 1, 1],
    ["somebody else's wrong packet", [changed(changed(advertisement(), 36), 11)], 0, 0],
  ])('finds %s', async (_what, frames, count, bad) => {
    const lab = await bootPair('x');
    writeFileSync(lab.machine('client').path('/run/crafted.pcap'), captureOf(frames));
    const verdict = await judgePackets(lab.machine('client'), '/run/crafted.pcap', lab.machine('server'));
    expect(verdict.count).toBe(count);
    expect(verdict.bad).toHaveLength(bad);
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
