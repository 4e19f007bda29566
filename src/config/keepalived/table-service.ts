/** virtual_server, virtual_server_group and real_server. */
import { SCHEDULER_NAMES } from '../../model/index.ts';
import {
  address,
  block,
  choice,
  choiceOfAnyCase,
  command,
  entries,
  flag,
  integer,
  type Keyword,
  leaf,
  line,
  none,
  optional,
  seconds,
  word,
  words,
} from './keyword.ts';
import { AT_LEAST_ONCE, CHECKS, DELAY, LIMIT, PERIOD } from './table-check.ts';

const MAX_WEIGHT = 0x7fffffff;
/** As lvs_timeouts has them: 31 days at most. */
const TIMEOUT = seconds(1, 2_678_400);
const CONNECTIONS = integer(0, 0xffffffff, 'connections');

/** The words after it concern TUN only. */
const METHOD = line(
  [choice('NAT', 'DR', 'TUN', 'FNAT', 'FULLNAT')],
  leaf('type', choice('ipip', 'gue', 'gre'), 'What the packets are wrapped in.', { default: 'ipip' }),
  leaf('port', integer(1, 65_535), 'UDP port of gue.'),
  leaf('nocsum', none, 'No checksum over the outer packet.', { default: 'on' }),
  leaf('csum', none, 'A checksum over the outer packet (gue and gre).', { default: 'off' }),
  leaf('remcsum', none, 'The inner checksum is completed by the other end (gue).', { default: 'off' }),
);
const SERVER_ADDRESS = line([address, [integer(0, 65_535)]]);
const HOST_NAME = word('host name');

const SNMP: { readonly support: 'cosmetic'; readonly reason: string; readonly tier: 3 } = {
  support: 'cosmetic',
  reason: 'there is no SNMP agent in this version',
  tier: 3,
};

export const REAL_SERVER = block('real_server', SERVER_ADDRESS, 'A server behind the virtual one.', [
  leaf('weight', integer(0, MAX_WEIGHT), 'Its share; 0 takes no new connections.', { default: "the virtual server's weight, 1" }),
  leaf('lvs_method', METHOD, 'Forwarding method.', { default: "the virtual server's", tier: 2 }),
  leaf('uthreshold', CONNECTIONS, 'With so many connections it takes no more; 0 is no limit.', { default: '0', tier: 2 }),
  leaf('lthreshold', CONNECTIONS, 'Below so many connections it takes them again.', { default: 'three quarters of uthreshold', tier: 2 }),
  leaf('inhibit_on_failure', flag, 'Weight 0 instead of removal while it is down.', { default: "the virtual server's" }),
  leaf('notify_up', command, 'Command when it comes up.'),
  leaf('notify_down', command, 'Command when it goes down.'),
  leaf('alpha', flag, 'It counts as down until its checks have passed.', { default: "the virtual server's", tier: 2 }),
  leaf('retry', AT_LEAST_ONCE, 'Further attempts before it counts as down.', { default: "the virtual server's", tier: 2 }),
  leaf('delay_before_retry', DELAY, 'Time between those attempts.', { default: "the virtual server's", tier: 2 }),
  leaf('warmup', DELAY, 'The first check starts after a random time up to this; 0 starts it at once.', {
    default: "the virtual server's",
    tier: 3,
  }),
  leaf('connect_timeout', LIMIT, 'How long a check may take to connect, and then to be answered.', {
    default: "the virtual server's",
    tier: 2,
  }),
  leaf('delay_loop', PERIOD, 'Time from the end of one check to the start of the next.', { default: "the virtual server's", tier: 2 }),
  leaf('smtp_alert', flag, 'Mail when it goes up or down.', { default: 'smtp_alert of global_defs, else on' }),
  leaf('virtualhost', HOST_NAME, 'Host header of its HTTP checks.', { default: "the virtual server's", tier: 2 }),
  leaf('snmp_name', word('name'), 'Its name in SNMP.', SNMP),
  ...CHECKS,
]);

const SCHEDULER = choice(...SCHEDULER_NAMES);

