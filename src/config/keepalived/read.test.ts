import { describe, expect, it } from 'vitest';
import { checkAgainstHost } from './host.ts';
import { type ReadOptions, readKeepalived, readKeepalivedFiles } from './read.ts';

const GOOD = `global_defs {
    router_id A
}
vrrp_instance VI_1 {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority 100
    authentication {
        auth_type PASS
        auth_pass secret
    }
    virtual_ipaddress {
        10.0.0.100/24
    }
}
virtual_server 10.0.0.100 80 {
    lvs_sched rr
    lvs_method DR
    protocol TCP
    real_server 10.0.0.1 80 {
        HTTP_GET {
            url {
                path /
            }
        }
    }
    real_server 10.0.0.2 80 {
        TCP_CHECK {
        }
    }
}
`;

function read(text: string, options: ReadOptions = {}) {
  return readKeepalived(text, { file: 'k.conf', ...options });
}

function codes(text: string, options: ReadOptions = {}): string[] {
  return read(text, options).diagnostics.map(({ range, severity, code }) => `${range.line} ${severity} ${code}`);
}

/** The good file with one change, and what is said about it. */
function change(from: string, to: string): string[] {
  expect(GOOD).toContain(from);
  return codes(GOOD.replace(from, to));
}

function instance(lines: string): string {
  return `vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\nno_virtual_ipaddress\n${lines}\n}\n`;
}

