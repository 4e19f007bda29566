/** What the numbered reasons mean, and what to do about each. docs/packet-reasons.md has the same words; a test holds them together. */
import type { TraceFate, TraceReason } from '../../../ports/index.ts';

interface Words {
  /** "The packet …". */
  readonly meaning: string;
  readonly remedy: string;
}

export const REASONS: Readonly<Record<string, Words>> = {
  DROP_TABLE_FULL: {
    meaning: 'would start a connection, but the connection table and its overflow have no free place.',
    remedy: 'Make the table larger, or shorten the time-outs (`ipvsadm --set`, `timeout_tcp` of a service).',
  },
  DROP_TABLE_BUSY: {
    meaning: 'would start or continue a connection whose place in the table other CPUs kept changing; the sender tries again.',
    remedy: 'Nothing, while it is rare.',
  },
  DROP_SERVER_DELETED: {
    meaning: 'belongs to a connection whose real server was deleted; it is forwarded again when the server is added again in time.',
    remedy: 'Give a real server the weight 0 first, and delete it when its connections are over.',
  },
  DROP_NO_NEXT_HOP: {
    meaning: 'is for a real server whose MAC address, or that of the router before it, is not known yet.',
    remedy: 'See whether the director reaches it: `ip route get SERVER`, `ip neighbour`.',
  },
  DROP_FRAGMENT_UNKNOWN: {
    meaning: 'is a later fragment of a datagram whose first fragment was not seen, or came more than 30 seconds before.',
    remedy: 'Let the sender cut datagrams less, or look where first fragments are lost.',
  },
  DROP_REJECT_LIMITED: {
    meaning: 'deserved an ICMP error, but this CPU has sent as many as it may in one second.',
    remedy: 'See which REJECT reason grows beside it, and look after that one.',
  },
  DROP_REDIRECT_FAILED: {
    meaning: 'should have left by a port that the packet path may not send by.',
    remedy: 'See whether the interface to the real server is still there: `ip link`.',
  },
  DROP_NO_HEADROOM: {
    meaning:
      "is for a tunnel or a VLAN, or becomes a longer one in the SYN proxy, but its port's driver left no room before the frame for what that takes.",
    remedy: "Forward by `DR` or `NAT`, or use a port whose driver leaves XDP's usual room.",
  },
  DROP_NO_LOCAL_PORT: {
    meaning: 'would start a connection by full NAT, but its service has no local address, or no port is free there (64 are tried).',
    remedy: 'Give the service more local addresses, or a wider `local_ports`.',
  },
  DROP_CHECKSUM_SPLIT: {
    meaning:
      'is the first fragment of an SCTP packet whose port masquerading changes: its checksum counts what other fragments carry, and cannot be made right.',
    remedy: "Give the real server the service's port, or let SCTP itself cut its messages.",
  },
  DROP_SOURCE_LIMIT: {
    meaning: 'would start a connection, but its source has made as many to this service as it may.',
    remedy: 'Nothing against a flood; else raise `new_connections_per_source`: many clients may share an address.',
  },
  DROP_AWAITING_SERVER: {
    meaning: 'belongs to a connection of the SYN proxy whose real server has not answered yet, or is an answer that was not waited for.',
    remedy: 'Nothing, while it is rare; else see whether the real server answers SYNs, and by way of the director.',
  },
  DROP_CLIENT_PROVEN: {
    meaning: "is the reset by which a client answered the SYN proxy's challenge: the client is let in with its next SYN.",
    remedy: 'Nothing.',
  },
  DROP_EVERY_NTH: {
    meaning: 'would start a connection, but `drop_packet` is on, and it was the turn of one that is refused.',
    remedy: 'See what is scarce: `vipwright status`. Make the tables larger, or let `drop_entry` and `secure_tcp` make room.',
  },
  REJECT_NO_SERVER: {
    meaning: 'would start a connection, but no real server takes any: answered with "port unreachable".',
    remedy: 'See the verdicts and weights of the real servers: `vipwright status`. A `sorry_server` answers in such a case.',
  },
  REJECT_TTL_EXCEEDED: {
    meaning: 'has no hop left: answered with "time exceeded", unless it is an ICMP error or a later fragment (RFC 1122, 3.2.2).',
    remedy: 'Look for a routing loop, if it is not a traceroute.',
  },
  REJECT_TOO_BIG: {
    meaning:
      'is longer than the way to its real server takes: answered, with the same exceptions, with "fragmentation needed" and the MTU, also where the packet might be cut; an IPv6 packet with "packet too big".',
    remedy: 'Nothing, if the sender gets the answer; else let ICMP pass, or raise the MTU of the way to the real server.',
  },
  REJECT_IN_TUNNEL: {
    meaning:
      'is an ICMP error about what a tunnel carried to a real server: told to the client whose packet that was; the MTU of a narrow way is kept in mind for ten minutes.',
    remedy:
      'For "fragmentation needed" nothing; else see whether the real server takes the tunnel: `vipwright realserver status`, `modprobe ipip`.',
  },
  ANSWER_COOKIE: {
    meaning: 'is a SYN that the SYN proxy answered for the real servers, with a SYN cookie.',
    remedy: 'Nothing: most of them come back as `ANSWER_HANDSHAKE`, but in a flood.',
  },
  ANSWER_CHALLENGE: {
    meaning: 'is a SYN of an unknown client, which the SYN proxy challenged by a wrong acknowledgement.',
    remedy:
      'Nothing: most of them come back as `DROP_CLIENT_PROVEN`, but in a flood; else something between client and director drops what is out of order.',
  },
  ANSWER_HANDSHAKE: {
    meaning: "brought a SYN cookie back, or repeated what did: the real server was sent the client's SYN.",
    remedy: 'Nothing.',
  },
  PASS_MALFORMED: {
    meaning: 'has a length or a header that cannot be right; the stack counts what is wrong with it.',
    remedy: 'See `nstat` for what the stack counted, and look at the sender.',
  },
  PASS_FOREIGN_MAC: {
    meaning: 'is for a virtual address, but its frame is addressed to another machine or to many.',
    remedy: 'Nothing on a hub or a mirrored port; else see whose MAC address the senders have for the VIP.',
  },
  PASS_PROTOCOL: {
    meaning:
      'is for a virtual address, but is neither TCP nor UDP nor SCTP nor ICMP; or an IPv6 packet with more than six extension headers, or whose routing header has segments left.',
    remedy: 'Nothing: the director itself answers, or not.',
  },
  PASS_NO_SERVICE: {
    meaning: 'is for a virtual address, but for a port that no virtual service has.',
    remedy: 'See the services: `vipwright ipvsadm -L -n`. The director itself answers on this port.',
  },
  PASS_NO_CONNECTION: {
    meaning: 'is a TCP segment or an SCTP packet of no known connection and does not open one; the stack answers it with a reset.',
    remedy:
      'Nothing, after a takeover or a long silence; else compare the time-out (`ipvsadm -L --timeout`) with the silences of the application.',
  },
  PASS_FTP_DATA: {
    meaning: 'would start a connection from port 20, the data port of active FTP, which is never balanced.',
    remedy: 'Nothing.',
  },
  PASS_LOCAL_SERVER: {
    meaning: 'is for a real server that is the director itself.',
    remedy: 'Nothing, if the director is meant to serve; a listener has to be there under the virtual address.',
  },
  PASS_ICMP: {
    meaning: 'is ICMP or ICMPv6 for the virtual address itself (neighbour discovery too), or an error that quotes no known connection.',
    remedy: 'Nothing.',
  },
  PASS_BYPASS: {
    meaning:
      "goes on to where it was going, for no real server of its mark took its connection (`cache_bypass`); the director's stack forwards it.",
    remedy:
      'See why no real server does: `vipwright status`. Few of a connection come here; all do where the packet path may not send by the interface.',
  },
};

const NOT_OURS: Words = {
  meaning: 'is not for the address of a virtual service, nor a reply of a masqueraded connection.',
  remedy: 'Nothing, if the director is no more to this packet than a host or a router; else see the services: `vipwright ipvsadm -L -n`.',
};

/** Of the reasons that a packet moved the last one of a drop says most: "too big, and no answer for there were too many". */
export function reasonOf(names: readonly string[], numbers: Readonly<Record<string, number>>, fate: TraceFate): TraceReason | undefined {
  const name = names.find((candidate) => candidate.startsWith('DROP_')) ?? names[0];
  if (name === undefined) return fate === 'passed' ? NOT_OURS : undefined;
  const words = REASONS[name];
  return { number: numbers[name] as number, name, meaning: words?.meaning ?? '', remedy: words?.remedy ?? '' };
}
