import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Diagnostic } from '../../base/index.ts';
import { type KeepalivedReading, readKeepalived } from '../keepalived/index.ts';
import { showConfiguration } from './show.ts';
import { shownText } from './shown.ts';

const SEEDS = [
  '000-master.conf',
  '000-slave.conf',
  '001-master.conf',
  '001-slave.conf',
  '003-single-10.0.0.50.conf',
  '003-dual-10.0.0.50.conf',
  '003-lvs-10.0.0.50.conf',
];

function seed(file: string): string {
  return readFileSync(new URL(`../../../test/golden/seeds/${file}`, import.meta.url), 'utf8');
}

function show(text: string, file: string): { shown: string; reading: KeepalivedReading } {
  const reading = readKeepalived(text, { file });
  const { header, statements } = showConfiguration(reading, file);
  return { shown: shownText(header, statements), reading };
}

/** Lines that may stand in each block, in any selection and order. */
const GLOBAL_LINES = [
  'router_id NODE',
  'notification_email_from "a b@example.com"',
  'smtp_server mail.example.com 2525',
  'smtp_connect_timeout 1.5',
  'smtp_alert off',
  'smtp_alert_vrrp on',
  'smtp_alert_checker on',
  'vrrp_garp_master_delay 2',
  'vrrp_garp_master_repeat 3',
  'vrrp_min_garp',
  'vrrp_garp_master_refresh 60',
  'vrrp_garp_lower_prio_repeat 2',
  'vrrp_version 3',
  'vrrp_mcast_group4 224.0.0.100',
  'vrrp_down_timer_adverts 4',
  'vrrp_skip_check_adv_addr',
  'vrrp_higher_prio_send_advert on',
  'vrrp_notify_priority_changes on',
  'enable_script_security',
  'script_user nobody nogroup',
  'vrrp_startup_delay 5.5',
  'lvs_timeouts tcp 100 udp 20',
  'lvs_flush',
  'vrrp_rt_priority 50',
  'vrrp_priority -5',
  'checker_log_all_failures on',
  'notification_email {\n a@example.com\n b@example.com\n }',
];
const ROUTER_LINES = [
  'state MASTER',
  'priority 150',
  'priority 255',
  'advert_int 3',
  'version 2',
  'nopreempt',
  'preempt_delay 7',
  'dont_track_primary',
  'mcast_src_ip 10.0.0.1',
  'garp_master_delay 1',
  'garp_master_repeat 9',
  'garp_lower_prio_delay 4',
  'smtp_alert on',
  'down_timer_adverts 5',
  'accept',
  'lower_prio_no_advert on',
  'notify_priority_changes off',
  'notify_master "/bin/notify \'a b\' c" nobody',
  'notify /bin/notify',
  'unicast_src_ip 10.0.0.1\n unicast_peer {\n 10.0.0.2\n 10.0.0.3 min_ttl 3\n }',
  'track_interface {\n eth1 weight 10\n eth2\n }',
  'track_script {\n chk\n }',
  'virtual_ipaddress_excluded {\n 10.0.9.9/24 dev eth1\n }',
  'authentication {\n auth_type PASS\n auth_pass geheim\n }',
  'debug 2',
];
const PACKET_PATH_LINES = [
  'connections 10000000',
  'connections6 5000',
  'conn_reuse_mode 3',
  'expire_nodest_conn',
  'expire_quiescent_template off',
  'drop_entry automatic',
  'drop_packet 3',
  'secure_tcp',
  'am_droprate 5',
  'lblcr_expiration 60',
];
const SERVICE_LINES = [
  'delay_loop 7',
  'retry 4',
  'delay_before_retry 2.5',
  'warmup 3',
  'connect_timeout 2',
  'lb_algo wrr',
  'persistence_timeout 50',
  'persistence_timeout',
  'timeout_tcp 3600',
  'quorum 9',
  'quorum_up "/bin/up now"',
  'hysteresis 0',
  'alpha',
  'omega',
  'ha_suspend',
  'smtp_alert on',
  'inhibit_on_failure',
  'virtualhost www.example.com',
  'weight 5',
];
const SERVER_LINES = [
  'weight 3',
  'weight 0',
  'inhibit_on_failure off',
  'alpha on',
  'retry 2',
  'delay_loop 11',
  'smtp_alert off',
  'notify_up "/bin/up"',
  'TCP_CHECK {\n }',
  'TCP_CHECK {\n connect_port 81\n retry 7\n }',
  'HTTP_GET {\n url {\n path /\n status_code 200-204 301\n }\n nb_get_retry 5\n }',
  'SSL_GET {\n enable_sni\n virtualhost a.example.com\n url {\n path /x\n digest 0123456789abcdef0123456789abcdef\n }\n }',
  'MISC_CHECK {\n misc_path "/bin/check a \'b c\'"\n misc_dynamic\n }',
  'SMTP_CHECK {\n helo_name x.example.com\n }',
  'DNS_CHECK {\n type A\n name example.com\n }',
  'PING_CHECK {\n delay_loop 3\n }',
  'UDP_CHECK {\n require_reply\n }',
];

