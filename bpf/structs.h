/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the maps hold. TypeScript finds every offset through BTF, so fields may move freely. */
#pragma once

#include <linux/types.h>

#include "consts.h"

/* Says that a record starts at a multiple of eight bytes. The compiler cuts a 64-bit access in two where it does not know that. */
#define WORDS __attribute__((aligned(8)))

/*
 * One connection, or one persistence template (client masked by the service's netmask, client_port 0). Two of them fill a cache line.
 * The key is client, virtual, both ports, and protocol and template bit of meta.
 */
struct conn {
	union {
		struct {
			__be32 client;
			__be32 virtual;
		};
		__u64 fingerprint; /* of IPv6: fingerprint6() */
	};
	__be16 client_port;
	__be16 virtual_port;
	__u32 meta;
	__u32 expires;  /* in jiffies, modulo 2^32; compare with time_reached() */
	__u32 server;   /* index into servers, server_loads and server_stats */
	__u32 control;  /* of a connection: 1 + slot of its template, or 0; of a template: the connections it controls */
	union {
		__u32 timeout; /* of a template: jiffies to live after each use */
		__u32 local;   /* of a connection by full NAT: local_endpoint() */
		__u32 data;    /* of FTP's data connections (META_FTP): the client's port of their session << 16 | the server's port; of sessions 0 */
	};
} WORDS;

/* An IPv6 address as it lies in a packet. */
struct address6 {
	__be32 word[4];
};

/* Where a client's packets come from: replies go back there, without a look at routes and neighbours. */
struct hop {
	__u16 port; /* its number in the settings */
	__u8 mac[6];
} WORDS;

/*
 * What a reply of a masqueraded connection needs; lies where a connection could. It lives as long as its connection and is found by the
 * reply's own tuple. Replies leave the way the client's packets came. With full NAT the client of the tuple is a local address and its port;
 * there is no room for the client's own, so the entry says in which slot its connection lies.
 */
struct reply {
	__be32 server;
	__be32 client;
	__be16 server_port;
	__be16 client_port;
	__u32 meta;
	union {
		__be32 virtual;
		__u32 number; /* of full NAT: conn_by_number(), or where NUMBER_OVERFLOW is set a key of `overflow_ways` */
	};
	__u32 way; /* reply_way(): where the client's packets come from, and which slot the connection has */
	__be16 virtual_port;
	__u8 mac[6]; /* the client's hop */
} WORDS;

struct conn_line {
	struct conn slot[CONNS_PER_LINE];
};

/*
 * Over IPv6 entries are the same, in a table of their own, but that a secret fingerprint stands where the addresses would: by it packets find
 * their connection, so that they touch no more memory than those of IPv4. This is the rest of an entry, which lies in a table beside.
 */
struct rest6 {
	struct address6 client;
	struct address6 virtual;
	struct hop from; /* of a masqueraded connection */
} WORDS;

struct reply6 {
	__u64 fingerprint; /* of server and client */
	__be16 server_port;
	__be16 client_port;
	__u32 meta;
	union {
		struct address6 virtual;
		__u32 number; /* as in struct reply */
	};
} WORDS;

struct reply_rest6 {
	struct address6 server;
	struct address6 client;
	__u32 slot; /* of the connection, as conn_numbered() takes it; 0: unknown */
	__be16 virtual_port;
	__u16 reserved;
} WORDS;

struct rest_line6 {
	struct rest6 slot[CONNS_PER_LINE];
};

/* An entry with its rest, where both lie together. */
struct conn6 {
	struct conn core;
	struct rest6 rest;
} WORDS;

_Static_assert(sizeof(struct reply) == sizeof(struct conn), "a way back lies where a connection could");
_Static_assert(sizeof(struct reply6) == sizeof(struct conn) && sizeof(struct reply_rest6) == sizeof(struct rest6), "and one of IPv6 too");

/* Where the connection is when both of its lines are full: the key of the overflow map. */
struct overflow_key {
	__be32 client;
	__be32 virtual;
	__be16 client_port;
	__be16 virtual_port;
	__u32 kind; /* META_PROTOCOL and META_TEMPLATE bits */
};

