/** Two daemons on one link, over each way that advertisements can go. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestDaemon } from './daemon-support.ts';
import { ensureBuilt, run, VethPair } from './support.ts';

let pair: VethPair;
let first: TestDaemon;
let second: TestDaemon;

beforeAll(ensureBuilt);
beforeEach(async () => {
  pair = new VethPair('vp');
  first = new TestDaemon(pair.first);
  second = new TestDaemon(pair.second);
  await first.until('IPv6', () => ![first, second].some((daemon) => daemon.ip('addr').includes('tentative')));
});
afterEach(async () => {
  await first.remove();
  await second.remove();
  pair.remove();
});

interface Way {
  readonly globals?: string;
  /** Lines of the instance, for either side. */
  readonly lines: (own: string, peer: string) => string;
  readonly vip: string;
}

function configuration(way: Way, side: 1 | 2): string {
  const [own, peer] = side === 1 ? ['192.168.18.201', '192.168.18.202'] : ['192.168.18.202', '192.168.18.201'];
  return `global_defs { router_id R${side}\n vrrp_garp_master_delay 1\n ${way.globals ?? ''} }
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    priority ${side === 1 ? 150 : 100}
    ${way.lines(own, peer)}
    virtual_ipaddress { ${way.vip} }
}
`;
}

const FAST = 'version 3\n advert_int 0.1';
const SLOW = 'version 2\n advert_int 1';

describe('two directors', () => {
  it.each<[string, Way]>([
    ['version 3 by multicast', { lines: () => FAST, vip: '192.168.18.200' }],
    ['version 3 over IPv6', { lines: () => FAST, vip: 'fe80::200\n fd00::200' }],
    ['version 3 over IPv6 with a macvlan', { lines: () => `${FAST}\n use_vmac`, vip: 'fe80::200\n fd00::200' }],
    ['version 3 with a macvlan', { lines: () => `${FAST}\n use_vmac`, vip: '192.168.18.200' }],
    [
      'version 3 to unicast peers',
      { lines: (own, peer) => `${FAST}\n unicast_src_ip ${own}\n unicast_peer { ${peer} }\n unicast_ttl 64`, vip: '192.168.18.200' },
    ],
    ['version 2 with a password', { lines: () => `${SLOW}\n authentication { auth_type PASS\n auth_pass secret }`, vip: '192.168.18.200' }],
    [
      'version 2 with an authentication header',
      { lines: () => `${SLOW}\n authentication { auth_type AH\n auth_pass secret }`, vip: '192.168.18.200' },
    ],
  ])('agree on one master, and the other one takes over: %s', async (_, way) => {
    const [vip] = way.vip.split('\n').slice(-1) as [string];
    const address = vip.trim();
    first.start(configuration(way, 1));
    await first.until('a master', () => first.holds(address));
    second.start(configuration(way, 2));
    await second.logged('Entering BACKUP STATE (init)');
    await second.until('advertisements', async () => ((await second.router('VI_1'))?.advertsReceived ?? 0) > 2);
    expect(await second.router('VI_1')).toMatchObject({ state: 'BACKUP', rejected: {}, masterPriority: 150 });
    expect(second.holds(address)).toBe(false);
    await first.stop();
    await second.until('the other master', () => second.holds(address));
    // Told by priority 0, not by silence.
    await second.logged('Backup received priority 0 advertisement');
    first.start(configuration(way, 1));
    await first.until('the first master again', () => first.holds(address) && !second.holds(address));
    await first.until('its answer', async () => (await first.router('VI_1'))?.state === 'MASTER');
    expect((await first.router('VI_1'))?.rejected).toEqual({});
  });

  it('tell the link about an IPv6 address, and the neighbour learns the virtual MAC', async () => {
    const way = { lines: () => `${FAST}\n use_vmac`, vip: 'fe80::200\n fd00::200' };
    run('ip', '-n', pair.second, 'addr', 'add', 'fd00::2/64', 'dev', 'eth0', 'nodad');
    run('ip', '-n', pair.second, 'neigh', 'add', 'fd00::200', 'lladdr', '02:00:00:00:00:99', 'nud', 'stale', 'dev', 'eth0');
    first.start(configuration(way, 1));
    await first.until('a master', () => first.holds('fd00::200'));
    await first.until('the neighbour', () => run('ip', '-n', pair.second, 'neigh').includes('fd00::200 dev eth0 lladdr 00:00:5e:00:02:33'));
  });

  it('never both hold the VIP for longer than a moment when one is stopped and goes on', async () => {
    const way = { lines: () => FAST, vip: '192.168.18.200' };
    first.start(configuration(way, 1));
    await first.until('a master and its director', async () => first.holds('192.168.18.200') && (await first.isWell()));
    second.start(configuration(way, 2));
    await second.logged('Entering BACKUP STATE (init)');
    first.signal('SIGSTOP');
    await second.until('the other master', () => second.holds('192.168.18.200'));
    await first.until('the VIP to be taken away', () => !first.holds('192.168.18.200'), 1_000);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(first.holds('192.168.18.200')).toBe(false);
    const before = first.log.length;
    first.signal('SIGCONT');
    await first.until('the first master again', () => first.holds('192.168.18.200') && !second.holds('192.168.18.200'));
    await first.until('the announcement', () => first.log.slice(before).includes('Sending gratuitous ARP'));
    const story = first.log.slice(before);
    expect(story).toMatch(/This process did not run for [3-9]/);
    // It has heard the other one, or waited for it, before it became master again; and it told the link.
    expect(story.indexOf('Entering MASTER STATE')).toBeGreaterThan(story.indexOf('Entering BACKUP STATE'));
    expect(story.indexOf('Sending gratuitous ARP')).toBeGreaterThan(story.indexOf('Entering MASTER STATE'));
    expect(story).not.toContain('putting it back');
  });
});
