/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The ways back of masqueraded connections: what they are found by, where they lead, and how they leave the table. With full NAT a way back
 * goes by the local address and port that its connection has.
 */
#pragma once

#include "conn_slot.h"

/* What a new connection is made of. */
struct admission {
	__u32 server;
	__u32 control; /* its template's number */
	__u32 event; /* of its first packet: TCP's flags, or SCTP's event */
	__u32 now;
	__u32 local;  /* full NAT only: local_endpoint() */
	__u32 data;   /* FTP's data connections only: as in struct conn; without an event nothing of the connection has come yet */
	__u32 number; /* and the slot that the connection takes */
	struct hop from; /* only where some server is masqueraded */
};

/* For who has no stack left for one. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct admission);
} admissions SEC(".maps");

/* What a connection is found by, but for where that is. False where it is gone. */
static __always_inline int conn_tuple(enum family family, struct conn_key *tuple, const struct conn *conn, __u32 protocol)
{
	struct rest6 *rest;

	if (family == FAMILY_6) {
		rest = rest_of(conn);
		if (!rest)
			return 0;
		rest_addresses(rest, &tuple->addresses, ((struct conn_key6 *)tuple)->rest);
	} else {
		tuple->addresses = (__u64)conn->virtual << 32 | conn->client;
	}
	tuple->ports = (__u32)conn->virtual_port << 16 | conn->client_port;
	tuple->kind = protocol;
	return 1;
}

/* FTP's sessions are told by the port that the client asks for, as in IPVS. Those that the SYN proxy makes are left alone. */
static __always_inline int is_ftp_session(const struct conn_key *tuple)
{
	return (tuple->kind & META_FLOW) == CONN_TCP << META_PROTOCOL_SHIFT && tuple->ports >> 16 == bpf_htons(FTP_PORT);
}

/* Where full NAT sends a connection's packets from, in one word that is never 0: the number of a local address, and a port of it. */
static __always_inline __u32 local_endpoint(__u32 number, __be16 port)
{
	return number << 16 | port;
}

static __always_inline __be16 local_port(__u32 local)
{
	return (__be16)local;
}

static __always_inline struct local_address *local_address_of(__u32 local)
{
	__u32 number = local >> 16;

	return bpf_map_lookup_elem(&local_addresses, &number);
}

/*
 * Which port the client's packets come in by, and behind it the number of the slot of the connection, by which it is found faster than by its
 * key. It is a hint: who follows it compares the key. A slot whose number is too large has none.
 */
#define WAY_PORT_BITS 5
_Static_assert(MAX_PORTS < 1 << WAY_PORT_BITS, "a port, or the number that says that it is unknown, has room");

static __always_inline __u32 reply_way(__u16 port, __u32 slot)
{
	return port | (slot >> (32 - WAY_PORT_BITS) ? 0 : slot << WAY_PORT_BITS);
}

static __always_inline struct hop reply_hop(const struct reply *reply)
{
	/* The address lies behind two other bytes there as well: so it is moved by one step. */
	__u64 word = (*(const __u64 *)&reply->virtual_port & ~0xffffULL) | (reply->way & ((1 << WAY_PORT_BITS) - 1));
	struct hop hop;

	__builtin_memcpy(&hop, &word, sizeof(hop));
	return hop;
}

static __always_inline struct reply_rest6 *reply_rest(const struct conn *entry)
{
	return (struct reply_rest6 *)rest_of(entry);
}

/* Writes into a way back what may change while it lasts. */
static __always_inline void reply_follow(enum family family, struct conn *entry, const struct admission *admission)
{
	struct reply *reply = (struct reply *)entry;

	struct reply_rest6 *rest;

	if (family == FAMILY_6) {
		rest = reply_rest(entry);
		if (rest && admission->number)
			rest->slot = admission->number;
		return;
	}
	reply->way = reply_way(admission->from.port, admission->number);
	__builtin_memcpy(reply->mac, admission->from.mac, sizeof(reply->mac));
}

/*
 * What a reply to a connection is found by; `local` 0: it goes to the client itself; `data` 0: it comes from the server's own port. `key` may be
 * `tuple`: that spares stack.
 */
