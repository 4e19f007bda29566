/**
 * `packet_path`: how the director treats connections. keepalived leaves this to the sysctls net.ipv4.vs.*, whose names the keywords have;
 * the block is an extension, which keepalived reports as unknown.
 */
import { DEFAULT_FORWARDING_SETTINGS, DEFAULT_TABLE_SIZES, type DefenceMode, MAX_TABLE_SIZES } from '../../model/index.ts';
import { block, choice, flag, integer, type KeywordOptions, leaf, line, none, optional, seconds } from './keyword.ts';

const EXTENSION: KeywordOptions = { extension: true, tier: 2 };
/** The words for IPVS's numbers, which may stand as well. */
export const DEFENCE_MODES: Readonly<Record<string, DefenceMode>> = { off: 0, automatic: 1, on: 3 };
const MODE = optional(choice(...Object.keys(DEFENCE_MODES), '0', '1', '2', '3'));
const MODES = '0 never, 1 while memory or room in the tables is scarce, 2 the same and on at first, 3 always.';
const PORT = integer(1, 65_535);
/** Ticks of a signed 32-bit number at 1000 a second. */
const LIFETIME = seconds(1, 2_147_483);
const DAY = String(DEFAULT_FORWARDING_SETTINGS.lblcExpiration / 1_000_000);

export const PACKET_PATH = block(
  'packet_path',
  none,
  'How the director treats connections.',
  [
    leaf(
      'connections',
      integer(1024, MAX_TABLE_SIZES.connections),
      'IPv4 connections that the table has room for, rounded up to a power of two: 32 bytes each, taken at start. It keeps its size until the daemon is stopped.',
      { ...EXTENSION, default: String(DEFAULT_TABLE_SIZES.connections) },
    ),
    leaf('connections6', integer(1024, MAX_TABLE_SIZES.connections6), 'IPv6 connections, 72 bytes each; else as connections.', {
      ...EXTENSION,
      default: String(DEFAULT_TABLE_SIZES.connections6),
    }),
    leaf(
      'conn_reuse_mode',
      integer(0, 3),
      'When a SYN makes the connection with its addresses and ports over: 0 never, 1 in TIME_WAIT and CLOSE, 2 and 3 also in FIN_WAIT.',
      { ...EXTENSION, default: '3' },
    ),
    leaf('expire_nodest_conn', flag, 'Connections of a deleted server end at once, and those of one with weight 0 with their next SYN.', {
      ...EXTENSION,
      default: 'off',
    }),
    leaf('expire_quiescent_template', flag, 'Persistence holds no client with a server of weight 0.', { ...EXTENSION, default: 'off' }),
    leaf('sloppy_tcp', flag, 'Any TCP segment but a reset may begin a connection, not only a SYN.', { ...EXTENSION, default: 'off' }),
    leaf('sloppy_sctp', flag, 'Any SCTP packet but an ABORT may begin a connection, not only an INIT.', { ...EXTENSION, default: 'off' }),
    leaf('cache_bypass', flag, 'What goes by a firewall mark and finds no real server goes on to where it was going.', {
      ...EXTENSION,
      default: 'off',
    }),
    leaf('drop_entry', MODE, `Half-open connections, and idle ones of few packets, give up their places: ${MODES}`, {
      ...EXTENSION,
      default: 'off',
    }),
    leaf('drop_packet', MODE, `One new connection in so many is refused: ${MODES}`, { ...EXTENSION, default: 'off' }),
    leaf('secure_tcp', MODE, `The state table that SYN floods do less harm to: ${MODES}`, { ...EXTENSION, default: 'off' }),
    leaf('amemthresh', integer(1, 2_147_483_647), 'Free memory, in pages of 4096 bytes, below which it is scarce.', {
      ...EXTENSION,
      default: String(DEFAULT_FORWARDING_SETTINGS.memoryThreshold),
    }),
    leaf('table_threshold', integer(1, 100), 'Free places of a connection table, in percent, below which they are scarce.', {
      ...EXTENSION,
      default: String(DEFAULT_FORWARDING_SETTINGS.tableThreshold),
    }),
    leaf('am_droprate', integer(1, 2_147_483_647), 'Of so many new connections drop_packet refuses one where it is on always.', {
      ...EXTENSION,
      default: String(DEFAULT_FORWARDING_SETTINGS.dropRate),
    }),
    leaf('lblc_expiration', LIFETIME, 'How long lblc remembers the server of a virtual address that nobody asks for.', {
      ...EXTENSION,
      default: DAY,
    }),
    leaf('lblcr_expiration', LIFETIME, "How long lblcr leaves a virtual address's set of servers as it is.", {
      ...EXTENSION,
      default: DAY,
    }),
    leaf('local_out', flag, 'What the director itself sends to a virtual service of its own goes to the real servers too.', {
      ...EXTENSION,
      default: 'on',
    }),
    leaf('local_ports', line([PORT, PORT]), 'First and last port that full NAT uses of each local address.', {
      ...EXTENSION,
      default: `${DEFAULT_FORWARDING_SETTINGS.localPorts.first} ${DEFAULT_FORWARDING_SETTINGS.localPorts.last}`,
    }),
  ],
  EXTENSION,
);
