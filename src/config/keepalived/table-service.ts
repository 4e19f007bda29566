/** virtual_server, real_server and their checks. */
import { SCHEDULER_NAMES } from '../../model/index.ts';
import { address, block, choice, command, flag, integer, type Keyword, leaf, named, none, seconds, word, words } from './keyword.ts';
import { ANY_SECONDS } from './table-global.ts';

const WEIGHT = integer(0, 0x7fffffff);
const PERIOD = seconds(0.000001, 4294);
const METHOD = words('NAT, DR or TUN', 1, 6);

/** Defaults that a virtual server, a real server and a check hand down to each other. */
const timing = (inherited: string): readonly Keyword[] => [
  leaf('delay_loop', PERIOD, 'Time from the end of one check to the start of the next.', { default: inherited === '' ? '60' : inherited }),
  leaf('connect_timeout', PERIOD, 'How long a check may take to connect and to be answered.', {
    default: inherited === '' ? '5' : inherited,
  }),
  leaf('retry', integer(0, 0xffffffff), 'Retries before a live server counts as down.', { default: inherited === '' ? '1' : inherited }),
  leaf('delay_before_retry', ANY_SECONDS, 'Time between retries.', { default: inherited === '' ? '1, for HTTP_GET 3' : inherited }),
];

const CHECK_COMMON: readonly Keyword[] = [
  ...timing("the real server's"),
  leaf('nb_get_retry', integer(0, 0xffffffff), 'Old name of retry.', { aliasOf: 'retry' }),
  leaf('connect_ip', address, 'Where to connect.', { default: 'the real server' }),
  leaf('connect_port', integer(1, 65535), 'Port to connect to.', { default: "the real server's" }),
  leaf('bindto', address, 'Source address of the check.'),
  ...named('refused', 'bind_if fwmark'),
  ...named('harmless', 'bind_port warmup alpha'),
  ...named('cosmetic', 'log_all_failures'),
];

const URL = block(
  'url',
  none,
  'One request and what its answer must be.',
  [
    leaf('path', word('path'), 'What to ask for.', { required: 'Write path /' }),
    leaf('status_code', words('codes and ranges of codes', 1, 1000), 'Accepted status codes.', {
      default: '200-299 when nothing else is demanded',
    }),
    leaf('digest', word('MD5 in hex'), 'MD5 of the body.'),
    leaf('virtualhost', word('host name'), 'Host header.', { default: "the check's" }),
    ...named('refused', 'regex regex_no_match'),
    ...named('harmless', 'regex_options regex_min_offset regex_max_offset regex_stack'),
  ],
  { required: 'Write url { and, on lines of their own, path / and }' },
);

const HTTP_GET = block('HTTP_GET', none, 'Asks a web server and judges status code or body.', [
  ...CHECK_COMMON,
  URL,
  leaf('virtualhost', word('host name'), 'Host header of every url.', { default: "the real server's" }),
  leaf('http_protocol', choice('1.0', '1.0C', '1.1'), 'HTTP version of the request.', { default: '1.0' }),
  ...named('harmless', 'enable_sni sni_name fast_recovery'),
]);

const TCP_CHECK = block('TCP_CHECK', none, 'Connects and closes again.', CHECK_COMMON);

const COMMON_NAMES = `connect_ip connect_port bindto bind_port bind_if fwmark connect_timeout retry nb_get_retry delay_before_retry warmup
  delay_loop alpha log_all_failures`;

/** Checks of keepalived that this version does not run: a real server without its check is not what was asked for. */
const OTHER_CHECKS: readonly Keyword[] = (
  [
    ['SSL_GET', `${COMMON_NAMES} virtualhost http_protocol enable_sni sni_name fast_recovery tls_compliant`],
    ['SMTP_CHECK', `${COMMON_NAMES} helo_name`],
    ['MISC_CHECK', 'retry delay_before_retry warmup delay_loop alpha log_all_failures misc_path misc_timeout misc_dynamic user'],
    ['PING_CHECK', COMMON_NAMES],
    ['UDP_CHECK', `${COMMON_NAMES} payload require_reply min_reply_length max_reply_length`],
    ['DNS_CHECK', `${COMMON_NAMES} type name`],
    ['FILE_CHECK', 'track_file weight'],
    ['BFD_CHECK', 'name alpha'],
  ] as const
).map(([name, children]) => block(name, none, '', [...named('harmless', children), ...nested(name)], { support: 'refused' }));

