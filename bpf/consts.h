/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Numbers that the packet path and the director agree on. TypeScript reads the enums from the object's BTF. */
#pragma once

#include <linux/types.h>

/* A cache line of the connection table holds this many entries. */
#define CONNS_PER_LINE 2

/* A line of the schedulers' slots holds this many server numbers. */
#define SLOTS_PER_LINE 32

/* Virtual services, and real servers of all of them together. */
#define MAX_SERVICES 1024
#define MAX_SERVERS 4096

/* Places of services over IPv4 that are found in one step; more than services, so that few of them meet. */
#define NEAR_SERVICES 4096
#define NEAR_SERVICES_BITS 12

/* Servers that lblcr may keep for one virtual address. */
#define MAX_REPLICAS 24

/* Local addresses that full NAT may send from, and ports that are tried for one connection before it is refused. */
#define MAX_LOCAL_ADDRESSES 4096
#define LOCAL_PORT_TRIES 64

/*
 * The TCP option that tells a server who its client is (TOA, "TCP option address"): kind, length, port, address. The number is one that RFC
 * 6994 leaves to experiments; the kernel modules of Alibaba's LVS and of DPVS read it.
 */
#define TOA_KIND 254
#define TOA_LENGTH 8
#define TOA_LENGTH6 20

/* Virtual addresses that the lblc and lblcr services remember together; the one used longest ago makes room. */
#define MAX_LOCALITIES 24576

/* A word of near_services: where its parts begin. Address and port lie in it as in packets; the index is one higher. */
enum near_service {
	NEAR_PORT_SHIFT = 32,
	NEAR_PROTOCOL_SHIFT = 48,
	NEAR_INDEX_SHIFT = 50,
};

/* Bits of the filter that says "this destination may be a virtual address". */
#define ADDRESS_FILTER_BITS 4096

/* Rules that give firewall marks: of those in use, and as many that are laid out to take their place. */
#define MAX_MARK_RULES 256
/* As many as iptables' multiport match takes. */
#define MARK_PORT_RANGES 15

/* The last number of a real server stands for where a bypassed connection's own packets go. */
#define BYPASS_SERVER (MAX_SERVERS - 1)

/* Ports that the packet path may be on. */
#define MAX_PORTS 16

/* A table cell that stays locked longer than this many attempts refuses the new connection instead of spinning on. */
#define LOCK_ATTEMPTS 64
#define SWAP_ATTEMPTS 8

/* A template that still controls connections lives on in steps of this many seconds, as in IPVS. */
#define EXPIRE_LATER_SECONDS 60

/* Where FTP's sessions are made, and the source port of active FTP's data connections: IPVS never schedules that. */
#define FTP_PORT 21
#define FTP_DATA_PORT 20

/* Ports from here on are free for everybody. */
#define FIRST_FREE_PORT 1024

/* So much of a segment of an FTP session is read. What is looked for is a line of its own, shorter than that. */
#define FTP_TEXT_BYTES 256

/* ICMP's types and codes (RFC 792), and ICMPv6's (RFC 4443). */
#define ICMP_UNREACHABLE 3
#define ICMP_SOURCE_QUENCH 4
#define ICMP_TIME_EXCEEDED 11
#define ICMP_CODE_HOST 1
#define ICMP_CODE_PORT 3
#define ICMP_CODE_TOO_BIG 4
#define ICMP6_UNREACHABLE 1
#define ICMP6_TOO_BIG 2
#define ICMP6_TIME_EXCEEDED 3
#define ICMP6_CODE_ADDRESS 3
#define ICMP6_CODE_PORT 4
#define ICMP6_INFORMATION 128 /* messages from this type on are no errors */

/* Quoted bytes behind the IP header in an ICMP error (RFC 792). */
#define ICMP_QUOTED_BYTES 8

/* ICMP errors that one CPU may send in a second, like the kernel's icmp_msgs_per_sec. */
#define ICMP_PER_SECOND 1000

/* IPv6 extension headers that are walked before the transport header, and how far they may reach. */
#define MAX_EXTENSION_HEADERS 6
#define MAX_EXTENSION_BYTES 1024

/* No link of IPv6 carries less, and no ICMPv6 error is longer (RFC 8200, 5; RFC 4443, 2.4). */
#define IPV6_MIN_MTU 1280

/* The least MTU of an IPv4 way that an ICMP error may tell: net.ipv4.route.min_pmtu of the kernel, against forged ones. */
#define MIN_PATH_MTU 552

/* A connection's number with this bit is one of the IPv6 table. */
#define NUMBER_IPV6 0x80000000U

