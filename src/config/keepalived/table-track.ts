/** What virtual routers follow: scripts, files, processes, interfaces, and the groups of interfaces and static things. */
import {
  type ArgumentForm,
  block,
  choice,
  entries,
  integer,
  type Keyword,
  type LineForm,
  leaf,
  line,
  none,
  optional,
  plainCommand,
  seconds,
  word,
  words,
} from './keyword.ts';
import { ANY_SECONDS, USER } from './table-global.ts';
import { ROUTE_LINE, RULE_LINE, STATIC_ADDRESS_LINE } from './table-lines.ts';

const DIRECTION = choice('reverse', 'noreverse');

/** `WEIGHT [reverse]`. */
export function weight(limit: number): ArgumentForm {
  return line([integer(-limit, limit), [DIRECTION]]);
}

const TRACKER_REVERSE = leaf('reverse', none, 'Acts when it is up, not when it is down.', { default: 'off' });

function trackerWeight(limit: number, inherited: string): Keyword {
  return leaf('weight', integer(-limit, limit), 'Change of priority; 0 means that a failure is a FAULT.', { default: inherited });
}

/** `NAME [weight N] [reverse|noreverse]`. */
function tracker(what: string, limit: number): LineForm {
  return line(
    [word(what)],
    trackerWeight(limit, "the tracked thing's"),
    TRACKER_REVERSE,
    leaf('noreverse', none, 'Undoes a reverse that the tracked thing has.'),
    leaf('no_reverse', none, 'Undoes a reverse that the tracked thing has.', { aliasOf: 'noreverse' }),
  );
}

export const INTERFACE_TRACKER = line([word('an interface')], trackerWeight(253, '0'), TRACKER_REVERSE);
export const SCRIPT_TRACKER = tracker('a vrrp_script', 253);
export const FILE_TRACKER = tracker('a track_file', 254);
export const PROCESS_TRACKER = tracker('a vrrp_track_process', 254);
export const BFD_TRACKER = tracker('a bfd_instance', 253);

/** The blocks of a virtual router or a sync group that name what it follows. */
export const TRACKERS: readonly Keyword[] = [
  entries('track_interface', 'Interfaces whose failure means FAULT or changes the priority.', { entry: INTERFACE_TRACKER }),
  entries('track_script', 'Scripts whose failure means FAULT or changes the priority.', { entry: SCRIPT_TRACKER }),
  entries('track_file', 'Files whose number, times a weight, changes the priority.', { tier: 2, entry: FILE_TRACKER }),
  entries('track_process', 'Processes whose absence means FAULT or changes the priority.', { tier: 2, entry: PROCESS_TRACKER }),
  entries('track_bfd', 'BFD sessions whose failure means FAULT or changes the priority.', { tier: 2, entry: BFD_TRACKER }),
];

export const VRRP_SCRIPT = block('vrrp_script', word('a name'), 'A command run again and again, whose exit status virtual routers track.', [
  leaf('script', plainCommand, 'The command. Exit status 0 is success.', { required: 'Write script and the command to run.' }),
  leaf('interval', seconds(0.001, 4294.967295), 'Time from one run to the next.', { default: '1' }),
  leaf('timeout', seconds(0.001, 4294.967295), 'The run is ended and counts as failed after this long.', { default: 'interval' }),
  leaf('weight', weight(253), 'Change of priority; 0 means that a failure is a FAULT.', { default: '0' }),
  leaf('rise', integer(1, 0x7fffffff), 'Successes needed to count as up.', { default: '1' }),
  leaf('fall', integer(1, 0x7fffffff), 'Failures needed to count as down.', { default: '1' }),
  leaf('user', USER, 'Identity of this script.', { tier: 2, default: 'script_user' }),
  leaf('init_fail', none, 'Counts as failed until the first success.', { tier: 2, default: 'off' }),
]);