describe('readKeepalived', () => {
  it('has nothing to say about a good file', () => {
    expect(codes(GOOD)).toEqual([]);
  });

  it('takes no text for no configuration', () => {
    const { configuration, diagnostics } = read('');
    expect(diagnostics).toEqual([]);
    expect(configuration).toMatchObject({
      routers: [],
      services: [],
      groups: [],
      scripts: [],
      mail: { recipients: [], from: 'keepalived@localhost' },
    });
  });

  it.each([
    ['an unknown block', 'virtual_server 10', 'virtual_serverx 10', ['17 error config/unknown-block']],
    ['an unknown keyword', 'priority 100', 'prioritee 100', ['8 warning config/unknown-keyword']],
    ['an unknown keyword that was needed', 'interface eth0', 'interfase eth0', ['6 error config/unknown-keyword']],
    ['a bad address', '10.0.0.100/24', '10.0.0.300/24', ['14 error config/bad-address']],
    ['a bad prefix length', '10.0.0.100/24', '10.0.0.100/33', ['14 error config/out-of-range']],
    ['a bad real server', 'real_server 10.0.0.1 80', 'real_server 10.0.0.x 80', ['21 error config/bad-address']],
    ['a priority of 300', 'priority 100', 'priority 300', ['8 error config/out-of-range']],
    ['a priority in words', 'priority 100', 'priority high', ['8 error config/bad-value']],
    ['a missing value', 'priority 100', 'priority', ['8 error config/missing-value']],
    ['a VRID of 0', 'virtual_router_id 51', 'virtual_router_id 0', ['7 error config/out-of-range']],
    ['a missing closing brace of a list', '10.0.0.100/24\n    }', '10.0.0.100/24', ['13 error config/missing-close-brace']],
    ['a missing closing brace of an instance', '}\n}\nvirtual_server', '}\nvirtual_server', ['4 error config/missing-close-brace']],
    ['a missing closing brace at the end', '        }\n    }\n}\n', '        }\n    }\n', ['17 error config/missing-close-brace']],
    [
      'a missing closing brace of a server',
      '        }\n    }\n    real_server',
      '        }\n    real_server',
      ['21 error config/missing-close-brace'],
    ],
    ['a missing opening brace', 'vrrp_instance VI_1 {', 'vrrp_instance VI_1', ['4 error config/missing-open-brace']],
    ['a missing opening brace of a list', 'virtual_ipaddress {', 'virtual_ipaddress', ['13 error config/missing-open-brace']],
    ['a missing opening brace of a check', 'url {', 'url', ['23 error config/missing-open-brace']],
    ['a brace too many after a block', 'vrrp_instance', '}\nvrrp_instance', ['4 warning config/stray-brace']],
    ['a brace too many inside a block', '    virtual_ipaddress', '    }\n    virtual_ipaddress', ['13 warning config/early-close-brace']],
    ['an opening brace too many', 'priority 100', 'priority 100 {', ['8 error config/unexpected-brace']],
    ['an opening brace without a word', 'router_id A', 'router_id A\n{', ['3 error config/unexpected-brace']],
    ['a block where none belongs', 'priority 100', 'priority 100 {\nx\n}', ['8 error config/unexpected-brace']],
    ['two statements on a line', 'state BACKUP\n   ', 'state BACKUP', ['5 error config/extra-words']],
    ['an unterminated quote', 'auth_pass secret', 'auth_pass "secret', ['11 error config/unterminated-quote']],
    ['a repeated keyword', 'priority 100', 'priority 100\npriority 90', ['9 warning config/repeated-keyword']],
    ['a keyword of another block', 'priority 100', 'lvs_sched rr', ['8 warning config/unknown-keyword']],
    ['no interface', 'interface eth0', '', ['4 error config/missing-keyword']],
    ['no protocol', 'protocol TCP', '', ['17 error config/missing-keyword']],
    ['no url', 'url {\n                path /\n            }', '', ['22 error config/missing-keyword']],
    ['a method in small letters', 'lvs_method DR', 'lvs_method dr', ['19 error config/bad-value']],
    ['a way that checks cannot go', 'TCP_CHECK {', 'TCP_CHECK {\nbind_if eth1', ['30 error config/unsupported']],
    ['unicast to itself', 'priority 100', 'unicast_src_ip 10.0.0.9\nunicast_peer {\n10.0.0.9\n}', ['10 error config/peer-is-self']],
    ['a password in version 3', 'priority 100', 'version 3', ['9 warning config/authentication-ignored']],
    ['another authentication', 'PASS', 'MD5', ['10 error config/bad-value']],
    ['half an authentication', 'auth_type PASS', '', ['9 error config/missing-keyword']],
    ['an IPv6 address among others', '10.0.0.100/24', '10.0.0.100/24\nfd00::1', ['15 error config/mixed-families']],
    ['a cosmetic keyword', 'protocol TCP', 'protocol TCP\nnat_mask 255.255.255.0', ['21 info config/not-acted-on']],
    ['an old keyword', 'priority 100', 'lvs_sync_daemon_interface eth0', ['8 warning config/not-acted-on']],
    ['a fraction of a second in version 2', 'priority 100', 'advert_int 0.5', ['8 error config/out-of-range']],
    ['nopreempt of a MASTER', 'state BACKUP', 'nopreempt\nstate MASTER', ['5 warning config/nopreempt-with-master']],
    ['a port that direct routing cannot change', '10.0.0.1 80', '10.0.0.1 8080', ['21 warning config/port-forced']],
    ['a real server twice', '10.0.0.2 80', '10.0.0.1 80', ['28 warning config/duplicate-server']],
    ['a quorum above the weight', 'protocol TCP', 'protocol TCP\nquorum 3', ['21 warning config/quorum-lowered']],
    ['a digest that is none', 'path /', 'path /\ndigest abc', ['25 error config/bad-value']],
    ['a status code that is none', 'path /', 'path /\nstatus_code 200 2xx', ['25 error config/bad-value']],
    ['a range of status codes the wrong way round', 'path /', 'path /\nstatus_code 299-200', ['25 error config/out-of-range']],
  ])('reports %s once, in its place', (_, from, to, expected) => {
    expect(change(from, to).sort()).toEqual(expected);
  });

  it('closes nothing else because of one missing brace', () => {
    const { configuration } = read(GOOD.replace('10.0.0.100/24\n    }', '10.0.0.100/24'));
    expect(configuration.routers).toHaveLength(1);
    expect(configuration.services[0]?.servers).toHaveLength(2);
  });

  it('suggests what was meant, and a change that a tool can make', () => {
    const [diagnostic] = read('global_defs {\n  smtp alter off\n}\n').diagnostics;
    expect(diagnostic).toMatchObject({
      help: 'Did you mean smtp_alert?',
      fix: { range: { line: 2, column: 3, endLine: 2, endColumn: 13 }, replacement: 'smtp_alert' },
    });
  });

  it('suggests no change that would override a line of the file', () => {
    const [diagnostic] = read('global_defs {\nvrrp_mcast_group4 224.0.0.18\nvrrp_mcast_group5 224.0.0.19\n}\n').diagnostics;
    expect(diagnostic).toMatchObject({ code: 'config/unknown-keyword', help: 'Did you mean vrrp_mcast_group4?' });
    expect(diagnostic?.fix).toBeUndefined();
  });

  it('says where a misplaced word belongs', () => {
    expect(read('vrrp_instance V {\ninterface e\nvirtual_router_id 1\nno_virtual_ipaddress\nlvs_sched rr\n}').diagnostics[0]?.message).toBe(
      'lvs_sched is no keyword of this block. The line is ignored. lvs_sched belongs in virtual_server.',
    );
  });

  it('takes a real_server outside into the virtual_server before it', () => {
    const text = GOOD.replace('    real_server 10.0.0.2', '}\n{\n    real_server 10.0.0.2').replace('}\n{\n', '}\n');
    const balanced = text.replace(/\}\n$/, '');
    expect(codes(balanced)).toEqual(['29 warning config/misplaced-block']);
    expect(read(balanced).configuration.services[0]?.servers).toHaveLength(2);
    expect(codes(text)).toEqual(['28 warning config/early-close-brace']);
    expect(read(text).configuration.services[0]?.servers).toHaveLength(2);
  });

  it('understands braces in any place, CRLF, a byte order mark and comments anywhere', () => {
    const odd = `\ufeff${GOOD.replaceAll(' {\n', '\n{ ! here\n').replaceAll('\n', '\r\n')}`;
    expect(codes(odd)).toEqual([]);
    expect(read(odd).configuration).toEqual(read(GOOD).configuration);
    const tight = GOOD.replace('virtual_ipaddress {\n        10.0.0.100/24\n    }', 'virtual_ipaddress{10.0.0.100/24}');
    expect(codes(tight)).toEqual([]);
    expect(read(tight).configuration).toEqual(read(GOOD).configuration);
  });

  it('points at the line and column of the original', () => {
    const [diagnostic] = read(`\ufeff${GOOD.replace('priority 100', '"priority" 中300 # 优先级')}`).diagnostics;
    expect(diagnostic?.range).toEqual({ line: 8, column: 16, endLine: 8, endColumn: 20 });
  });
});