/* One with this bit stands for a connection in an overflow map, which has no slot: a key of `overflow_ways`. */
#define NUMBER_OVERFLOW 0x40000000U

/* Secret numbers of the fingerprints, one for each 32-bit word of what is hashed. */
#define HASH6_WORDS 10

/* A frame's checksum is computed so many bytes at a time: what bpf_csum_diff() takes in every kernel. */
#define CHUNK_BYTES 512
#define MAX_FRAME_BYTES 65536

/* Sources whose new connections are counted at a time; the one that was quiet longest makes room. */
#define MAX_LIMITED_SOURCES 32768

/* Clients that have answered a challenge; the one that was quiet longest makes room. */
#define MAX_KNOWN_CLIENTS 65536

/* How long a client that answered a challenge, or came since, need not answer another one. */
#define KNOWN_SECONDS 300

/* What the director offers as its window scale when it answers for a server; the server's windows are converted to it. */
#define PROXY_SCALE 7

/*
 * The highest bits of a connection's meta word count the packets of its client, those of one second as one, as far as drop_entry asks: a
 * busy connection is told by the highest bit alone.
 */
#define META_HEARD_SHIFT 28
#define META_HEARD_ONE 0x10000000U
#define META_HEARD_OFTEN 0x80000000U

/* Whom drop_entry spares, as IPVS's todrop_entry() does: connections that were heard of in this time, and those of more packets than this. */
#define SPARED_SECONDS 60
#define SPARED_PACKETS 8

/* How long the fragments of a datagram may take, as the kernel's own defragmentation has it (net.ipv4.ipfrag_time). */
#define FRAGMENT_SECONDS 30

#define NSEC_PER_SEC 1000000000ULL

/* Where the entry program jumps to; indexes of the `programs` map. */
enum tail {
	TAIL_ADMIT = 0,
	TAIL_ICMP = 1,
	TAIL_FRAGMENT = 2,
	TAIL_REJECT = 3,
	TAIL_REPLY = 4,
	TAIL_BALANCE6 = 5,
	TAIL_HEADERS6 = 6,
	TAIL_ADMIT6 = 7,
	TAIL_ICMP6 = 8,
	TAIL_FRAGMENT6 = 9,
	TAIL_REPLY6 = 10,
	TAIL_SYN_PROXY = 11,
	TAIL_PROXIED = 12,
	TAIL_PROXIED_REPLY = 13,
	TAIL_SYN_PROXY6 = 14,
	TAIL_PROXIED6 = 15,
	TAIL_PROXIED_REPLY6 = 16,
	TAIL_STRAY = 17,
	TAIL_STRAY6 = 18,
	TAIL_FULLNAT = 19,
	TAIL_FULLNAT6 = 20,
	TAIL_FULLNAT_REPLY = 21,
	TAIL_FULLNAT_REPLY6 = 22,
	TAIL_REPLY_ICMP = 23,
	TAIL_REPLY_ICMP6 = 24,
	TAIL_TUNNEL_ERROR = 25,
	TAIL_ROUTE = 26,
	TAIL_TAGGED = 27,
	TAIL_BALANCE = 28,
	TAIL_FTP = 29,
	TAIL_FTP6 = 30,
	TAIL_COUNT,
};

/* Protocols as two bits of a connection's meta word. */
enum conn_protocol {
	CONN_TCP = 0,
	CONN_UDP = 1,
	CONN_SCTP = 2,
	CONN_IP = 3,
};

/*
 * Connection states of TCP and UDP. 0 to 10 are IPVS's TCP states with its numbers; UDP has the one state behind them. The number is also
 * the index of the state's time-out.
 */
enum conn_state {
	STATE_NONE = 0,
	STATE_ESTABLISHED = 1,
	STATE_SYN_SENT = 2,
	STATE_SYN_RECV = 3,
	STATE_FIN_WAIT = 4,
	STATE_TIME_WAIT = 5,
	STATE_CLOSE = 6,
	STATE_CLOSE_WAIT = 7,
	STATE_LAST_ACK = 8,
	STATE_LISTEN = 9,
	STATE_SYNACK = 10,
	STATE_UDP = 11,
	STATE_COUNT = 16,
	TIMEOUT_SCTP = 16, /* the time-out of an SCTP state is so much further on */
	TIMEOUT_COUNT = 32,
	TIMEOUT_SETS = 64, /* the first one is that of services without time-outs of their own */
};

