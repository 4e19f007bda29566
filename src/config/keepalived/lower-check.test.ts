import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../base/index.ts';
import type { Check } from '../../model/index.ts';
import { check, GOOD, read, server, service } from './services.test-helper.ts';

const target = { address: IpAddress.parse('10.0.0.1'), port: 80, mark: 0 };
const INHERITED = [
  {
    kind: 'http',
    delayLoop: 10_000_000,
    connectTimeout: 6_000_000,
    retry: 4,
    delayBeforeRetry: 3_000_000,
    warmup: 7_000_000,
    alpha: false,
    logAllFailures: false,
    target,
    httpVersion: '1.0',
    connectionClose: false,
    fastRecovery: false,
    urls: [
      { path: '/a', statusCodes: [{ from: 200, to: 299 }], virtualHost: 'www.example.com' },
      {
        path: '/b',
        statusCodes: [
          { from: 200, to: 200 },
          { from: 301, to: 302 },
        ],
        digest: '9b3a0c85a887a256d6939da88aabd8cd',
        virtualHost: 'b.example.com',
      },
    ],
  },
  {
    kind: 'tcp',
    delayLoop: 1_000_000,
    connectTimeout: 4_000_000,
    retry: 7,
    delayBeforeRetry: 1_000_000,
    warmup: 0,
    alpha: true,
    logAllFailures: true,
    target,
  },
];

describe('inheritance', () => {
  it('hands settings down from service to server to check', () => {
    const { service: found, codes } = service(
      'delay_loop 10\nconnect_timeout 2\nweight 3\nvirtualhost www.example.com\ninhibit_on_failure\nalpha\nwarmup 7\nretry 4',
      `real_server 10.0.0.1 80 {
connect_timeout 4
alpha off
HTTP_GET {
url {
path /a
}
url {
path /b
virtualhost b.example.com
status_code 200 301-302
digest 9B3A0C85A887A256D6939DA88AABD8CD
}
connect_timeout 6
connect_port 80
}
TCP_CHECK {
retry 7
delay_loop 1
warmup 0
alpha
log_all_failures
}
}`,
    );
    expect(codes).toEqual([]);
    expect(found).toMatchObject({ alpha: true, quorum: 1 });
    expect(found?.servers[0]).toMatchObject({ weight: 3, inhibitOnFailure: true, alpha: false });
    expect(found?.servers[0]?.checks).toEqual(INHERITED);
  });

  it("has each check's own defaults where nothing is said", () => {
    const checks = (lines: string) => server(lines).server?.checks[0] as Extract<Check, { kind: 'tcp' }>;
    const brief = (lines: string) => {
      const { delayLoop, connectTimeout, retry, delayBeforeRetry, warmup } = checks(lines);
      return [delayLoop, connectTimeout, retry, delayBeforeRetry, warmup].map((micros) => micros / 1_000_000);
    };
    expect(brief('TCP_CHECK {\n}')).toEqual([60, 5, 1e-6, 1, 0]);
    expect(brief('HTTP_GET {\nurl {\npath /\n}\n}')).toEqual([60, 5, 1e-6, 3, 0]);
    expect(brief('DNS_CHECK {\ndelay_loop 9\n}')).toEqual([9, 5, 3e-6, 9, 0]);
    expect(brief('MISC_CHECK {\nmisc_path /bin/true\n}')).toEqual([60, 5, 0, 1, 0]);
  });

  it('logs all failures where global_defs says so', () => {
    const found = read(`global_defs {\nchecker_log_all_failures\n}\n${GOOD}`).services[0]?.servers[0]?.checks[0];
    expect(found).toMatchObject({ kind: 'tcp', logAllFailures: true });
  });

  it('choose mail by the three defaults', () => {
    const alerts = (global: string) => {
      const { routers, services } = read(`global_defs {\n${global}\n}\n${GOOD}`);
      return [routers[0]?.smtpAlert, services[0]?.smtpAlert, services[0]?.servers[0]?.smtpAlert];
    };
    expect(alerts('')).toEqual([false, false, true]);
    expect(alerts('smtp_alert on')).toEqual([true, true, true]);
    expect(alerts('smtp_alert off\nsmtp_alert_vrrp')).toEqual([true, false, false]);
  });
});