export const TRACK_PROCESS = block(
  'vrrp_track_process',
  word('a name'),
  'Counts running processes, which virtual routers track.',
  [
    leaf('process', words('the name of a process, then perhaps its arguments', 1, 1000), 'Which processes count.', {
      tier: 2,
      required: 'Write process and the name of the program.',
    }),
    leaf(
      'param_match',
      optional(choice('initial', 'partial')),
      'How the arguments must agree: exactly when bare, or their beginning only.',
      {
        tier: 3,
        default: 'exactly, when process names arguments',
      },
    ),
    leaf('weight', weight(254), 'Change of priority; 0 means that a failure is a FAULT.', { tier: 2, default: '0' }),
    leaf('quorum', integer(1, 65535), 'Least number of processes.', { tier: 2, default: '1' }),
    leaf('quorum_max', integer(0, 65535), 'Greatest number of processes; 0 means that there must be none.', {
      tier: 3,
      default: 'any number',
    }),
    leaf('delay', ANY_SECONDS, 'Sets both delays below.', { tier: 2, default: '0' }),
    leaf('terminate_delay', ANY_SECONDS, 'Time after which a loss counts.', { tier: 3, default: '0' }),
    leaf('fork_delay', ANY_SECONDS, 'Time after which a gain counts.', { tier: 3, default: '0' }),
    leaf('full_command', none, 'The whole command line is compared, not the name of the process.', { tier: 3, default: 'off' }),
  ],
  { tier: 2 },
);

const TRACK_FILE_WORDS = (tier: 2 | 3): readonly Keyword[] => [
  leaf('file', word('a path'), 'The file with a number in it.', { tier, required: 'Write file and the path.' }),
  leaf(
    'weight',
    line([integer(-2147483647, 2147483647), [DIRECTION]]),
    'What the number is multiplied by; 0 means that any number but 0 is a failure.',
    {
      tier,
      default: '1',
    },
  ),
  leaf(
    'init_file',
    line([[integer(-2147483648, 2147483647)], [choice('overwrite')]]),
    'Written to the file at start where there is none, or always with overwrite.',
    {
      tier,
      default: 'nothing; 0 when bare',
    },
  ),
];

export const INTERFACE_DELAY_LINE: LineForm = line([word('an interface'), seconds(0, 255), [seconds(0, 255)]]);
const SYNC_MEMBERS = words('names of vrrp_instance blocks', 1, 1000);
const NETLINK_TELLS = 'the kernel reports the state of links by netlink as it changes';

export const TRACK_BLOCKS: readonly Keyword[] = [
  block('track_file', word('a name'), 'A file whose number changes priorities or weights.', TRACK_FILE_WORDS(2), { tier: 2 }),
  block('vrrp_track_file', word('a name'), 'Old name of track_file.', TRACK_FILE_WORDS(3), {
    tier: 3,
    aliasOf: 'track_file',
  }),
  TRACK_PROCESS,
  block(
    'track_group',
    word('a name'),
    'Virtual routers that fail when a static address, route or rule disappears.',
    [
      entries('group', 'The members.', {
        tier: 3,
        entry: SYNC_MEMBERS,
        required: 'Write group { and the names of vrrp_instance blocks and }',
      }),
    ],
    { tier: 3 },
  ),
  entries('static_ipaddress', 'Addresses that stay as long as the daemon runs.', { tier: 2, entry: STATIC_ADDRESS_LINE }),
  entries('static_routes', 'Routes that stay as long as the daemon runs.', { tier: 2, entry: ROUTE_LINE }),
  entries('static_rules', 'Rules that stay as long as the daemon runs.', { tier: 3, entry: RULE_LINE }),
  block(
    'garp_group',
    none,
    'Gaps between announcements that interfaces share.',
    [
      leaf('garp_interval', seconds(0, 4294.967295), 'Gap between gratuitous ARPs.', { tier: 3, default: 'vrrp_garp_interval' }),
      leaf('gna_interval', seconds(0, 4294.967295), 'Gap between unsolicited neighbour advertisements.', {
        tier: 3,
        default: 'vrrp_gna_interval',
      }),
      leaf('interface', word('an interface'), 'The interface that the gaps hold for.', { tier: 3 }),
      entries('interfaces', 'Interfaces on one switch, which share the gaps.', { tier: 3, entry: words('names of interfaces', 1, 1000) }),
    ],
    { tier: 3 },
  ),
  entries('interface_up_down_delays', 'How long interfaces must be down, or up, before it counts.', {
    tier: 3,
    entry: INTERFACE_DELAY_LINE,
  }),
  entries('linkbeat_interfaces', 'Interfaces whose links are polled.', {
    tier: 3,
    entry: line([word('an interface'), [choice('MII', 'ETHTOOL', 'IOCTL')]]),
    support: 'harmless',
    reason: NETLINK_TELLS,
  }),
];