/* What an entry is looked for by. */
struct conn_key {
	__u64 addresses; /* client, virtual: of IPv4 as they lie in struct conn, of IPv6 the folds */
	__u32 ports;     /* client port, virtual port: as they lie in struct conn */
	__u32 kind;      /* META_PROTOCOL, META_TEMPLATE and META_REPLY bits */
	union {
		__u64 fingerprint; /* of IPv6 */
		__u32 first;       /* of IPv4: the line where it is looked for */
	};
};

/* The fold of an address is the exclusive or of its four words: the other three are here. */
struct conn_key6 {
	struct conn_key core;
	__u64 rest[3]; /* client: third and fourth; client and virtual: second; virtual: third and fourth */
};

/* What a packet needs of its real server; written by the director. */
struct server {
	__u8 destination_mac[6]; /* the next hop's; both addresses lie as in an Ethernet header */
	__u8 source_mac[6];
	__u16 flags;    /* enum server_flag */
	__u16 path_mtu; /* as `mtu`, by an ICMP error about a tunnel's packet; 0: there was none. The packet path writes it, and `mtu` then */
	__u32 ifindex;
	__u32 mtu; /* of the packet as it came, without what a tunnel puts before it; 0: not checked */
	struct address6 address; /* an IPv4 one is the first word, here and below */
	struct address6 tunnel_source; /* the director's address on the way there */
	__be16 port;
	__be16 tunnel_port; /* GUE's */
	__u8 forwarding;    /* enum forwarding */
	__u8 family;        /* of its addresses, enum family; differs from its service's only with tunnels */
	__u16 timeouts;     /* where those of its service begin in the settings */
} WORDS;

/* An address that full NAT sends from, with the ports that may be used there. */
struct local_address {
	struct address6 address;
	__u32 cursor;      /* connections that asked here for a port */
	__u32 connections; /* that have one */
	__u32 collisions;  /* ports that were taken when they were tried */
	__u16 first_port;  /* host order */
	__u16 port_count;
} WORDS;

/* Connection counts of a real server, and its thresholds. Both halves of `connections` move in one atomic addition. */
struct server_load {
	__u64 connections; /* active << 32 | active and inactive together */
	__u32 persistent;  /* templates */
	__u32 flags;       /* enum load_flag */
	__u32 upper;       /* 0: no limit */
	__u32 lower;
	__s32 weight;
	__u32 service;     /* index of the service that it belongs to */
	__u64 padding[4];
};

/* Per CPU. Bytes count from the IP header on. */
struct server_stats {
	__u64 connections;
	__u64 packets;
	__u64 bytes;
	__u64 out_packets;
	__u64 out_bytes;
	__u64 padding[3];
};

struct service_key {
	__be32 address;
	__be16 port;
	__u16 protocol;
};

struct service_key6 {
	struct address6 address;
	__be16 port;
	__u16 protocol;
};

/* How a service chooses its servers: a run of slots, and what is done with them. */
struct schedule {
	__u64 cursor; /* SCHEDULE_CYCLE: slots taken since it was laid out */
	__u32 offset; /* in slots */
	__u32 length; /* 0: no server takes connections */
	__u16 kind;   /* enum schedule_kind */
	__u16 flags;  /* enum schedule_flag */
	/* SCHEDULE_SCAN: cost = base + active * active connections + inactive * inactive connections. */
	__u16 cost_base;
	__u16 cost_active;
	__u16 cost_inactive;
	__u16 reserved;
	__u32 hash_key; /* SCHEDULE_HASH: both halves of SipHash's key */
	__u32 keep;     /* SCAN_KEEP_...: jiffies that an address is remembered without being asked for, and a set without changing */
	__u32 padding;
};