/* IPVS's SCTP states with its numbers. */
enum sctp_state {
	SCTP_NONE = 0,
	SCTP_INIT1 = 1,
	SCTP_INIT = 2,
	SCTP_COOKIE_SENT = 3,
	SCTP_COOKIE_REPLIED = 4,
	SCTP_COOKIE_WAIT = 5,
	SCTP_COOKIE = 6,
	SCTP_COOKIE_ECHOED = 7,
	SCTP_ESTABLISHED = 8,
	SCTP_SHUTDOWN_SENT = 9,
	SCTP_SHUTDOWN_RECEIVED = 10,
	SCTP_SHUTDOWN_ACK_SENT = 11,
	SCTP_REJECTED = 12,
	SCTP_CLOSED = 13,
};

/* What an SCTP packet is to the state table. */
enum sctp_event {
	SCTP_EVENT_DATA = 0, /* and every chunk without an event of its own */
	SCTP_EVENT_INIT = 1,
	SCTP_EVENT_INIT_ACK = 2,
	SCTP_EVENT_COOKIE_ECHO = 3,
	SCTP_EVENT_COOKIE_ACK = 4,
	SCTP_EVENT_SHUTDOWN = 5,
	SCTP_EVENT_SHUTDOWN_ACK = 6,
	SCTP_EVENT_SHUTDOWN_COMPLETE = 7,
	SCTP_EVENT_ERROR = 8,
	SCTP_EVENT_ABORT = 9,
	SCTP_EVENT_COUNT = 10,
};

/*
 * The meta word of a connection. It changes only by atomic operations. The low half describes the entry. GENERATION moves whenever the slot
 * changes hands. LOCK, SPILLED and NEIGHBOUR belong to the cache line and are
 * used in its first slot only.
 */
enum meta {
	META_STATE = 0x0000000f,
	META_PROTOCOL = 0x00000030,
	META_PROTOCOL_SHIFT = 4,
	META_TEMPLATE = 0x00000040, /* a persistence template, not a connection */
	META_VALID = 0x00000080,    /* the entry may be used */
	META_BUSY = 0x00000100,     /* one CPU is filling or clearing the slot */
	META_INACTIVE = 0x00000200, /* counted as inactive in its server */
	META_ASSURED = 0x00000400,  /* a template one of whose connections was established */
	META_REPLY = 0x00000800,    /* the way back of a masqueraded connection: struct reply */
	META_MASQUERADED = 0x00001000, /* the connection's replies come this way; it has a META_REPLY entry */
	META_PROXIED = 0x00002000, /* the director made the handshake with the client: its sequence numbers differ from the server's */
	META_FULLNAT = 0x00004000, /* masqueraded, and it has a local address and port: conn.local */
	META_ANSWERED = 0x00008000, /* of full NAT over TCP: the server answered more than the SYN, so it knows the client */
	META_GENERATION = 0x00ff0000,
	META_GENERATION_ONE = 0x00010000,
	META_LOCK = 0x01000000,    /* someone inserts a connection whose first choice is this line */
	META_SPILLED = 0x02000000, /* the overflow map may hold a connection whose first choice is this line */
	META_NEIGHBOUR = 0x04000000, /* the next line may hold a connection whose first choice is this line */
	META_LINE = 0x07000000,
	/* Masqueraded, and of FTP: a session, or where conn.data says so one of its data connections. Of a way back: that of a session. */
	META_FTP = 0x08000000,
	META_FLOW = META_PROTOCOL | META_PROXIED, /* what a connection and its way back have in common */
};

/* Known when the program is compiled, nearly everywhere: what is written for both families becomes code for one. */
enum family {
	FAMILY_4 = 4,
	FAMILY_6 = 6,
};

enum server_flag {
	SERVER_AVAILABLE = 1, /* configured; cleared when it is deleted while connections still name it */
	SERVER_REACHABLE = 2, /* the next hop's addresses are known */
	SERVER_LOCAL = 4,     /* the director itself */
	SERVER_CHECKSUM = 8,  /* GUE and GRE with a checksum over what they carry */
};

/* How a packet is sent to its real server. */
enum forwarding {
	FORWARD_DIRECT = 0,
	FORWARD_IPIP = 1,
	FORWARD_GUE = 2,
	FORWARD_GRE = 3,
	FORWARD_MASQUERADE = 4, /* IPVS's NAT: replies come back through the director */
	FORWARD_FULLNAT = 5,    /* NAT of both ends: the server sees a local address of the director, and answers there */
	FORWARD_BYPASS = 6,     /* nobody's: packets go on to where they were going */
};

/* Which of IPVS's state tables a packet is judged by. */
enum direction {
	DIRECTION_INPUT_ONLY = 0, /* from the client, whose server answers past us */
	DIRECTION_INPUT = 1,
	DIRECTION_OUTPUT = 2, /* from the server */
};

