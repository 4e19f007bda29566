/** bfd_instance: sessions of Bidirectional Forwarding Detection (RFC 5880). */
import { address, block, flag, integer, LATER, leaf, milliseconds, none, word } from './keyword.ts';
import { weight } from './table-track.ts';

/** In microseconds a 32-bit count of the packet; in milliseconds its thousandth. */
const INTERVAL = milliseconds(1, 4294967);

export const BFD_INSTANCE = block(
  'bfd_instance',
  word('a name', 31),
  'A BFD session (RFC 5880), which virtual routers and checks can follow.',
  [
    leaf('neighbor_ip', address, 'The other end.', { tier: 2, required: 'Write neighbor_ip and the address of the other end.' }),
    leaf('neighbour_ip', address, 'Other spelling of neighbor_ip.', { tier: 3, aliasOf: 'neighbor_ip' }),
    leaf('source_ip', address, 'Our address.', { tier: 2, default: 'what the route to the other end says' }),
    leaf('min_rx', INTERVAL, 'Shortest interval between packets that we are willing to receive.', { tier: 2, default: '10' }),
    leaf('min_tx', INTERVAL, 'Shortest interval between packets that we would like to send.', { tier: 2, default: '10' }),
    leaf('idle_tx', milliseconds(1000, 4294967), 'Interval between packets while the session is not up.', { tier: 3, default: '1000' }),
    leaf('multiplier', integer(1, 255), 'Packets missed before the session counts as down.', { tier: 2, default: '5' }),
    leaf('passive', none, 'Sends nothing before the other end does.', { tier: 3, default: 'off' }),
    leaf('ttl', integer(1, 255), 'TTL of our IPv4 packets.', { tier: 3, default: '255' }),
    leaf('hoplimit', integer(1, 255), 'Hop limit of our IPv6 packets.', { tier: 3, default: '64' }),
    leaf('max_hops', integer(-1, 255), 'By how much the TTL may have fallen on the way here; -1 and 255 mean any.', {
      tier: 3,
      default: '0',
    }),
    leaf('multihop', flag, 'Port 4784 for sessions over several hops (RFC 5883).', { tier: 3, default: 'off', since: LATER }),
    leaf('weight', weight(253), 'Change of priority where track_bfd gives none; 0 means that a failure is a FAULT.', {
      tier: 2,
      default: '0',
    }),
    leaf('vrrp', none, 'Virtual routers may follow it, and checks only if checker is there too.', { tier: 3, default: 'both' }),
    leaf('checker', none, 'Checks may follow it, and virtual routers only if vrrp is there too.', { tier: 3, default: 'both' }),
  ],
  { tier: 2 },
);
