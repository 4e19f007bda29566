import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatConfiguration } from './format.ts';

const SAMPLE = `\ufeff! Configuration\r\n\r\n\r\nglobal_defs\r\n# who\r\n{ router_id   A # name
notification_email { a@example.com
b@example.com }


}
vrrp_instance V { # the only one

state BACKUP
	virtual_ipaddress { 10.0.0.1/24   dev eth0 } # one
   @a priority 100
}
`;

const FORMATTED = `! Configuration

global_defs {
    # who
    router_id A # name
    notification_email {
        a@example.com
        b@example.com
    }
}
vrrp_instance V { # the only one
    state BACKUP
    virtual_ipaddress {
        10.0.0.1/24 dev eth0
    } # one
    @a priority 100
}
`;

describe('formatConfiguration', () => {
  it('gives every statement its line and every block its level', () => {
    expect(formatConfiguration(SAMPLE.replace('\ufeff', '\ufeff'))).toBe(FORMATTED);
    expect(formatConfiguration(FORMATTED)).toBe(FORMATTED);
  });

  it.each([
    ['nothing', '', ''],
    ['blank lines', '\n\n  \n', ''],
    ['a definition with several lines', '  $X=  \\\n   a { \\\n b \\\n}\n', '$X=  \\\n   a { \\\n b \\\n}\n'],
    ['a conditional block in one line', '@a  x { y 1 }\n', '@a x { y 1 }\n'],
    ['a sequence', `virtual_ipaddress_x {\n~SEQ(A, 1,3)   10.0.0.\${A}\n}`, `virtual_ipaddress_x {\n    ~SEQ(A, 1,3) 10.0.0.\${A}\n}\n`],
    ['a parameter before a brace', 'vrrp_instance $X\n{\n}\n', 'vrrp_instance $X\n{\n}\n'],
    ['a parameter that must stay at the end of its line', `x { \${M} }\n`, `x { \${M} }\n`],
    ['an include with blanks in its name', 'include  a  b # c\n', 'include  a  b # c\n'],
    ['an include that is none where it stands', 'x { include y\n}\n', 'x { include y\n}\n'],
    ['quoted blanks', 'x  "a   b"\n', 'x "a   b"\n'],
    [
      'alternatives',
      '@a vrrp_instance A {\n@b vrrp_instance B {\nstate BACKUP\n}\nx\n',
      '@a vrrp_instance A {\n@b vrrp_instance B {\n    state BACKUP\n}\nx\n',
    ],
    ['a missing brace', 'global_defs {\n  router_id  A\n', 'global_defs {\n  router_id  A\n'],
    ['a brace too many', 'global_defs {\n  router_id  A\n}}\n', 'global_defs {\n  router_id  A\n}}\n'],
  ])('%s', (_, text, expected) => {
    expect(formatConfiguration(text)).toBe(expected);
  });

  it('changes nothing when it has been done', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '{',
        '}',
        ' { ',
        ' }\n',
        '\n',
        '\r\n',
        ' ',
        '\t',
        '# c',
        '! c\n',
        '"',
        "'a  b'",
        '@a ',
        '@b ',
        '~SEQ(A,1,2) ',
        '$X=',
        '$X',
        ' \\\n',
        'include ',
        '\u00a0',
        '\ufeff',
      ),
      fc.constantFrom('vrrp_instance V', 'virtual_ipaddress', 'priority 1', 'global_defs', 'a', 'url {\npath /\n}\n'),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const once = formatConfiguration(pieces.join(''));
        expect(formatConfiguration(once)).toBe(once);
      }),
      { numRuns: 2000 },
    );
  });
});
