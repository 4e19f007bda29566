/**
 * FTP through NAT, by a real client (curl) and with every byte compared: passive and active, by the commands of RFC 959 and those of RFC 2428.
 * The client believes the addresses that he is told, and the server cannot be reached but through the director.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONFIG_FILE, installProduct, Lab, type Machine, startFtp, startVipwrightd, tableBecomes } from '../../lab/index.ts';

/** Longer than the server's address in words, so that the answer to PASV has to make room. */
const VIP = '10.1.0.100';
const VIP6 = 'fd00:1::100';
const SERVER = '10.2.0.2';
const SERVER6 = 'fd00:2::2';
const FILE = 'what goes over and comes back '.repeat(20_000);

const configuration = [
  [VIP, SERVER],
  [VIP6, SERVER6],
]
  .map(
    ([vip, server]) => `
virtual_server ${vip} 21 {
    lvs_sched rr
    lvs_method NAT
    protocol TCP
    real_server ${server} 21 {
        weight 1
    }
}`,
  )
  .join('\n');

const MODES = [
  { name: 'passive, by EPSV', vip: VIP, words: [] },
  { name: 'passive, by PASV', vip: VIP, words: ['--disable-epsv', '--no-ftp-skip-pasv-ip'] },
  { name: 'active, by EPRT', vip: VIP, words: ['--ftp-port', '-'] },
  { name: 'active, by PORT', vip: VIP, words: ['--ftp-port', '-', '--disable-eprt'] },
  { name: 'passive over IPv6', vip: `[${VIP6}]`, words: [] },
  { name: 'active over IPv6', vip: `[${VIP6}]`, words: ['--ftp-port', '-'] },
];

describe('FTP through NAT', () => {
  let lab: Lab;
  let director: Machine;
  let client: Machine;

  beforeAll(async () => {
    lab = await Lab.create();
    client = await lab.addMachine({ name: 'client', address: '10.1.0.10/24' });
    director = await lab.addMachine({ name: 'director', address: '10.1.0.1/24', second: '10.2.0.1/24' });
    const server = await lab.addMachine({ name: 'server', address: '10.1.0.21/24', second: `${SERVER}/24` });
    await addIpv6(client, 'eth0', 'fd00:1::10/64');
    await addIpv6(director, 'eth0', `${VIP6}/64`);
    await addIpv6(director, 'eth1', 'fd00:2::1/64');
    await addIpv6(server, 'eth1', `${SERVER6}/64`);
    await server.runOrThrow(['ip', 'link', 'set', 'eth0', 'down']);
    await server.runOrThrow(['ip', 'route', 'replace', 'default', 'via', '10.2.0.1']);
    await server.runOrThrow(['ip', '-6', 'route', 'replace', 'default', 'via', 'fd00:2::1']);
    await director.runOrThrow(['ip', 'address', 'add', `${VIP}/32`, 'dev', 'eth0']);
    await startFtp(server, `${SERVER}:21`);
    await startFtp(server, `[${SERVER6}]:21`);
    installProduct(director);
    director.writeFile(CONFIG_FILE, configuration);
    await startVipwrightd(director);
    expect(await tableBecomes(director, (rows) => rows.length === 2, 20_000)).toBe(true);
    client.writeFile('/run/sent', FILE);
  });

  afterAll(async () => {
    await lab?.destroy();
  });

  const addIpv6 = (machine: Machine, card: string, prefix: string): Promise<string> =>
    machine.runOrThrow(['ip', 'address', 'add', prefix, 'dev', card, 'nodad']);
  const curl = (...words: string[]): Promise<string> => client.runOrThrow(['curl', '-sS', '-g', '--max-time', '10', ...words]);

  it.each(MODES)('$name', async ({ vip, words }) => {
    await curl(...words, '--upload-file', '/run/sent', `ftp://${vip}/file`);
    await curl(...words, '--output', '/run/came', `ftp://${vip}/file`);
    expect(client.readFile('/run/came') === FILE).toBe(true);
  });

  it('counts a session and its data under the real server, as one connection each', async () => {
    const table = await director.runOrThrow(['ipvsadm', '-L', '-n', '--stats', '--exact', '-t', `${VIP}:21`]);
    const [connections, inPackets, outPackets, inBytes = 0, outBytes = 0] = (table.split('\n').at(-2) ?? '')
      .trim()
      .split(/\s+/)
      .slice(2)
      .map(Number);
    expect(connections).toBe(8);
    expect([inPackets, outPackets].every((packets) => packets && packets > 100)).toBe(true);
    expect(Math.min(inBytes, outBytes)).toBeGreaterThan(4 * FILE.length);
    const list = await director.runOrThrow(['ipvsadm', '-L', '-n', '-c']);
    expect(list).toMatch(new RegExp(`10\\.1\\.0\\.10:\\d+ +${VIP}:20 +${SERVER}:20`));
    expect(list).toMatch(new RegExp(`10\\.1\\.0\\.10:\\d+ +${VIP}:(\\d+) +${SERVER}:\\1\\s`));
  });
});
