/** Mail by SMTP on the transitions of a virtual router that asks for it (`smtp_alert`) and of real servers, in keepalived's form. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  bootSeedLab,
  CONFIG_FILE,
  holdsVip,
  type Mail,
  mailsOn,
  type SeedLab,
  type Service,
  seedConfiguration,
  sleep,
  startMailSink,
  startVipwrightd,
  until,
} from '../../lab/index.ts';

let seed: SeedLab;
let daemon: Service;

beforeAll(async () => {
  seed = await bootSeedLab();
  await startMailSink(seed.master);
  const asking = seedConfiguration('000-master.conf').replace('    advert_int 1', '    smtp_alert\n    advert_int 1');
  seed.master.writeFile(CONFIG_FILE, asking);
  daemon = await startVipwrightd(seed.master);
  expect(await holdsVip(seed.master, 15_000), logOf()).toBe(true);
});

afterAll(async () => {
  await seed?.lab.destroy();
});

function logOf(): string {
  return daemon.lines.map((line) => line.text).join('\n');
}

function mailWith(subject: string): Promise<Mail | undefined> {
  return until(() => mailsOn(seed.master).find((mail) => mail.subject === subject), 30_000);
}

describe('mail', () => {
  it('tells that the virtual router became master', async () => {
    const mail = await mailWith('[LVS_DEVEL] VRRP Instance VI_1 - Entering MASTER state');
    expect(mail, logOf()).toMatchObject({ to: ['admin@example.com'] });
    expect(mail?.from).toMatch(/^root(@|$)/);
    expect(mail?.headers.from).toContain('root');
    expect(mail?.headers.to).toContain('admin@example.com');
    expect(mail?.headers['x-mailer']).toBeDefined();
    expect(mail?.headers.date).toBeDefined();
    expect(mail?.body).toContain('=> VRRP Instance is now owning VRRP VIPs <=');
  });

  it('tells once that a real server is down, and once that it is up again', async () => {
    const subject = (state: string): string =>
      `[LVS_DEVEL] Realserver [192.168.18.201]:tcp:80 of virtual server [192.168.18.200]:tcp:80 - ${state}`;
    await seed.node1.service('nginx')?.stop();
    expect(await mailWith(subject('DOWN')), logOf()).toBeDefined();
    await seed.node1.spawn('nginx', ['nginx', '-p', '/run/nginx', '-c', '/run/nginx/nginx.conf', '-g', 'daemon off;'], {
      stopSignal: 'SIGQUIT',
    });
    expect(await mailWith(subject('UP')), logOf()).toBeDefined();
    await sleep(1000);
    const subjects = mailsOn(seed.master).map((mail) => mail.subject);
    expect(subjects.filter((candidate) => candidate === subject('DOWN'))).toHaveLength(1);
    expect(subjects.filter((candidate) => candidate === subject('UP'))).toHaveLength(1);
  });

  it('that cannot be delivered does not disturb anything', async () => {
    await seed.master.service('mail')?.stop();
    await seed.node2.service('nginx')?.stop();
    const refused = await until(
      () => daemon.lines.find((line) => /smtp|mail/i.test(line.text) && /refused|cannot|fail|error/i.test(line.text)),
      40_000,
    );
    expect(refused, logOf()).toBeDefined();
    expect(daemon.running).toBe(true);
    expect(await holdsVip(seed.master, 0)).toBe(true);
  });
});