static __always_inline int reply_key(enum family family, struct conn_key *key, const struct conn_key *tuple, const struct server *server,
				     __u32 local, __u32 data)
{
	__be16 client_port = (__be16)tuple->ports, virtual_port = (__be16)(tuple->ports >> 16);
	__u64 second = family == FAMILY_6 ? ((const struct conn_key6 *)tuple)->rest[1] << 32 : 0;
	__u64 others = family == FAMILY_6 ? ((const struct conn_key6 *)tuple)->rest[0] : 0;
	__be16 port = data ? (__be16)data : server->port ? server->port : virtual_port;
	__u32 kind = (tuple->kind & META_FLOW) | META_REPLY;
	__be32 client = (__be32)tuple->addresses;
	const struct local_address *from;
	struct conn_key6 *key6 = (struct conn_key6 *)key;

	if (local) {
		from = local_address_of(local);
		if (!from)
			return 0;
		client = family == FAMILY_6 ? fold(&from->address) : from->address.word[0];
		client_port = local_port(local);
		/* Plain connections and those of the SYN proxy have their local ports from the same place: no two of them have one way back. */
		kind &= ~META_PROXIED;
		second = (__u64)from->address.word[1] << 32;
		others = (__u64)from->address.word[3] << 32 | from->address.word[2];
	}
	if (family == FAMILY_6) {
		key6->rest[2] = others;
		key6->rest[1] = second | server->address.word[1];
		key6->rest[0] = (__u64)server->address.word[3] << 32 | server->address.word[2];
		key->ports = (__u32)client_port << 16 | port;
		key->kind = kind;
		key->addresses = (__u64)client << 32 | fold(&server->address);
		find_fingerprint6(key6);
	} else {
		*key = conn_key(server->address.word[0], client, port, client_port, kind);
	}
	return 1;
}

static __always_inline __u32 *reply_number(enum family family, struct conn *entry)
{
	return family == FAMILY_6 ? &((struct reply6 *)entry)->number : &((struct reply *)entry)->number;
}

/* Entries of the maps of ways begin like this. */
static const struct conn_key6 unknown_way = {};

/*
 * A number for a connection in an overflow map; 0 where there is no room. Its entry is written by a second step, before anybody knows the
 * number: Linux 6.1 takes no argument of a global function, which the tuple is, for the value of a map.
 */
static __always_inline __u32 overflow_way_enter(enum family family, const struct conn_key *tuple)
{
	__u32 number = NUMBER_OVERFLOW | (__sync_fetch_and_add(&settings.overflow_ways, 1) & (NUMBER_OVERFLOW - 1));
	void *map = family == FAMILY_6 ? (void *)&overflow_ways6 : (void *)&overflow_ways, *way;

	if (bpf_map_update_elem(map, &number, &unknown_way, BPF_NOEXIST))
		return 0;
	way = bpf_map_lookup_elem(map, &number);
	if (!way)
		return 0;
	if (family == FAMILY_6)
		*(struct conn_key6 *)way = *(const struct conn_key6 *)tuple;
	else
		*(struct conn_key *)way = *tuple;
	return number;
}

static __always_inline void overflow_way_remove(enum family family, __u32 number)
{
	if (!(number & NUMBER_OVERFLOW))
		return;
	if (family == FAMILY_6)
		bpf_map_delete_elem(&overflow_ways6, &number);
	else
		bpf_map_delete_elem(&overflow_ways, &number);
}

/* Writes into a way back where it leads. */
static __always_inline void reply_lead(enum family family, struct conn *entry, const struct conn_key *tuple)
{
	struct reply *reply = (struct reply *)entry;
	struct reply_rest6 *rest;

	if (family == FAMILY_6) {
		((struct reply6 *)entry)->virtual = key6_virtual((const struct conn_key6 *)tuple);
		rest = reply_rest(entry);
		if (rest)
			rest->virtual_port = (__be16)(tuple->ports >> 16);
	} else {
		reply->virtual = (__be32)(tuple->addresses >> 32);
		reply->virtual_port = (__be16)(tuple->ports >> 16);
	}
}

