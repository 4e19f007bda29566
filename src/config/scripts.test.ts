import { describe, expect, it } from 'vitest';
import { readKeepalived } from './keepalived/index.ts';
import { checkScripts, type ProgramFacts } from './scripts.ts';

const PROGRAMS: Readonly<Record<string, ProgramFacts>> = {
  '/bin/good': { executable: true },
  '/bin/plain': { executable: false },
  '/bin/open': { executable: true, alterable: '/bin/open' },
};

function codes(program: string, globals = ''): string[] {
  const text = `global_defs {
    ${globals}
}
vrrp_script chk {
    script "${program}"
}
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    virtual_ipaddress {
        10.0.0.1
    }
    notify_master "${program} a"
}
`;
  const reading = readKeepalived(text, { file: 'f' });
  return checkScripts(reading, (name) => PROGRAMS[name]).map(({ range, severity, code }) => `${range.line} ${severity} ${code}`);
}

describe('the programs of a configuration', () => {
  it.each<[string, string, string[]]>([
    ['/bin/good', '', ['5 info config/script-security']],
    ['/bin/good', 'enable_script_security', []],
    ['/bin/absent', '', ['5 warning config/track-script-missing']],
    ['/bin/plain', 'enable_script_security', ['5 warning config/track-script-missing']],
    ['/bin/open', 'enable_script_security', ['5 warning config/script-alterable']],
    ['/bin/open', '', ['5 warning config/script-alterable', '5 info config/script-security']],
    ['exit 1', '', []],
    ['[ -f /x ] && exit 1', '', ['5 warning config/track-script-missing']],
  ])('%j with %j', (program, globals, expected) => {
    expect(codes(program, globals)).toEqual(expected);
  });

  it('may stand where they may be absent', () => {
    const text = (deleted: string) =>
      `vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n10.0.0.1\n}\n${deleted}\n}\n`;
    const found = (deleted: string) => checkScripts(readKeepalived(text(deleted), { file: 'f' }), (name) => PROGRAMS[name]);
    expect(found('notify_deleted /bin/absent').map(({ code, range }) => `${range.line} ${code}`)).toEqual(['7 config/script-missing']);
    expect(found('notify_deleted')).toEqual([]);
  });
});
