/** The checks of a real server, and the SSL block whose material SSL_GET uses. */
import {
  address,
  block,
  choice,
  choiceOfAnyCase,
  flag,
  integer,
  type Keyword,
  type KeywordOptions,
  LATER,
  leaf,
  line,
  none,
  optional,
  plainCommand,
  seconds,
  word,
  words,
} from './keyword.ts';

/** keepalived counts times in microseconds of 64 bits; beyond this many seconds ours would no longer be exact. */
const LONGEST = 4_294_967_295;
const PORT = integer(1, 65_535);
const COUNT = integer(0, 0xffffffff);
const LENGTH = integer(0, 65_535);

/** A period: not 0, or checks would follow each other without a pause. */
export const PERIOD = seconds(0.000001, LONGEST);
export const DELAY = seconds(0, LONGEST);
/** keepalived keeps this one in 32 bits of microseconds. */
export const LIMIT = seconds(0.000001, 4294.967295);
export const AT_LEAST_ONCE = integer(1, 0xffffffff);

const SERVERS = "the real server's";

/** PCRE2's names of the options that a pattern may be compiled and matched with. */
export const REGEX_OPTIONS = [
  'allow_empty_class',
  'alt_bsux',
  'alt_circumflex',
  'alt_verbnames',
  'anchored',
  'auto_callout',
  'caseless',
  'dollar_endonly',
  'dotall',
  'dupnames',
  'endanchored',
  'extended',
  'extended_more',
  'firstline',
  'literal',
  'match_unset_backref',
  'multiline',
  'never_backslash_c',
  'never_ucp',
  'never_utf',
  'no_auto_capture',
  'no_auto_possess',
  'no_dotstar_anchor',
  'no_start_optimize',
  'no_utf_check',
  'ucp',
  'ungreedy',
  'use_offset_limit',
  'utf',
] as const;

interface ScheduleDefaults {
  readonly retry?: string;
  readonly delayBeforeRetry?: string;
}

/** How often, how long, how many times: what every check with a schedule takes. */
function schedule({ retry = '1', delayBeforeRetry = '1' }: ScheduleDefaults = {}): readonly Keyword[] {
  const or = (last: string) => `${SERVERS}, else ${last}`;
  return [
    leaf('retry', COUNT, 'Further attempts before a live server counts as down.', { default: or(retry) }),
    leaf('delay_before_retry', DELAY, 'Time between those attempts.', { default: or(delayBeforeRetry) }),
    leaf('warmup', DELAY, 'The first check starts after a random time up to this; 0 starts it at once.', {
      default: `${SERVERS}, else 0 (keepalived would take delay_loop)`,
      tier: 3,
    }),
    leaf('delay_loop', PERIOD, 'Time from the end of one check to the start of the next.', { default: or('60'), tier: 2 }),
    leaf('alpha', flag, 'The server counts as down until this check has passed.', { default: or('off'), tier: 2 }),
    leaf('log_all_failures', flag, 'Each failed attempt is logged, not only changes of state.', {
      default: 'checker_log_all_failures of global_defs, else off',
      tier: 3,
    }),
  ];
}

/** What a check that opens a connection takes besides. `bindIf` and `mark` need socket options of their own. */
function connection(defaults: ScheduleDefaults = {}): readonly Keyword[] {
  return [
    leaf('connect_ip', address, 'Where to connect.', { default: 'the address of the real server' }),
    leaf('connect_port', PORT, 'Port to connect to.', { default: 'the port of the real server' }),
    leaf('bindto', address, 'Source address of the check.', { default: "the system's choice", tier: 2 }),
    leaf('bind_port', PORT, 'Source port of the check.', { default: "the system's choice", tier: 3 }),
    leaf('bind_if', word('interface'), 'Interface by which the check leaves; link-local addresses need one.', {
      default: "the routing table's choice",
      ...NO_SOCKET_OPTION,
    }),
    leaf('connect_timeout', LIMIT, 'How long a check may take to connect, and then to be answered.', { default: `${SERVERS}, else 5` }),
    leaf('fwmark', COUNT, "Mark on the check's packets (SO_MARK), for policy routing; 0 is none.", { default: '0', ...NO_SOCKET_OPTION }),
    ...schedule(defaults),
  ];
}

/** A check that would leave by another path than asked for could find the wrong server healthy. */
const NO_SOCKET_OPTION: KeywordOptions = {
  tier: 3,
  support: 'refused',
  reason: 'the checks of this version cannot choose interface or mark of a connection, and one that took another way could judge wrongly',
};