/* The director lays out the schedule that is not current, then changes `current`: a packet sees the old or the new one, never a mixture. */
struct service {
	struct schedule schedules[2];
	__u32 current;
	__u32 flags; /* enum service_flag */
	__u32 persistence_timeout; /* jiffies */
	struct address6 persistence_mask; /* of IPv4 in the first word */
	__u32 index;
	/* Its local addresses: a run of slots that hold their numbers. The director writes both in one step. */
	__u32 local_offset;
	__u32 local_count;
	__u32 local_cursor; /* connections that asked for one */
	__u32 source_rate;  /* new connections that one source may make in a second */
	__u32 source_burst; /* and at once */
	__be32 mark; /* with SERVICE_MARKED: as it stands in its templates for the virtual address */
} WORDS;

struct mark_key {
	__u32 mark;
	__u32 family; /* enum family */
};

struct port_range {
	__u16 low;
	__u16 high;
};

/* A rule of the operator's firewall that gives packets a mark: the new one is (mark & ~mask) ^ mark. */
struct mark_rule {
	struct address6 source; /* an IPv4 one is the first word, here and below */
	struct address6 source_mask;
	struct address6 destination;
	struct address6 destination_mask;
	__u32 mark;
	__u32 mask;
	__u32 ifindex;   /* 0: any */
	__u8 family;     /* enum family */
	__u8 protocols;  /* a bit for each of enum conn_protocol; 0: any */
	__u8 range_count; /* 0: any port */
	__u8 ends;       /* no later rule is asked */
	struct port_range ports[MARK_PORT_RANGES]; /* of the destination */
	__u32 padding;
} WORDS;

struct slot_line {
	__u16 slot[SLOTS_PER_LINE];
};

/* Whose new connections are counted together: an IPv4 address, or the first 64 bits of an IPv6 one. */
struct source_key {
	__u32 service;
	__be32 network[2];
};

/* A token bucket. */
struct source_budget {
	__u32 left;     /* jiffies' worth: settings.hz for each new connection */
	__u32 refilled; /* jiffies */
};

/* A connection of which the director made the handshake with the client. */
struct proxied_key {
	struct address6 client; /* an IPv4 one is the first word */
	struct address6 virtual;
	__u32 ports; /* as in struct conn_key */
};

struct proxied {
	__u32 client_first; /* the client's first sequence number */
	__u32 cookie;       /* the director's, which the client takes for the server's */
	__u32 difference;   /* the server's own less the cookie, once it has answered */
	__u16 answered;
	__u8 scaled;        /* the client scales windows */
	__u8 scale;         /* by which the server scales its own */
};

/* What lblc and lblcr remember of a virtual address. */
struct locality_key {
	__u32 service;
	__be32 virtual; /* an IPv6 one folded */
};

struct locality {
	__u32 used;    /* jiffies */
	__u32 changed; /* jiffies; of a set */
	__u16 count;
	__u16 members[MAX_REPLICAS]; /* server numbers, the newest first */
	__u16 padding;
};

/* Where the other fragments of a datagram go. */
struct fragment_way {
	__u32 server;
	__be32 virtual;    /* of a reply: the source that it gets */
	__u32 rewrite;     /* of a request: enum rewrite of the first fragment */
	__u32 local;       /* of a request by full NAT: its source becomes this local address */
	__be32 client;     /* of a reply by full NAT: its destination becomes this */
	struct hop to;     /* of a reply */
	__u32 since;       /* jiffies: when the first fragment came */
};

struct fragment_way6 {
	__u32 server;
	__u32 rewrite;
	__u32 local;
	struct address6 virtual;
	struct address6 client;
	struct hop to;
	__u32 since;
};

/* What a scheduler may ask about a server, read once. */
struct candidate {
	__u32 server;
	__u32 active;
	__u64 cost;
	__u64 weight; /* 0: none, or one that takes no connection */
};

/* One choice of a server, while it is made; too large for the stack. */
struct choice {
	struct candidate best;
	struct candidate second; /* the other draw; the most loaded of a set */
	__u64 sum;               /* of the weights seen so far */
	__u64 mark, second_mark; /* the draws: whose part of the sum they fall into is drawn */
	__u32 start;             /* slot to begin with; position of the second candidate */
	__u32 spare;             /* some server has less than half of the connections that its weight allows */
	struct locality fresh;
};

