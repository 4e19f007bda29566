import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfiguration, reactorSettings, writeCheckLog } from './configuration.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vipwright-configuration-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function make(name: string, content: string | Uint8Array, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

const INSTANCE = `vrrp_instance VI_1 {
  interface eth0
  virtual_router_id 51
  priority 100
  LINES
  virtual_ipaddress { 192.0.2.1 }
}
`;

const load = (...paths: string[]) => loadConfiguration(paths, () => ['eth0']);
const codes = (...paths: string[]) => load(...paths).diagnostics.map(({ code }) => code);

describe('files of a configuration', () => {
  it('may hold bytes that are no UTF-8, in includes, too', () => {
    const bytes = Buffer.concat([Buffer.from('# '), Buffer.of(0xd6, 0xf7, 0xb1, 0xb8), Buffer.from(`\n${INSTANCE.replace('LINES', '')}`)]);
    make('gbk.inc', bytes);
    const path = make('gbk.conf', Buffer.concat([Buffer.from('# '), Buffer.of(0xd6, 0xf7), Buffer.from('\ninclude gbk.inc\n')]));
    const { configuration, usable } = load(path);
    expect(usable).toBe(true);
    expect(configuration.routers.map(({ name }) => name)).toEqual(['VI_1']);
    expect(() => load(join(folder, 'missing.conf'))).toThrow('ENOENT');
  });

  it('name routing tables as iproute2 does', () => {
    mkdirSync(join(folder, 'iproute2'));
    make('iproute2/rt_tables', '200 blue\n');
    const globals = `global_defs { \n iproute_etc_dir ${join(folder, 'iproute2')}\n }\n`;
    const routes = 'virtual_routes { 198.51.100.0/24 dev eth0 table blue }';
    const { configuration } = load(make('routes.conf', globals + INSTANCE.replace('LINES', routes)));
    expect(configuration.routers[0]?.routes[0]).toMatchObject({ table: 200 });
  });

  it('may take values from the environment', () => {
    process.env.VIPWRIGHT_TEST_PRIORITY = '77';
    const path = make('env.conf', INSTANCE.replace('LINES', '').replace('priority 100', `priority \${_ENV VIPWRIGHT_TEST_PRIORITY}`));
    expect(load(path).configuration.routers[0]?.priority).toBe(77);
    delete process.env.VIPWRIGHT_TEST_PRIORITY;
  });
});

describe('programs of a configuration', () => {
  const file = (program: string, globals = '') =>
    make('scripts.conf', `global_defs {\n ${globals}\n }\n${INSTANCE.replace('LINES', `notify_master ${program}`)}`);

  it('are looked for', () => {
    expect(codes(file('/bin/true'))).toEqual(['config/script-security']);
    expect(codes(file('/no/such/program'))).toEqual(['config/script-missing']);
    expect(codes(file(make('plain', '', 0o644)))).toEqual(['config/script-missing']);
  });

  it('that others could alter are named, and do not keep the daemon from starting', () => {
    const loaded = load(file(make('open', '#!/bin/sh\n', 0o777), 'enable_script_security'));
    expect(loaded.usable).toBe(true);
    expect(loaded.diagnostics).toMatchObject([{ code: 'config/script-alterable', message: expect.stringContaining('so it is not run') }]);
  });
});

describe('what the reactor runs', () => {
  const BFD = 'bfd_instance S {\n neighbor_ip 192.0.2.2\n }\n';

  it('are BFD sessions also without virtual routers, for the checks', () => {
    const { configuration } = load(make('bfd.conf', BFD + INSTANCE.replace('LINES', '')));
    const settings = (vrrp: boolean, checks: boolean) => reactorSettings(configuration, { vrrp, checks }, 0);
    expect(settings(false, true)).toMatchObject({ vrrp: { routers: [] }, bfdSessions: [{ name: 'S' }] });
    expect(settings(true, false)).toMatchObject({ vrrp: { routers: [{ name: 'VI_1' }] }, bfdSessions: [{ name: 'S' }] });
  });
});

describe('the log of a test before a reload', () => {
  it('has every diagnostic and the outcome, for root alone', () => {
    const path = join(folder, 'check.log');
    const loaded = load(make('bad.conf', INSTANCE.replace('LINES', 'nonsense')));
    writeCheckLog(path, loaded);
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    expect(lines).toHaveLength(loaded.diagnostics.length + 1);
    expect(lines[0]).toContain('bad.conf:5:3');
    expect(lines.at(-1)).toMatch(/^The configuration (can be used|has errors)/);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('is never written through a link', () => {
    const victim = make('victim', 'precious');
    symlinkSync(victim, join(folder, 'link.log'));
    expect(() => writeCheckLog(join(folder, 'link.log'), load(make('good.conf', INSTANCE.replace('LINES', ''))))).toThrow('ELOOP');
    expect(readFileSync(victim, 'utf8')).toBe('precious');
  });
});