const OLD_RETRY = leaf('nb_get_retry', COUNT, 'Old name of retry.', { aliasOf: 'retry', deprecated: 'Write retry.' });
/** keepalived knows it in HTTP_GET and SSL_GET only. People write it everywhere, so it is understood everywhere. */
const MISPLACED_RETRY = leaf('nb_get_retry', COUNT, 'Old name of retry.', {
  aliasOf: 'retry',
  deprecated: 'Write retry; keepalived reads this word in HTTP_GET and SSL_GET only.',
  tier: 3,
});

const NO_REGEX: KeywordOptions = {
  tier: 3,
  support: 'refused',
  reason: 'this version does not match the body of an answer against a pattern',
};

function url(extra: readonly Keyword[] = []): Keyword {
  return block(
    'url',
    none,
    'One request, and what its answer must be. The check passes when every url does.',
    [
      leaf('path', word('path'), 'What to ask for.', { required: 'Write path /' }),
      leaf('digest', word('MD5 sum in hex'), 'MD5 sum of the body, as genhash prints it.', { default: 'none' }),
      leaf('status_code', words('codes from 100 to 998, or ranges such as 200-299', 1, 1000), 'Accepted status codes.', {
        default: '200-299 when neither digest nor regex is given, else any',
      }),
      leaf('virtualhost', word('host name'), 'Host header.', { default: "the check's virtualhost", tier: 2 }),
      leaf('regex', word('pattern'), 'Pattern (PCRE2) that the body must match.', { default: 'none', ...NO_REGEX, tier: 2 }),
      leaf('regex_no_match', none, 'The body must not match the pattern.', { default: 'off', ...NO_REGEX }),
      leaf('regex_options', words('names of PCRE2 options', 1, REGEX_OPTIONS.length), 'Options of the pattern.', {
        default: 'none',
        ...NO_REGEX,
      }),
      leaf('regex_min_offset', COUNT, 'First byte of the body that is searched.', { default: '0', ...NO_REGEX }),
      leaf('regex_max_offset', COUNT, 'Last byte of the body at which a match may start.', { default: 'the end', ...NO_REGEX }),
      leaf('regex_stack', line([integer(1, 0xffffffff, 'bytes'), integer(1, 0xffffffff, 'bytes')]), "Stack of PCRE2's compiled patterns.", {
        default: "PCRE2's own",
        tier: 3,
        support: 'harmless',
        reason: 'patterns are matched without such a stack',
      }),
      ...extra,
    ],
    { required: 'Write url { and, on lines of their own, path / and }' },
  );
}

function httpKeywords(extra: readonly Keyword[] = [], extraOfUrl: readonly Keyword[] = []): readonly Keyword[] {
  return [
    ...connection({ delayBeforeRetry: '3' }),
    OLD_RETRY,
    leaf('virtualhost', word('host name'), 'Host header of every url.', { default: `${SERVERS}, else its address` }),
    leaf('http_protocol', choiceOfAnyCase('1.0', '1.0C', '1.1'), 'HTTP version of the request; 1.0C and 1.1 ask the server to close.', {
      default: '1.0',
      tier: 2,
    }),
    leaf('enable_sni', flag, 'The virtual host is sent as server name in the TLS handshake.', { default: 'off', tier: 2 }),
    leaf('sni_name', word('host name'), 'The server name to send in the TLS handshake.', {
      default: 'the virtual host, with enable_sni',
      tier: 2,
      since: LATER,
    }),
    leaf('fast_recovery', flag, 'While the server is down all urls are fetched in one round, not one each delay_loop.', {
      default: 'off',
      support: 'harmless',
      reason: 'all urls are fetched in one round always',
      tier: 3,
    }),
    ...extra,
    url(extraOfUrl),
  ];
}

const TLS_COMPLIANT = (fallback: string): Keyword =>
  leaf('tls_compliant', flag, 'The end of the TLS connection is announced (close_notify), as the standard demands.', {
    default: fallback,
    support: 'harmless',
    reason: 'it is announced always',
    tier: 3,
    since: LATER,
  });

const MISC_CHECK = block('MISC_CHECK', none, 'Runs a program; exit status 0 means healthy.', [
  ...schedule({ retry: '0' }),
  leaf('misc_path', plainCommand, 'The program and its arguments.', { required: 'Write misc_path and a program.' }),
  leaf('misc_timeout', integer(0, 0xffffffff, 'seconds'), 'The program is ended and counts as failed after this long.', {
    default: 'delay_loop',
  }),
  leaf('misc_dynamic', none, 'Exit status 1 means down, 2 to 255 set the weight to the status less 2.', { default: 'off', tier: 2 }),
  leaf('user', line([word('user'), [word('group')]]), 'Identity under which the program runs.', { default: 'script_user', tier: 2 }),
]);

