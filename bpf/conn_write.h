/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Changing the connection tables: insertion, release, and the ways back of masqueraded connections. See conn.h for the rules. The functions
 * that are not inline are verified by the kernel once, on their own; they take pointers to map values or the stack and return numbers.
 */
#pragma once

#include "conn_slot.h"

/* What a new connection is made of. */
struct admission {
	__u32 server;
	__u32 control; /* its template's number */
	__u32 event; /* of its first packet: TCP's flags, or SCTP's event */
	__u32 now;
	struct hop from; /* only where some server is masqueraded */
};

/* What a connection is found by, but for its lines. */
static __always_inline struct conn_key6 conn_tuple(enum family family, const struct conn *conn, __u32 protocol)
{
	const __u64 *rest = (const __u64 *)((const struct conn6 *)conn)->client_rest;
	struct conn_key6 tuple = {
		.core.addresses = (__u64)conn->virtual << 32 | conn->client,
		.core.ports = (__u32)conn->virtual_port << 16 | conn->client_port,
		.core.kind = protocol,
	};

	if (family == FAMILY_6) {
		tuple.rest[0] = rest[0];
		tuple.rest[1] = rest[1];
		tuple.rest[2] = rest[2];
	}
	return tuple;
}

/* What a reply to a connection is found by. */
static __always_inline void reply_key(enum family family, struct conn_key6 *key, const struct conn_key *tuple, const struct server *server)
{
	__be16 client_port = (__be16)tuple->ports, virtual_port = (__be16)(tuple->ports >> 16);
	const __u64 *rest = ((const struct conn_key6 *)tuple)->rest;
	__be16 port = server->port ? server->port : virtual_port;
	__u32 kind = (tuple->kind & META_FLOW) | META_REPLY;
	__be32 client = (__be32)tuple->addresses;

	if (family == FAMILY_6) {
		key->core.addresses = (__u64)client << 32 | fold(&server->address);
		key->core.ports = (__u32)client_port << 16 | port;
		key->core.kind = kind;
		key->rest[0] = (__u64)server->address.word[3] << 32 | server->address.word[2];
		key->rest[1] = rest[1] << 32 | server->address.word[1];
		key->rest[2] = rest[0];
		find_lines6(key);
	} else {
		key->core = conn_key(server->address.word[0], client, port, client_port, kind);
	}
}

/* Writes into a way back where it leads. */
static __always_inline void reply_lead(enum family family, struct conn *entry, const struct conn_key *tuple)
{
	struct reply6 *reply6 = (struct reply6 *)entry;
	struct reply *reply = (struct reply *)entry;

	if (family == FAMILY_6) {
		reply6->virtual = key6_virtual((const struct conn_key6 *)tuple);
		reply6->virtual_port = (__be16)(tuple->ports >> 16);
	} else {
		reply->virtual = (__be32)(tuple->addresses >> 32);
		reply->virtual_port = (__be16)(tuple->ports >> 16);
	}
}

/* Whether a way back leads to this connection. */
static __always_inline int reply_leads_to(enum family family, const struct conn *entry, const struct conn_key *tuple)
{
	const struct reply6 *reply6 = (const struct reply6 *)entry;
	const struct reply *reply = (const struct reply *)entry;
	__be16 port = (__be16)(tuple->ports >> 16);

	if (family == FAMILY_6) {
		struct address6 virtual = key6_virtual((const struct conn_key6 *)tuple);

		return is_same_address(&reply6->virtual, &virtual) && reply6->virtual_port == port;
	}
	return reply->virtual == (__be32)(tuple->addresses >> 32) && reply->virtual_port == port;
}

/* What is remembered of a connection that the SYN proxy made is found by this. */
static __always_inline struct proxied_key proxied_key_of(enum family family, const struct conn_key *tuple)
{
	const __u64 *rest = ((const struct conn_key6 *)tuple)->rest;
	struct proxied_key key = { .ports = tuple->ports };
	const __be32 client[] = { (__be32)rest[1], (__be32)rest[0], (__be32)(rest[0] >> 32) };

	if (family == FAMILY_6) {
		key.client = unfold((__be32)tuple->addresses, client);
		key.virtual = key6_virtual((const struct conn_key6 *)tuple);
	} else {
		key.client.word[0] = (__be32)tuple->addresses;
		key.virtual.word[0] = (__be32)(tuple->addresses >> 32);
	}
	return key;
}