/* Out of line, and without a call of its own, for the stack's sake. */
static __noinline int reply_leads_to6(const struct reply6 *reply, const struct conn *conn)
{
	const struct reply_rest6 *rest = (const struct reply_rest6 *)rest_here((const struct conn *)reply);
	const struct rest6 *ours;

	if (!rest || rest->virtual_port != conn->virtual_port)
		return 0;
	ours = rest_here(conn);
	return ours && is_same_address(&reply->virtual, &ours->virtual);
}

/* Whether a way back leads to this connection. */
static __always_inline int reply_leads_to(enum family family, const struct conn *entry, const struct conn *conn)
{
	const struct reply *reply = (const struct reply *)entry;

	if (family == FAMILY_6)
		return reply_leads_to6((const struct reply6 *)entry, conn);
	return reply->virtual == conn->virtual && reply->virtual_port == conn->virtual_port;
}

/* What is remembered of a connection that the SYN proxy made is found by this. */
static __always_inline struct proxied_key proxied_key_of(enum family family, const struct conn_key *tuple)
{
	struct proxied_key key = { .ports = tuple->ports };

	if (family == FAMILY_6) {
		key.client = key6_client((const struct conn_key6 *)tuple);
		key.virtual = key6_virtual((const struct conn_key6 *)tuple);
	} else {
		key.client.word[0] = (__be32)tuple->addresses;
		key.virtual.word[0] = (__be32)(tuple->addresses >> 32);
	}
	return key;
}

static __always_inline struct proxied_key proxied_key(enum family family, const struct conn *conn)
{
	struct proxied_key key = { .ports = (__u32)conn->virtual_port << 16 | conn->client_port };
	const struct rest6 *rest;

	if (family == FAMILY_6) {
		rest = rest_of(conn);
		if (rest) {
			key.client = rest->client;
			key.virtual = rest->virtual;
		}
	} else {
		key.client.word[0] = conn->client;
		key.virtual.word[0] = conn->virtual;
	}
	return key;
}

static __noinline int proxied_forget(const struct conn *conn)
{
	struct proxied_key key = proxied_key(FAMILY_4, conn);

	return bpf_map_delete_elem(&proxied, &key);
}

static __noinline int proxied_forget6(const struct conn *conn)
{
	struct proxied_key key = proxied_key(FAMILY_6, conn);

	return bpf_map_delete_elem(&proxied, &key);
}

static __always_inline void reply_remove_from(enum family family, struct conn *conn, __u32 flow, struct conn_key *key)
{
	struct conn_place place;
	struct conn_line *line;
	struct server *server;
	struct conn *reply;
	__u32 index, meta;

	index = conn->server;
	server = server_at(index);
	if (!server)
		return;
	if (!conn_tuple(family, key, conn, flow & META_FLOW))
		return;
	if (!reply_key(family, key, key, server, flow & META_FTP ? 0 : conn->local, flow & META_FTP ? conn->data : 0))
		return;
	line = conn_line_of(family, key);
	reply = line ? conn_find_apart(family, line, key) : NULL;
	if (!reply)
		return;
	/* A local address and port belong to one connection at a time. */
	meta = conn_meta(reply);
	if (!(meta & META_FULLNAT || reply_leads_to(family, reply, conn)) || !slot_claim(reply, meta))
		return;
	if (meta & META_FULLNAT)
		overflow_way_remove(family, *reply_number(family, reply));
	/* Only now: until here the place would take stack. */
	if (family == FAMILY_6 || conn_place(family, key, &place))
		conn_give_back(family, &place, key, reply);
}

/* One connection more, or less, at a local address. */
static __always_inline void local_count(__u32 local, __u32 change)
{
	struct local_address *from = local_address_of(local);

	if (from)
		__sync_fetch_and_add(&from->connections, change);
}

/* Takes the way back out of the table, unless it has become that of another connection. `flow`: META_FLOW and META_FTP of the connection. */
__noinline int reply_remove(struct conn *conn, __u32 flow)
{
	struct conn_key key;

	if (conn)
		reply_remove_from(FAMILY_4, conn, flow, &key);
	return 0;
}

__noinline int reply_remove6(struct conn *conn, __u32 flow)
{
	struct conn_key6 key;

	if (conn)
		reply_remove_from(FAMILY_6, conn, flow, &key.core);
	return 0;
}