const SMTP_CHECK = block('SMTP_CHECK', none, 'Talks to a mail server: greeting, HELO, QUIT.', [
  ...connection(),
  MISPLACED_RETRY,
  leaf('helo_name', word('name'), 'How the check introduces itself.', { default: 'smtpchecker.keepalived.org', tier: 2 }),
  block(
    'host',
    none,
    'Old form: where and how to connect, in a block of its own; several blocks are several checks.',
    connection().map((keyword) => ({ ...keyword, tier: 3 as const, doc: `${keyword.doc} Old form: it belongs into SMTP_CHECK itself.` })),
    { deprecated: 'Write its lines into SMTP_CHECK itself.', tier: 3 },
  ),
]);

const DNS_CHECK = block(
  'DNS_CHECK',
  none,
  'Asks a name server over UDP; any answer without an error code passes.',
  [
    ...connection({ retry: '3', delayBeforeRetry: 'delay_loop' }),
    MISPLACED_RETRY,
    leaf('type', choiceOfAnyCase('A', 'NS', 'CNAME', 'SOA', 'MX', 'TXT', 'AAAA'), 'Record type to ask for.', { default: 'SOA', tier: 2 }),
    leaf('name', word('domain name'), 'Name to ask for.', { default: '. (the root)', tier: 2 }),
  ],
  { tier: 2 },
);

const UDP_CHECK = block(
  'UDP_CHECK',
  none,
  'Sends a datagram; an ICMP error fails, and silence too where a reply is required.',
  [
    ...connection(),
    MISPLACED_RETRY,
    leaf('payload', word('bytes in hex'), 'The datagram.', { default: 'random bytes', tier: 2 }),
    leaf('require_reply', optional(word('bytes in hex with x for any digit')), 'A reply must come, perhaps one that begins so.', {
      default: 'off',
      tier: 2,
    }),
    leaf('min_reply_length', LENGTH, 'Shortest reply that passes.', { default: '0', tier: 3 }),
    leaf('max_reply_length', LENGTH, 'Longest reply that passes.', { default: '255', tier: 3 }),
  ],
  { tier: 2 },
);

const PING_CHECK = block('PING_CHECK', none, 'Sends an ICMP echo request and waits for the reply.', [...connection(), MISPLACED_RETRY], {
  tier: 2,
});

const FILE_CHECK = block(
  'FILE_CHECK',
  none,
  'Adds the number in a track_file, times a weight, to the weight of the server.',
  [
    leaf('track_file', word('name of a track_file'), 'The track_file to follow.', {
      required: 'Write track_file and the name of a track_file.',
      tier: 2,
    }),
    leaf('weight', line([integer(-0x7fffffff, 0x7fffffff), [choice('reverse', 'noreverse')]]), 'What the number is multiplied by.', {
      default: "the track_file's",
      tier: 2,
    }),
  ],
  { tier: 2 },
);

const BFD_CHECK = block(
  'BFD_CHECK',
  none,
  'Follows the state of a BFD session.',
  [
    leaf('name', word('name of a bfd_instance'), 'The session to follow.', {
      required: 'Write name and the name of a bfd_instance.',
      tier: 2,
    }),
    leaf('alpha', flag, 'The server counts as down until the session is up.', { default: `${SERVERS}, else off`, tier: 3 }),
  ],
  { tier: 2 },
);

export const CHECKS: readonly Keyword[] = [
  MISC_CHECK,
  SMTP_CHECK,
  block('TCP_CHECK', none, 'Connects and closes again.', [...connection(), MISPLACED_RETRY]),
  PING_CHECK,
  UDP_CHECK,
  block('HTTP_GET', none, 'Asks a web server and judges status code and body.', httpKeywords()),
  block(
    'SSL_GET',
    none,
    'HTTP_GET over TLS. The certificate of the server is not verified.',
    httpKeywords([TLS_COMPLIANT('off')], [TLS_COMPLIANT("the check's")]),
  ),
  DNS_CHECK,
  FILE_CHECK,
  BFD_CHECK,
];

export const SSL = block(
  'SSL',
  none,
  'What SSL_GET shows to servers that ask for a certificate.',
  [
    leaf('password', word('pass-phrase'), 'Pass-phrase of the key.', { tier: 3 }),
    leaf('ca', word('file'), 'Authorities (PEM). The certificate of the server is not verified, so this changes nothing.', { tier: 3 }),
    leaf('certificate', word('file'), 'Certificate to show (PEM).', { tier: 3 }),
    leaf('key', word('file'), 'Its key (PEM).', { tier: 3 }),
  ],
  { tier: 2 },
);