function nested(check: string): Keyword[] {
  if (check === 'SMTP_CHECK')
    return [block('host', none, '', named('harmless', COMMON_NAMES.replace('nb_get_retry', '')), { support: 'harmless' })];
  if (check !== 'SSL_GET') return [];
  const names =
    'path digest status_code virtualhost regex regex_no_match regex_options regex_min_offset regex_max_offset regex_stack tls_compliant';
  return [block('url', none, '', named('harmless', names), { support: 'harmless' })];
}

export const REAL_SERVER = block('real_server', words('an address, then perhaps a port', 1, 2), 'A server behind the virtual one.', [
  leaf('weight', WEIGHT, 'Its share; 0 takes no new connections.', { default: "the virtual server's weight, 1" }),
  leaf('lvs_method', METHOD, 'Forwarding method.', { default: "the virtual server's" }),
  leaf('inhibit_on_failure', flag, 'Weight 0 instead of removal while it is down.', { default: "the virtual server's" }),
  leaf('notify_up', command, 'Command when it comes up.'),
  leaf('notify_down', command, 'Command when it goes down.'),
  leaf('smtp_alert', flag, 'Mail when it goes up or down.', { default: 'smtp_alert of global_defs, else on' }),
  leaf('virtualhost', word('host name'), 'Host header of its HTTP checks.', { default: "the virtual server's" }),
  ...timing("the virtual server's"),
  TCP_CHECK,
  HTTP_GET,
  ...OTHER_CHECKS,
  ...named('refused', 'uthreshold lthreshold'),
  ...named('harmless', 'alpha warmup'),
  ...named('cosmetic', 'snmp_name'),
]);

const SCHEDULER = choice(...SCHEDULER_NAMES);

export const VIRTUAL_SERVER = block(
  'virtual_server',
  words('an address and perhaps a port, or fwmark and a number, or group and a name', 1, 2),
  'A virtual service.',
  [
    ...timing(''),
    leaf('lvs_sched', SCHEDULER, 'How connections are spread.', {
      required: 'Write lvs_sched rr or lvs_sched wrr. keepalived would take wlc.',
    }),
    leaf('lb_algo', SCHEDULER, 'Old name of lvs_sched.', { aliasOf: 'lvs_sched' }),
    leaf('lvs_method', METHOD, 'How packets reach the real servers.', { required: 'Write lvs_method DR. keepalived would take NAT.' }),
    leaf('lb_kind', METHOD, 'Old name of lvs_method.', { aliasOf: 'lvs_method' }),
    leaf('protocol', choice('TCP', 'UDP', 'SCTP'), 'Transport protocol.', {
      required: 'Write protocol TCP or protocol UDP. keepalived would take UDP.',
    }),
    leaf(
      'persistence_timeout',
      words('perhaps seconds, 1 to 2678400', 0, 1),
      'A client stays with its server this long; 360 when no number is given.',
      { default: 'off' },
    ),
    leaf('persistence_granularity', word('netmask'), 'Clients of one such network stay together.', { default: '255.255.255.255' }),
    leaf('weight', integer(1, 0x7fffffff), 'Weight of real servers that name none.', { default: '1' }),
    leaf('inhibit_on_failure', flag, 'Weight 0 instead of removal for servers that are down.', { default: 'off' }),
    leaf('alpha', flag, 'Servers start down until their first check succeeds.', { default: 'off' }),
    leaf('quorum', integer(1, 0x7fffffff), 'Least total weight of live servers.', { default: '1' }),
    leaf('hysteresis', integer(0, 0x7fffffff), 'Damping of the quorum.', { default: '0' }),
    leaf('quorum_up', command, 'Command when the quorum is gained.'),
    leaf('quorum_down', command, 'Command when the quorum is lost.'),
    leaf('sorry_server', words('an address, then perhaps a port', 1, 2), 'The server used while the quorum is lost.'),
    leaf('sorry_server_lvs_method', METHOD, 'Forwarding method of the sorry server.', { default: "the virtual server's" }),
    leaf('smtp_alert', flag, 'Mail when the quorum is gained or lost.', { default: 'smtp_alert of global_defs, else off' }),
    leaf('virtualhost', word('host name'), 'Host header of HTTP checks.'),
    REAL_SERVER,
    ...named('refused', 'ops persistence_engine sorry_server_inhibit'),
    ...named('harmless', 'ip_family warmup ha_suspend omega flag-1 flag-2 flag-3 sh-port sh-fallback mh-port mh-fallback'),
    ...named('cosmetic', 'nat_mask hashed snmp_name'),
  ],
);