describe('checks', () => {
  it('connect where they are told to', () => {
    const lines = 'connect_ip 10.0.0.7\nconnect_port 81\nbindto 10.0.0.8\nbind_port 1000\nbind_if eth0\nfwmark 3';
    expect(check('tcp', 'TCP_CHECK', lines)).toMatchObject({
      check: {
        target: {
          address: IpAddress.parse('10.0.0.7'),
          port: 81,
          bindAddress: IpAddress.parse('10.0.0.8'),
          bindPort: 1000,
          bindInterface: 'eth0',
          mark: 3,
        },
      },
      codes: ['9 info config/check-elsewhere'],
    });
    expect(check('tcp', 'TCP_CHECK', 'bindto fd00::1')).toMatchObject({ codes: ['8 error config/family-mismatch'] });
  });

  it('speak HTTP', () => {
    const http = (lines: string, url = '') => check('http', 'HTTP_GET', `url {\npath /\n${url}\n}\n${lines}`);
    expect(http('http_protocol 1.1').check).toMatchObject({ httpVersion: '1.1', connectionClose: true });
    expect(http('http_protocol 1.0c').check).toMatchObject({ httpVersion: '1.0', connectionClose: true });
    expect(http('nb_get_retry 4').check).toMatchObject({ retry: 4 });
    expect(http('fast_recovery').check).toMatchObject({ fastRecovery: true });
    expect(http('enable_sni').codes).toEqual(['12 warning config/no-effect']);
    expect(http('', 'status_code 99').codes).toEqual(['10 error config/out-of-range']);
    expect(http('', 'status_code 999').codes).toEqual(['10 error config/out-of-range']);
    expect(http('', 'status_code 300-200').codes).toEqual(['10 error config/out-of-range']);
    expect(http('', 'status_code ok').codes).toEqual(['10 error config/bad-value']);
    expect(http('', 'digest 12').codes).toEqual(['10 error config/bad-value']);
  });

  it('look for patterns', () => {
    const url = (lines: string) => check('http', 'HTTP_GET', `url {\npath /\n${lines}\n}`);
    expect(
      url('regex "a b"\nregex_options caseless dotall\nregex_no_match\nregex_min_offset 5\nregex_max_offset 9').check?.urls[0],
    ).toEqual({
      path: '/',
      statusCodes: [],
      regex: { pattern: 'a b', options: ['caseless', 'dotall'], inverted: true, minOffset: 5, maxOffset: 9 },
    });
    expect(url('regex a\nregex_options caselss').codes).toEqual(['11 error config/bad-value']);
    expect(url('regex a\nregex_min_offset 5\nregex_max_offset 4').codes).toEqual(['12 error config/out-of-range']);
    expect(url('regex_no_match').codes).toEqual(['10 warning config/no-effect']);
  });

  it('speak TLS with what the SSL block gives', () => {
    const text = (lines: string) =>
      read(
        `SSL {\npassword secret\nca /ca\ncertificate /c\nkey /k\n}\nvirtual_server 10.0.0.100 80 {\nlvs_sched rr\nlvs_method DR\nprotocol TCP\nreal_server 10.0.0.1 80 {\nSSL_GET {\nurl {\npath /\n}\n${lines}\n}\n}\n}\n`,
      );
    const tls = (lines: string) => {
      const [first] = text(lines).services[0]?.servers[0]?.checks ?? [];
      return first?.kind === 'http' ? first.tls : undefined;
    };
    const material = { certificateFile: '/c', keyFile: '/k', authorityFile: '/ca', keyPassword: 'secret' };
    expect(tls('')).toEqual(material);
    expect(tls('enable_sni\nvirtualhost a.example.com')).toEqual({ ...material, serverName: 'a.example.com' });
    expect(tls('enable_sni\nsni_name b.example.com\nvirtualhost a.example.com')).toMatchObject({ serverName: 'b.example.com' });
    expect(text('enable_sni').codes).toEqual(['16 warning config/no-effect']);
  });

  it('greet mail servers, in the old form too', () => {
    expect(check('smtp', 'SMTP_CHECK', 'helo_name lb1').check).toMatchObject({ heloName: 'lb1', target: { port: 80 } });
    const { server: found, codes } = server(
      'SMTP_CHECK {\nretry 5\nhost {\nconnect_port 25\n}\nhost {\nconnect_ip 10.0.0.2\nretry 6\n}\n}',
    );
    expect(found?.checks).toMatchObject([
      { kind: 'smtp', heloName: 'smtpchecker.keepalived.org', retry: 5, target: { port: 25 } },
      { kind: 'smtp', retry: 6, target: { port: 80, address: IpAddress.parse('10.0.0.2') } },
    ]);
    expect(codes.filter((code) => code.endsWith('deprecated-keyword'))).toHaveLength(2);
  });

  it('ask name servers', () => {
    expect(check('dns', 'DNS_CHECK', '').check).toMatchObject({ queryType: 'SOA', queryName: '.' });
    expect(check('dns', 'DNS_CHECK', 'type aaaa\nname www.example.com').check).toMatchObject({
      queryType: 'AAAA',
      queryName: 'www.example.com',
    });
    expect(check('dns', 'DNS_CHECK', 'name a..b').codes).toEqual(['8 error config/bad-value']);
    expect(check('dns', 'DNS_CHECK', `name ${'a'.repeat(64)}.org`).codes).toEqual(['8 error config/bad-value']);
    expect(check('dns', 'DNS_CHECK', `name ${'abcdefg.'.repeat(32)}org`).codes).toEqual(['8 error config/bad-value']);
  });

  it('send datagrams', () => {
    expect(check('udp', 'UDP_CHECK', 'payload "01 02ff a"\nrequire_reply 0x1Xxx\nmin_reply_length 2').check).toMatchObject({
      payload: Uint8Array.of(1, 2, 0xff, 10),
      requireReply: true,
      reply: { bytes: Uint8Array.of(0, 0x10, 0), mask: Uint8Array.of(0xf0, 0xf0, 0) },
      minReplyLength: 2,
      maxReplyLength: 255,
    });
    expect(check('udp', 'UDP_CHECK', 'require_reply').check).toMatchObject({ requireReply: true });
    expect(check('udp', 'UDP_CHECK', '').check).toMatchObject({ requireReply: false });
    expect(check('udp', 'UDP_CHECK', 'payload 0x').codes).toEqual(['8 error config/bad-value']);
    expect(check('udp', 'UDP_CHECK', 'payload 012').codes).toEqual(['8 error config/bad-value']);
    expect(check('udp', 'UDP_CHECK', 'min_reply_length 9\nmax_reply_length 8').codes).toEqual(['9 error config/out-of-range']);
  });

  it('run programs', () => {
    expect(
      check('misc', 'MISC_CHECK', 'misc_path "/bin/check a b"\nmisc_timeout 3\nmisc_dynamic\nuser bob staff\nretry 2').check,
    ).toMatchObject({
      command: { argv: ['/bin/check', 'a', 'b'], user: 'bob', group: 'staff' },
      timeout: 3_000_000,
      dynamic: true,
      retry: 2,
    });
    expect(
      service('delay_loop 8', 'real_server 10.0.0.1 80 {\nMISC_CHECK {\nmisc_path /bin/true\n}\n}').service?.servers[0]?.checks[0],
    ).toMatchObject({ timeout: 8_000_000, dynamic: false });
    expect(server('MISC_CHECK {\n}').codes).toEqual(['7 error config/missing-keyword']);
  });

  it('follow files with the weight of the file or their own', () => {
    const follow = (lines: string) => {
      const text = `track_file load {\nfile "/run/load"\nweight 3 reverse\n}\nvirtual_server 10.0.0.100 80 {\nlvs_sched rr\nlvs_method DR\nprotocol TCP\nreal_server 10.0.0.1 80 {\nFILE_CHECK {\ntrack_file load\n${lines}\n}\n}\n}\n`;
      const { services, codes } = read(text);
      return { checks: services[0]?.servers[0]?.checks, codes };
    };
    const file = { kind: 'file', trackFile: 'load' };
    expect(follow('')).toEqual({ checks: [{ ...file, weight: { weight: 3, reverse: true } }], codes: [] });
    expect(follow('weight -2').checks).toEqual([{ ...file, weight: { weight: -2, reverse: false } }]);
    expect(follow('weight 2147483648').codes).toEqual(['12 error config/out-of-range']);
  });

  it('follow files and sessions that exist', () => {
    expect(check('file', 'FILE_CHECK', 'track_file nope').codes).toEqual(['8 error config/unknown-reference']);
    expect(check('bfd', 'BFD_CHECK', 'name nope').codes).toEqual(['8 error config/unknown-reference']);
  });
});