/* What the `sweep` program releases. */
enum sweep_kind {
	SWEEP_EXPIRED = 0,
	SWEEP_UNSERVED = 1, /* also what servers have that were deleted */
	SWEEP_SERVER = 2,   /* also what one server has */
	SWEEP_CROWDED = 3,  /* also what drop_entry gives up to make room */
	SWEEP_FRAGMENTS = 4, /* also what is remembered of fragments, which is of a map of its own */
};

/* How a service's scheduler chooses; its slots hold server numbers. */
enum schedule_kind {
	SCHEDULE_CYCLE = 0, /* one slot after the other (rr, wrr) */
	SCHEDULE_HASH = 1,  /* the slot that an address leads to (sh, dh, mh) */
	SCHEDULE_SCAN = 2,  /* the best of all servers, which the slots list newest first (lc, wlc, sed, nq, fo, ovf, twos, lblc, lblcr) */
};

enum schedule_flag {
	/* With SCHEDULE_HASH. */
	HASH_OF_VIRTUAL = 0x0001, /* the virtual address is hashed, not the client's */
	HASH_SIP = 0x0002,        /* by SipHash, not by the golden ratio */
	HASH_WITH_PORT = 0x0004,  /* the client's port counts too */
	HASH_FALLBACK = 0x0008,   /* where the slot's server takes no connection, others are tried */
	/* With SCHEDULE_SCAN. */
	SCAN_GREATEST_WEIGHT = 0x0010,  /* the greatest weight wins, not the least cost */
	SCAN_TWO_DRAWS = 0x0020,        /* of two servers drawn by weight the cheaper one wins */
	SCAN_PER_WEIGHT = 0x0040,       /* costs are compared in proportion to the weights */
	SCAN_IDLE_FIRST = 0x0080,       /* the first server without active connections wins */
	SCAN_FULL_ABOVE_WEIGHT = 0x0100, /* a server with more active connections than its weight is full */
	SCAN_KEEP_SERVER = 0x0200,      /* a virtual address stays with its server (lblc) */
	SCAN_KEEP_SET = 0x0400,         /* a virtual address stays with its servers (lblcr) */
};

enum load_flag {
	LOAD_OVERLOADED = 1, /* reached its upper threshold and has not come below the lower one */
};

enum service_flag {
	SERVICE_PERSISTENT = 1,
	SERVICE_COOKIES = 2,    /* the director answers SYNs with cookies, and connects to the server for whom that reached */
	SERVICE_CHALLENGE = 4,  /* a client is let in once its stack has answered a wrong acknowledgement */
	SERVICE_SOURCE_LIMIT = 8, /* new connections of each source are limited */
	SERVICE_ONE_PACKET = 16, /* datagrams are scheduled one by one */
	SERVICE_MARKED = 32,     /* goes by a firewall mark */
};

enum settings_flag {
	SETTING_TX_BY_REDIRECT = 1, /* leave by the same port through the device map: XDP_TX does not work there (veth) */
	SETTING_MASQUERADE = 2,     /* some real server is masqueraded: replies may come by */
	SETTING_PROXIED = 4,        /* some service has made handshakes for its servers: there may be META_PROXIED connections */
	SETTING_EVERY_ADDRESS = 8,  /* firewall marks are given to more destinations than the filter names */
	SETTING_TUNNEL = 16,        /* some real server is tunnelled: errors about that may come by */
	SETTING_TAGGED = 32,        /* some port is a VLAN on another one */
	SETTING_FTP = 64,           /* there may be FTP sessions, and connections that they expect */
	/* IPVS's switches (net.ipv4.vs.*). */
	SETTING_EXPIRE_NODEST = 0x0100,    /* connections of a deleted server end, and of one of weight 0 with their next SYN */
	SETTING_EXPIRE_QUIESCENT = 0x0200, /* templates of a server of weight 0 attract nobody */
	SETTING_REUSE_CLOSED = 0x0400,     /* conn_reuse_mode is not 0: a SYN begins anew in TIME_WAIT and CLOSE */
	SETTING_REUSE_FIN_WAIT = 0x0800,   /* conn_reuse_mode 2 and 3: also in FIN_WAIT */
	SETTING_SLOPPY_TCP = 0x1000,
	SETTING_SLOPPY_SCTP = 0x2000,
	SETTING_SECURE_TCP = 0x4000,
	SETTING_OWN_TIMEOUTS = 0x8000, /* some service has time-outs of its own */
	SETTING_BYPASS = 0x10000, /* cache_bypass: what goes by a firewall mark and finds no server goes on to where it was going */
};