const some = (lines: readonly string[]): fc.Arbitrary<string> => fc.shuffledSubarray([...lines]).map((chosen) => chosen.join('\n'));

const generated = fc
  .record({
    global: some(GLOBAL_LINES),
    packetPath: some(PACKET_PATH_LINES),
    routers: fc.array(some(ROUTER_LINES), { maxLength: 3 }),
    services: fc.array(fc.tuple(some(SERVICE_LINES), fc.array(some(SERVER_LINES), { maxLength: 3 })), { maxLength: 3 }),
    layout: fc.constantFrom('', '# a comment # with a mark\n'),
  })
  .map(({ global, packetPath, routers, services, layout }) =>
    [
      layout,
      global === '' ? '' : `global_defs {\n${global}\n}`,
      packetPath === '' ? '' : `packet_path {\n${packetPath}\n}`,
      'vrrp_script chk {\nscript "/bin/chk x"\n}',
      ...routers.map(
        (lines, index) =>
          `vrrp_instance VI_${index} {\ninterface eth0\nvirtual_router_id ${index + 1}\n${lines}\nvirtual_ipaddress {\n10.0.${index}.100/24\n}\n}`,
      ),
      ...services.map(
        ([lines, servers], index) =>
          `virtual_server 10.0.${index}.100 80 {\nlvs_sched rr\nlvs_method DR\nprotocol TCP\n${lines}\n${servers
            .map((inner, number) => `real_server 10.1.${index}.${number + 1} 80 {\n${inner}\n}`)
            .join('\n')}\n}`,
      ),
    ].join('\n'),
  );

describe('the effective configuration', () => {
  it.each(SEEDS)('of %s is itself when it is shown', (file) => {
    const { shown } = show(seed(file), file);
    expect(show(shown, 'shown.conf').shown).toBe(shown);
  });

  it('of any configuration without errors is itself and means the same', () => {
    let usable = 0;
    fc.assert(
      fc.property(generated, (text) => {
        const reading = readKeepalived(text, { file: 'f' });
        if (faults(reading.diagnostics).length > 0) return;
        usable++;
        const { shown } = show(text, 'f');
        expect(show(shown, 'g').shown).toBe(shown);
        const again = readKeepalived(shown, { file: 'g' });
        expect(faults(again.diagnostics)).toEqual([]);
        expect(withoutPasswords(again)).toEqual(withoutPasswords(reading));
      }),
      { numRuns: 150 },
    );
    expect(usable).toBeGreaterThan(30);
  });

  it.each(SEEDS)('of %s means the same', (file) => {
    const { shown, reading } = show(seed(file), file);
    const again = readKeepalived(shown, { file: 'shown.conf' });
    expect(again.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(withoutPasswords(again)).toEqual(withoutPasswords(reading));
  });
});

/** Errors, but for what this version does not act on: that is read and lowered all the same. */
function faults(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return diagnostics.filter(({ severity, code }) => severity === 'error' && code !== 'config/unsupported');
}

function withoutPasswords({ configuration }: KeepalivedReading): object {
  return {
    ...configuration,
    routers: configuration.routers.map(({ authentication, ...router }) => ({ ...router, type: authentication?.type })),
  };
}