/* What is summed up, or read, at once. */
struct chunk {
	union {
		__u64 word[CHUNK_BYTES / 8];
		__u8 byte[CHUNK_BYTES];
	};
};

struct fragment_key {
	__be32 source;
	__be32 destination;
	__be16 id;
	__u16 protocol;
};

/* As RFC 8200 tells datagrams apart: fragments of one need not agree about what follows the fragment header. */
struct fragment_key6 {
	struct address6 source;
	struct address6 destination;
	__be32 id;
};

/* What the packet path reads of the director's settings with every packet; one memory-mapped record. */
struct settings {
	__u64 hash_seed[4]; /* secret odd numbers */
	__u32 line_mask; /* lines of the connection table - 1 */
	__u32 jiffies_offset; /* added to the kernel's clock; only tests that travel in time set it */
	__u32 hz; /* jiffies in a second */
	__u32 flags; /* enum settings_flag */
	__u32 port_count; /* one more than the highest port number in use */
	__u32 overflow_count; /* entries in the overflow map */
	__u64 port_macs[MAX_PORTS]; /* as the first eight bytes of a frame, the last two cleared; 0: no port of this number */
	__u32 port_indexes[MAX_PORTS]; /* the interfaces' indexes */
	__u32 port_mtus[MAX_PORTS]; /* 0: not checked */
	__u32 port_lowers[MAX_PORTS]; /* of a VLAN: the index of the port that its frames come and leave by, with a tag; else 0 */
	__u16 port_tags[MAX_PORTS]; /* and its number */
	__u64 address_filter[ADDRESS_FILTER_BITS / 64]; /* virtual addresses; those of IPv6 folded */
	__u64 reply_filter[ADDRESS_FILTER_BITS / 64]; /* real servers' addresses, of those that are masqueraded, and local addresses */
	__u64 hash6_seed[HASH6_WORDS];
	__u32 mark_rules; /* the first one << 16 | how many; in one word, so that packets see the old ones or the new ones */
	__u32 line_mask6;
	__u32 overflow6_count;
	__u64 cookie_key[2]; /* secret */
	__u32 overflow_ways; /* numbers of them that were given out */
	__u32 drop_rate; /* drop_packet: of so many new connections one is refused; 0: none */
	__u32 local_out; /* where what the director itself sends to virtual services goes in; 0: nowhere */
	/* Written with every new connection while there is a rate: apart from what all packets read. */
	__s32 drop_count __attribute__((aligned(64))); /* new connections until that one */
	__u32 drop_turns[SPARED_PACKETS + 1]; /* drop_entry: connections of so many packets until one is given up */
	/* In each set: jiffies by enum conn_state, and by enum sctp_state from TIMEOUT_SCTP on. */
	__u32 timeouts[TIMEOUT_SETS * TIMEOUT_COUNT] __attribute__((aligned(64)));
};

/* Argument and answer of the `sweep` program. */
struct sweep {
	__u32 first_line;
	__u32 line_count;
	__u32 with_overflow;
	__u32 family; /* enum family: which table */
	__u32 kind;   /* enum sweep_kind */
	__u32 server; /* of SWEEP_SERVER */
	__u32 expired; /* answer: entries released */
	__u32 seen;    /* answer: entries still in use */
	__u32 jiffies; /* answer: the packet path's clock */
	__u64 monotonic_ns; /* answer: CLOCK_MONOTONIC at the same moment */
};

/* What a program leaves for the one it jumps to. */
struct scratch {
	__u32 icmp_type;
	__u32 icmp_code;
	__u32 icmp_info; /* the second word of the ICMP header, host order: the MTU of "fragmentation needed" */
	__u32 icmp_budget;
	__u32 icmp_refilled; /* jiffies */
	struct address6 icmp_source; /* all zero: the address that the packet was sent to */
	__u32 ingress; /* of a packet whose tag was taken off: its VLAN's interface; else 0 */
	__u32 icmp_port; /* the interface by which the next ICMP error leaves; 0: that by which its packet came */
};