describe('the language before the grammar', () => {
  it('gives the same configuration as the text written out', () => {
    const written = `$PRIORITY=100
@other $PRIORITY=1
$SERVER= \\
    real_server 10.0.0.\${HOST} 80 { \\
        \${CHECK} \\
    }
$CHECK=TCP_CHECK { }
${GOOD.replace('priority 100', 'priority $PRIORITY').replace('state BACKUP', '@main state BACKUP\n@other state MASTER')}`;
    const text = written.replace(/ {4}real_server 10\.0\.0\.2 [\s\S]*?\n {4}\}\n/, '    ~LST(HOST, 2) $SERVER\n');
    expect(text).not.toContain('10.0.0.2');
    const { configuration, diagnostics } = read(text, { configId: 'main' });
    expect(diagnostics).toEqual([]);
    expect(configuration).toEqual(read(GOOD).configuration);
  });

  it('compares conditions with the first label of the host name', () => {
    const text = 'global_defs {\n@lb1 router_id A\n@lb2 router_id B\n}\n';
    expect(read(text, { hostName: 'lb2.example.com' }).configuration.routerId).toBe('B');
    expect(read(text, { hostName: 'lb2.example.com', configId: 'lb1' }).configuration.routerId).toBe('A');
  });

  it('says once that a value is a name without a definition', () => {
    const text = GOOD.replace('priority 100', `priority \${PRIO}`);
    expect(codes(`$PRIORITY=100\n${text}`)).toEqual(['9 error config/undefined-parameter']);
  });

  it('says once what is wrong in a text that is used many times', () => {
    const text = GOOD.replace('        10.0.0.100/24', `        ~SEQ(LAST, 250, 300) 10.0.0.\${LAST}`);
    expect(codes(text)).toEqual(['14 error config/bad-address']);
  });
});

describe('several files', () => {
  const include = (pattern: string) =>
    pattern === 'servers' ? [{ file: 'servers', text: 'real_server 10.0.0.3 80 {\n weigth 5\n}\n' }] : [];

  it('include inside a block', () => {
    const { configuration, diagnostics, sources } = read(GOOD.replace('    protocol TCP', '    protocol TCP\ninclude servers'), {
      include,
    });
    expect(diagnostics).toMatchObject([{ file: 'servers', range: { line: 2, column: 2 }, code: 'config/unknown-keyword' }]);
    expect(configuration.services[0]?.servers.map((server) => String(server.address))).toEqual(['10.0.0.3', '10.0.0.1', '10.0.0.2']);
    expect(sources.map((source) => source.file)).toEqual(['k.conf', 'servers']);
  });

  it('report what cannot be included', () => {
    expect(codes('include servers\n')).toEqual(['1 error config/unsupported']);
    expect(codes('include nothing\n', { include })).toEqual(['1 warning config/include-not-found']);
    expect(codes('global_defs { include servers\n}\n', { include })).toEqual(['1 error config/unknown-keyword']);
    expect(codes('include\n', { include })).toEqual(['1 error config/missing-value']);
    expect(codes('include k.conf', { include: () => [{ file: 'k.conf', text: 'include k.conf' }] })).toEqual([
      '1 error config/include-depth',
    ]);
  });

  it('are one configuration', () => {
    const [first, second] = [GOOD.slice(0, GOOD.indexOf('virtual_server')), GOOD.slice(GOOD.indexOf('virtual_server'))];
    const reading = readKeepalivedFiles([
      { file: 'a', text: first },
      { file: 'b', text: `${second}x y\n` },
    ]);
    expect(reading.configuration).toEqual(read(GOOD).configuration);
    expect(reading.diagnostics).toMatchObject([{ file: 'b', code: 'config/unknown-keyword' }]);
  });
});

describe('checkAgainstHost', () => {
  it('reports each absent interface once, where it is named first', () => {
    const reading = read(instance('virtual_ipaddress {\n10.0.0.9 dev eth7\n}\ntrack_interface {\neth7\neth0\n}'));
    const said = checkAgainstHost(reading, { interfaces: ['lo', 'eth1'] });
    expect(said).toMatchObject([
      { code: 'config/absent-interface', severity: 'error', range: { line: 2, column: 11 } },
      { code: 'config/absent-interface', range: { line: 6, column: 14 } },
    ]);
    expect(checkAgainstHost(reading, { interfaces: ['eth0', 'eth7'] })).toEqual([]);
  });
});