/** Flags of a scheduler; the number ones are the same bits without a meaning of their own. */
const SCHEDULER_FLAGS: readonly Keyword[] = [
  leaf('hashed', none, "IPVS's bit for hashed services, which the kernel sets by itself.", {
    default: 'off',
    support: 'harmless',
    reason: 'the kernel sets this bit by itself on every service, so it says nothing',
    tier: 3,
  }),
  leaf('flag-1', none, 'First scheduler flag.', { default: 'off', tier: 3 }),
  leaf('flag-2', none, 'Second scheduler flag.', { default: 'off', tier: 3 }),
  leaf('flag-3', none, 'Third scheduler flag.', { default: 'off', tier: 3 }),
  leaf('sh-port', none, 'With sh the source port is hashed, too.', { default: 'off', tier: 3 }),
  leaf('sh-fallback', none, 'With sh another server is taken where the hashed one takes nothing.', { default: 'off', tier: 3 }),
  leaf('mh-port', none, 'With mh the source port is hashed, too.', { default: 'off', tier: 3 }),
  leaf('mh-fallback', none, 'With mh another server is taken where the hashed one takes nothing.', { default: 'off', tier: 3 }),
];

/** Defaults for the checks of all real servers. */
const CHECK_DEFAULTS: readonly Keyword[] = [
  leaf('retry', AT_LEAST_ONCE, 'Further attempts before a live server counts as down.', {
    default: "each check's own: 1, MISC_CHECK 0, DNS_CHECK 3",
  }),
  leaf('delay_before_retry', DELAY, 'Time between those attempts.', {
    default: "each check's own: 1, HTTP_GET and SSL_GET 3, DNS_CHECK delay_loop",
  }),
  leaf('warmup', DELAY, 'First checks start after a random time up to this; 0 starts them at once.', { default: 'delay_loop', tier: 2 }),
  leaf('connect_timeout', LIMIT, 'How long a check may take to connect, and then to be answered.', { default: '5' }),
  leaf('delay_loop', PERIOD, 'Time from the end of one check to the start of the next.', { default: '60' }),
  leaf('virtualhost', HOST_NAME, 'Host header of HTTP checks.', { default: "the server's address", tier: 2 }),
];

const QUORUM: readonly Keyword[] = [
  leaf('quorum', integer(1, 0xffffffff), 'Least total weight of live servers.', { default: '1' }),
  leaf('hysteresis', integer(0, 0xffffffff), 'The quorum is gained only this far above, and lost only this far below.', {
    default: '0',
    tier: 2,
  }),
  leaf('quorum_up', command, 'Command when the quorum is gained.'),
  leaf('quorum_down', command, 'Command when the quorum is lost.'),
  leaf('sorry_server', SERVER_ADDRESS, 'The server used while the quorum is lost.'),
  leaf('sorry_server_inhibit', none, 'The sorry server stays with weight 0 instead of being removed.', { default: 'off', tier: 3 }),
  leaf('sorry_server_lvs_method', METHOD, 'Forwarding method of the sorry server.', { default: "the virtual server's", tier: 2 }),
];