static __always_inline struct proxied_key proxied_key(enum family family, const struct conn *conn)
{
	const __be32 *rest = ((const struct conn6 *)conn)->client_rest, *virtual = ((const struct conn6 *)conn)->virtual_rest;
	struct proxied_key key = { .ports = (__u32)conn->virtual_port << 16 | conn->client_port };

	if (family == FAMILY_6) {
		const __be32 client[] = { rest[2], rest[0], rest[1] };

		key.client = unfold(conn->client, client);
		key.virtual = unfold(conn->virtual, virtual);
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

static __noinline int proxied_forget6(const struct conn6 *conn)
{
	struct proxied_key key = proxied_key(FAMILY_6, &conn->core);

	return bpf_map_delete_elem(&proxied, &key);
}

static __always_inline int reply_remove_from(enum family family, struct conn *conn, __u32 protocol)
{
	struct conn_key6 tuple, key;
	struct conn_place place;
	struct server *server;
	struct conn *reply;
	__u32 index;

	index = conn->server;
	server = bpf_map_lookup_elem(&servers, &index);
	if (!server)
		return 0;
	tuple = conn_tuple(family, conn, protocol);
	reply_key(family, &key, &tuple.core, server);
	if (!conn_place(family, &key.core, &place))
		return 0;
	reply = conn_find(family, place.first, &key.core);
	if (!reply || !reply_leads_to(family, reply, &tuple.core) || !slot_claim(reply, conn_meta(reply)))
		return 0;
	conn_give_back(family, &place, &key.core, reply);
	return 1;
}

/* Takes the way back out of the table, unless it has become that of another connection. */
__noinline int reply_remove(struct conn *conn, __u32 protocol)
{
	return conn ? reply_remove_from(FAMILY_4, conn, protocol) : 0;
}

__noinline int reply_remove6(struct conn6 *conn, __u32 protocol)
{
	return conn ? reply_remove_from(FAMILY_6, &conn->core, protocol) : 0;
}

/* Takes what an entry that leaves the table stood for out of the counts. */
static __always_inline void conn_unaccount(enum family family, struct conn *conn, __u32 meta)
{
	struct conn *template;

	if (meta & META_TEMPLATE) {
		load_template_changed(conn->server, -1);
		return;
	}
	if (meta & META_MASQUERADED && family == FAMILY_6)
		reply_remove6((struct conn6 *)conn, meta & META_FLOW);
	else if (meta & META_MASQUERADED)
		reply_remove(conn, meta & META_FLOW);
	if (meta & META_PROXIED && family == FAMILY_6)
		proxied_forget6((struct conn6 *)conn);
	else if (meta & META_PROXIED)
		proxied_forget(conn);
	load_connection_removed(conn->server, meta & META_INACTIVE ? LOAD_TOTAL : LOAD_TOTAL + LOAD_ACTIVE);
	template = conn_by_number(conn->control);
	if (template)
		__sync_fetch_and_sub(&template->control, 1);
}

static __always_inline int is_accounted(__u32 meta)
{
	return (meta & (META_VALID | META_REPLY)) == META_VALID;
}

__noinline int conn_claim4(struct conn *conn, __u32 meta)
{
	if (!conn || !slot_claim(conn, meta))
		return 0;
	if (is_accounted(meta))
		conn_unaccount(FAMILY_4, conn, meta);
	return 1;
}

__noinline int conn_claim6(struct conn6 *conn, __u32 meta)
{
	if (!conn || !slot_claim(&conn->core, meta))
		return 0;
	if (is_accounted(meta))
		conn_unaccount(FAMILY_6, &conn->core, meta);
	return 1;
}

/* Takes the slot of an entry, and the entry out of the counts. A way back is left to the connection that it belongs to. */
static __always_inline int conn_claim(enum family family, struct conn *conn, __u32 meta)
{
	return family == FAMILY_6 ? conn_claim6((struct conn6 *)conn, meta) : conn_claim4(conn, meta);
}

/* Empties an entry, now. For an entry of the overflow map the caller deletes the key afterwards. */
static __always_inline int conn_release(enum family family, struct conn *conn, __u32 meta)
{
	if (!conn_claim(family, conn, meta))
		return 0;
	slot_empty(conn);
	return 1;
}

/* Whether a slot can be taken for a new entry: empty, or its entry's time has come and nobody depends on it. */
static __always_inline int conn_is_free(const struct conn *conn, __u32 meta, __u32 now)
{
	if (meta & META_BUSY)
		return 0;
	if (!(meta & META_VALID))
		return 1;
	if (meta & META_REPLY)
		return 0;
	return conn_expired(conn, now) && !(meta & META_TEMPLATE && conn->control);
}

static __always_inline struct conn *line_claim(enum family family, struct conn_line *line, __u32 now)
{
	struct conn *conn = line_slot(family, line, 0);
	__u32 meta = conn_meta(conn);

	if (!conn_is_free(conn, meta, now)) {
		conn = line_slot(family, line, 1);
		meta = conn_meta(conn);
		if (!conn_is_free(conn, meta, now))
			return NULL;
	}
	return conn_claim(family, conn, meta) ? conn : NULL;
}

__noinline int line_lock(struct conn_line *line)
{
	__u32 attempt;

	if (!line)
		return 0;
	for (attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
		if (!(__sync_fetch_and_or(&line->slot[0].meta, META_LOCK) & META_LOCK))
			return 1;
	}
	return 0;
}

static __always_inline void line_unlock(struct conn_line *line)
{
	__sync_fetch_and_and(&line->slot[0].meta, ~META_LOCK);
}

/* Entries of the overflow map begin like this. */
static const struct conn claimed = { .meta = META_BUSY };
static const struct conn6 claimed6 = { .core.meta = META_BUSY };

static __always_inline long overflow_insert(enum family family, const struct conn_key *key)
{
	struct overflow_key where;

	if (family == FAMILY_6)
		return bpf_map_update_elem(&overflow6, key, &claimed6, BPF_NOEXIST);
	where = overflow_key(key);
	return bpf_map_update_elem(&overflow, &where, &claimed, BPF_NOEXIST);
}

/* Both lines are full: the entry goes to the overflow map, and the first line remembers to look there. */
static __always_inline struct conn *conn_spill(enum family family, struct conn_line *first, const struct conn_key *key)
{
	__sync_fetch_and_add(overflow_count(family), 1);
	if (overflow_insert(family, key)) {
		__sync_fetch_and_sub(overflow_count(family), 1);
		return NULL;
	}
	__sync_fetch_and_or(&first->slot[0].meta, META_SPILLED);
	return overflow_entry(family, key);
}

/* A slot for a new entry, claimed: in its line, in the one beside it, or in the overflow map. */
static __always_inline struct conn *conn_allocate(enum family family, const struct conn_place *place, const struct conn_key *key, __u32 now)
{
	struct conn *conn = line_claim(family, place->first, now);

	if (conn)
		return conn;
	conn = line_claim(family, place->second, now);
	if (!conn)
		return conn_spill(family, place->first, key);
	__sync_fetch_and_or(&place->first->slot[0].meta, META_NEIGHBOUR);
	return conn;
}

/* Fills a claimed slot and lets the readers see it. `meta` has state, flags and kind. */
static __always_inline void conn_publish(enum family family, struct conn *conn, const struct conn_key *key, __u32 meta)
{
	const __u64 *rest = ((const struct conn_key6 *)key)->rest;
	volatile __u64 *words = (volatile __u64 *)((struct conn6 *)conn)->client_rest;

	*(volatile __u64 *)&conn->client = key->addresses;
	*(volatile __u32 *)&conn->client_port = key->ports;
	if (family == FAMILY_6) {
		words[0] = rest[0];
		words[1] = rest[1];
		words[2] = rest[2];
	}
	/* The state bits are clear in a claimed slot, so that this one step sets them and takes BUSY away. */
	__sync_fetch_and_xor(&conn->meta, META_BUSY | META_VALID | key->kind | meta);
}

/* Takes an entry out of the table, wherever it is. */
static __always_inline void conn_remove(enum family family, const struct conn_place *place, const struct conn_key *key, struct conn *conn)
{
	if (conn_claim(family, conn, conn_meta(conn)))
		conn_give_back(family, place, key, conn);
}

static __always_inline int reply_enter_into(enum family family, const struct conn_key *tuple, const struct admission *admission,
					    const struct server *server, struct conn_line *held)
{
	struct conn_place place;
	struct conn_key6 key;
	struct conn *reply;
	int fresh;

	reply_key(family, &key, tuple, server);
	if (!conn_place(family, &key.core, &place) || (place.first != held && !line_lock(place.first)))
		return DROP_TABLE_BUSY;
	reply = conn_find(family, place.first, &key.core);
	fresh = !reply;
	if (fresh)
		reply = conn_allocate(family, &place, &key.core, admission->now);
	if (reply) {
		reply_lead(family, reply, tuple);
		if (family == FAMILY_4)
			((struct reply *)reply)->from = admission->from;
		if (fresh)
			conn_publish(family, reply, &key.core, 0);
	}
	if (place.first != held)
		line_unlock(place.first);
	return reply ? 0 : DROP_TABLE_FULL;
}

/*
 * Enters the way back of a connection, or makes the one that is there its own and up to date. `held` is the line that the caller has locked,
 * if any: it may be the very one that is wanted here. Returns 0 or the reason why it cannot be.
 */
__noinline int reply_enter(const struct conn_key *tuple, const struct admission *admission, struct server *server, struct conn_line *held)
{
	return tuple && admission && server ? reply_enter_into(FAMILY_4, tuple, admission, server, held) : DROP_TABLE_BUSY;
}

__noinline int reply_enter6(const struct conn_key6 *tuple, const struct admission *admission, struct server *server, struct conn_line *held)
{
	return tuple && admission && server ? reply_enter_into(FAMILY_6, &tuple->core, admission, server, held) : DROP_TABLE_BUSY;
}
