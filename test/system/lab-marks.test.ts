/** A daemon whose configuration has no virtual service: services added by hand forward real connections, by address and by firewall mark. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONFIG_FILE, installProduct, Lab, type Machine, type Service, startNginx, startVipwrightd, until } from '../../lab/index.ts';

const VIP = '10.1.0.100';
const SERVER = '10.1.0.21';
const PAGE = 'the real server';

let lab: Lab;
let client: Machine;
let director: Machine;
let daemon: Service;

beforeAll(async () => {
  lab = await Lab.create();
  client = await lab.addMachine({ name: 'client', address: '10.1.0.10/24' });
  director = await lab.addMachine({ name: 'director', address: '10.1.0.1/24' });
  const server = await lab.addMachine({ name: 'rs1', address: `${SERVER}/24` });
  installProduct(server);
  await server.runOrThrow(['vipwright', 'realserver', 'start', '--vip', VIP, '--mode', 'dr']);
  await startNginx(server, { page: PAGE });
  installProduct(director);
  await director.runOrThrow(['ip', 'address', 'add', `${VIP}/32`, 'dev', 'eth0']);
  director.writeFile(CONFIG_FILE, 'global_defs {\n    router_id BY_HAND\n}\n');
  daemon = await startVipwrightd(director);
  const answers = async (): Promise<true | undefined> => ((await director.run(['vipwright', 'status'])).code === 3 ? undefined : true);
  expect(await until(answers, 20_000), log()).toBe(true);
});
afterAll(async () => {
  await daemon?.stop();
  await lab?.destroy();
});

const log = (): string => daemon.lines.map((line) => line.text).join('\n');
const ipvsadm = (...words: string[]) => director.runOrThrow(['vipwright', 'ipvsadm', ...words]);

async function fetches(port = 80): Promise<boolean> {
  const { stdout } = await client.run(['curl', '--silent', '--max-time', '1', `http://${VIP}:${port}/`]);
  return stdout.trim() === PAGE;
}

describe('services added by hand, where the configuration has none', () => {
  it('are forwarded from the first one on', async () => {
    expect(await fetches()).toBe(false);
    await ipvsadm('-A', '-t', `${VIP}:80`, '-s', 'rr');
    await ipvsadm('-a', '-t', `${VIP}:80`, '-r', SERVER, '-g');
    expect(await until(async () => ((await fetches()) ? true : undefined), 10_000), log()).toBe(true);
    const status = await director.runOrThrow(['vipwright', 'status']);
    expect(status).toContain('data plane xdp on eth0');
    const trace = await director.run(['vipwright', 'trace', 'tcp', '10.1.0.10:40000', `${VIP}:80`]);
    expect([trace.code, trace.stdout]).toEqual([
      0,
      expect.stringMatching(/real server {2}10\.1\.0\.21:80 \(dr\): the scheduler takes it now/),
    ]);
  });

  it('stay when the director process is killed and started again', async () => {
    // The daemon's only lasting child.
    const [child] = readFileSync(`/proc/${daemon.pid}/task/${daemon.pid}/children`, 'utf8').trim().split(' ').map(Number);
    expect(child).toBeGreaterThan(0);
    process.kill(child as number, 'SIGKILL');
    expect(await fetches()).toBe(true);
    const listed = async (): Promise<true | undefined> => {
      const listing = await director.run(['vipwright', 'ipvsadm', '-L', '-n']);
      return listing.stdout.includes(`${SERVER}:80`) ? true : undefined;
    };
    expect(await until(listed, 15_000), log()).toBe(true);
    expect(await fetches()).toBe(true);
  });

  it('by firewall mark follow the rules of nftables, as they are now', async () => {
    await ipvsadm('-C');
    expect(await fetches()).toBe(false);
    await ipvsadm('-A', '-f', '1', '-s', 'rr');
    await ipvsadm('-a', '-f', '1', '-r', SERVER, '-g');
    expect(await fetches()).toBe(false);
    await director.runOrThrow(['nft', 'add table ip lb']);
    await director.runOrThrow(['nft', 'add chain ip lb pre { type filter hook prerouting priority mangle; }']);
    await director.runOrThrow(['nft', `add rule ip lb pre ip daddr ${VIP} tcp dport { 80, 8080 } meta mark set 1`]);
    expect(await until(async () => ((await fetches()) ? true : undefined), 15_000), log()).toBe(true);
    expect(await ipvsadm('-L', '-n')).toMatch(/^FWM {2}1 rr$/m);
    await director.runOrThrow(['nft', 'delete table ip lb']);
    expect(await until(async () => ((await fetches()) ? undefined : true), 15_000), log()).toBe(true);
  });
});
