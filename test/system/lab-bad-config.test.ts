/** Bad configuration files: each mistake is told with its place and a way out, nothing starts, and a running daemon keeps what it has. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  bootSeedLab,
  CONFIG_FILE,
  holdsVip,
  type SeedLab,
  type Service,
  startMailSink,
  startVipwrightd,
  tableBecomes,
  until,
} from '../../lab/index.ts';

let seed: SeedLab;
let good: string;

beforeAll(async () => {
  seed = await bootSeedLab();
  good = seed.master.readFile(CONFIG_FILE);
});

afterAll(async () => {
  await seed?.lab.destroy();
});

const SECOND_ROUTER = `vrrp_instance VI_2 {
    interface eth0
    virtual_router_id 51
    priority 90
    virtual_ipaddress {
        192.168.18.220
    }
}
`;

/** What is wrong, how the good file is spoilt, the diagnostic's code, and the line where it belongs. */
const MISTAKES: readonly (readonly [string, (text: string) => string, string, (text: string) => number])[] = [
  ['an unknown block', (text) => `vrrp_instanse VI_9 {\n    priority 1\n}\n${text}`, 'config/unknown-block', () => 1],
  ['a missing brace', (text) => text.replace(/\}\s*$/, ''), 'config/missing-close-brace', (text) => lineOf(text, 'virtual_server')],
  [
    'a bad address',
    (text) => text.replace('        192.168.18.200 ', '        192.168.18.300 '),
    'config/bad-address',
    (text) => lineOf(text, '192.168.18.300'),
  ],
  [
    'a priority of 300',
    (text) => text.replace('priority 101', 'priority 300'),
    'config/out-of-range',
    (text) => lineOf(text, 'priority 300'),
  ],
  [
    'a duplicate virtual_router_id',
    (text) => `${text}${SECOND_ROUTER}`,
    'config/duplicate-vrid',
    (text) => lineOf(text, 'virtual_router_id 51', 2),
  ],
  [
    'an absent interface',
    (text) => text.replace('interface eth0', 'interface eth7'),
    'config/absent-interface',
    (text) => lineOf(text, 'eth7'),
  ],
];

/** The line, from 1, of the nth occurrence. */
function lineOf(text: string, needle: string, nth = 1): number {
  const lines = text.split('\n').flatMap((line, index) => (line.includes(needle) ? [index + 1] : []));
  return lines[nth - 1] ?? -1;
}

describe('starting with', () => {
  it.each(MISTAKES)('%s ends with exit code 2, place and code', async (_what, spoil, code, line) => {
    const text = spoil(good);
    expect(text).not.toBe(good);
    seed.master.writeFile('/run/bad.conf', text);
    const daemon = await seed.master.run(['vipwrightd', '-f', '/run/bad.conf'], { timeoutMs: 30_000 });
    const said = daemon.stdout + daemon.stderr;
    expect(daemon.code, said).toBe(2);
    expect(said).toContain(code);
    expect(said).toMatch(new RegExp(`/run/bad\\.conf:${line(text)}:\\d+`));

    const check = await seed.master.run(['vipwright', 'check', '--format', 'json', '/run/bad.conf']);
    expect(check.code, check.stdout + check.stderr).not.toBe(0);
    expect(check.stdout).toContain(code);
  });

  it('a file that is not there says so', async () => {
    const { code, stdout, stderr } = await seed.master.run(['vipwrightd', '-f', '/run/absent.conf']);
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain('/run/absent.conf');
  });
});

describe('reloading', () => {
  let daemon: Service;

  beforeAll(async () => {
    await startMailSink(seed.master);
    seed.master.writeFile(CONFIG_FILE, good);
    daemon = await startVipwrightd(seed.master);
    expect(await holdsVip(seed.master, 15_000), logOf()).toBe(true);
    expect(await tableBecomes(seed.master, (rows) => rows.length === 2, 15_000), logOf()).toBe(true);
  });

  function logOf(): string {
    return daemon.lines.map((line) => line.text).join('\n');
  }

  it.each(MISTAKES)('%s changes nothing and says why', async (_what, spoil, code) => {
    const seen = daemon.lines.length;
    seed.master.writeFile(CONFIG_FILE, spoil(good));
    daemon.signal('SIGHUP');
    const told = await until(() => daemon.lines.slice(seen).find((line) => line.text.includes(code)), 10_000);
    expect(told, logOf()).toBeDefined();
    expect(daemon.running).toBe(true);
    expect(await holdsVip(seed.master, 0)).toBe(true);
    expect(await tableBecomes(seed.master, (rows) => rows.length === 2, 2000), logOf()).toBe(true);
  });

  it('a good file after that is taken', async () => {
    seed.master.writeFile(CONFIG_FILE, good.replace('lb_algo rr', 'lb_algo wrr').replaceAll('weight 1 ', 'weight 7 '));
    daemon.signal('SIGHUP');
    expect(await tableBecomes(seed.master, (rows) => rows.length === 2 && rows.every((row) => row.weight === 7), 10_000), logOf()).toBe(
      true,
    );
  });
});