export const VIRTUAL_SERVER = block(
  'virtual_server',
  words('an address and perhaps a port, or fwmark and a number, or group and a name', 1, 2),
  'A virtual service, or one for each entry of a group.',
  [
    leaf('ip_family', choice('inet', 'inet6'), 'Address family of a service by firewall mark.', { default: "the real servers'", tier: 3 }),
    ...CHECK_DEFAULTS,
    leaf('lvs_sched', SCHEDULER, 'How connections are spread.', {
      required: 'Write lvs_sched rr or lvs_sched wrr. keepalived would take wlc.',
    }),
    leaf('lb_algo', SCHEDULER, 'Old name of lvs_sched.', { aliasOf: 'lvs_sched' }),
    leaf('lvs_method', METHOD, 'How packets reach the real servers.', { required: 'Write lvs_method DR. keepalived would take NAT.' }),
    leaf('lb_kind', METHOD, 'Old name of lvs_method.', { aliasOf: 'lvs_method' }),
    leaf('ops', none, 'Every packet is scheduled for itself (UDP and firewall marks only).', { default: 'off', tier: 2 }),
    ...SCHEDULER_FLAGS,
    leaf('persistence_engine', word('name, which is sip'), 'Where the client of a persistent service is read from.', {
      default: 'the source address',
      tier: 3,
    }),
    leaf(
      'persistence_timeout',
      optional(integer(1, 2_678_400, 'seconds')),
      'A client stays with its server this long; 360 when no number is given.',
      {
        default: 'off',
      },
    ),
    leaf('persistence_granularity', word('netmask, or prefix length of IPv6'), 'Clients of one such network stay together.', {
      default: 'every address for itself',
      tier: 2,
    }),
    leaf('nat_mask', word('netmask'), 'A mask that old versions of LVS took.', {
      support: 'cosmetic',
      reason: 'keepalived has ignored it for many years',
      tier: 3,
    }),
    leaf('protocol', choiceOfAnyCase('TCP', 'UDP', 'SCTP'), 'Transport protocol.', {
      required: 'Write protocol TCP or protocol UDP. keepalived would take UDP.',
      requiredUnless: ['fwmark', 'group'],
    }),
    leaf(
      'syn_proxy',
      flag,
      'Real servers see a connection only once its client has proven that it is there: with NAT and FNAT by a SYN cookie, otherwise by a challenge.',
      { default: 'off', tier: 2, extension: true },
    ),
    leaf(
      'new_connections_per_source',
      line(
        [integer(1, 1_000_000, 'connections a second')],
        leaf('burst', integer(1, 1_000_000, 'connections'), 'So many at once after a pause.', {
          default: 'twice as many as in a second',
          extension: true,
          tier: 2,
        }),
      ),
      'New connections that one client address, or IPv6 network of 64 bits, may make in a second.',
      { default: 'no limit', tier: 2, extension: true },
    ),
    leaf('timeout_tcp', TIMEOUT, 'How long an established TCP connection may be silent.', {
      default: 'lvs_timeouts tcp',
      tier: 2,
      extension: true,
    }),
    leaf('timeout_tcp_fin', TIMEOUT, 'How long a TCP connection that one side closed may be silent.', {
      default: 'lvs_timeouts tcpfin',
      tier: 2,
      extension: true,
    }),
    leaf('timeout_udp', TIMEOUT, 'How long a UDP connection may be silent.', { default: 'lvs_timeouts udp', tier: 2, extension: true }),
    leaf('ha_suspend', none, 'No checks while the virtual address is not on this host.', { default: 'off', tier: 2 }),
    leaf('alpha', none, 'Servers count as down until their checks have passed.', { default: 'off' }),
    leaf('omega', none, 'The commands for down run when the daemon stops.', { default: 'off', tier: 2 }),
    leaf('inhibit_on_failure', flag, 'Weight 0 instead of removal for servers that are down.', { default: 'off' }),
    leaf('weight', integer(1, MAX_WEIGHT), 'Weight of real servers that name none.', { default: '1', tier: 2 }),
    leaf('laddr_group_name', word('name of a local_address_group'), 'Where full NAT (lvs_method FNAT) sends its connections from.', {
      extension: true,
      tier: 2,
    }),
    ...QUORUM,
    leaf('smtp_alert', flag, 'Mail when the quorum is gained or lost.', { default: 'smtp_alert of global_defs, else off', tier: 2 }),
    leaf('snmp_name', word('name'), 'Its name in SNMP.', SNMP),
    REAL_SERVER,
  ],
);

export const VIRTUAL_SERVER_GROUP = entries(
  'virtual_server_group',
  'Addresses, ranges of addresses and firewall marks that share one set of real servers.',
  { tier: 2, entry: words('an address, a range or a network and perhaps a port, or fwmark, a number and perhaps inet or inet6', 1, 3) },
  word('name'),
);

/** As in the keepalived of Alibaba's LVS and of DPVS, whose lines may name an interface behind the address. */
export const LOCAL_ADDRESS_GROUP = entries(
  'local_address_group',
  'Addresses of the director that servers by full NAT see as their clients, and answer to. They have to be on one of its interfaces.',
  { extension: true, tier: 2, entry: words('an address, a range or a network and perhaps an interface, which is not looked at', 1, 2) },
  word('name'),
);
