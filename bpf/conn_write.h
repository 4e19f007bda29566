/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Changing the connection table: state, insertion, release. See conn.h for the rules. The functions that are not inline are verified by the
 * kernel once, on their own; they take pointers to map values or the stack and return numbers.
 */
#pragma once

#include "tcp_state.h"

/* What a new connection is made of. */
struct admission {
	__u32 server;
	__u32 control; /* its template's number */
	__u32 state;
	__u32 now;
	struct hop from; /* only where some server is masqueraded */
};

/* The entry in a numbered slot of the table; the number is one higher, so that 0 means none. */
static __always_inline struct conn *conn_by_number(__u32 number)
{
	__u32 line = (number - 1) / CONNS_PER_LINE;
	struct conn_line *at = bpf_map_lookup_elem(&connections, &line);

	return number && at ? &at->slot[(number - 1) % CONNS_PER_LINE] : NULL;
}

/* A template one of whose connections was established is worth keeping under pressure; the listing shows it as ASSURED. */
static __always_inline void template_assure(__u32 number)
{
	struct conn *template = conn_by_number(number);

	if (template)
		__sync_fetch_and_or(&template->meta, META_ASSURED);
}

/*
 * Moves a connection to another state by one compare-and-swap. Whoever wins it moves the server's counts, so they move exactly once. `meta`
 * is what the caller judged; if the slot has changed hands since, nothing happens and the answer is false.
 */
__noinline int conn_set_state(struct conn *conn, __u32 meta, __u8 flags, __u32 direction)
{
	__u32 attempt, seen, next, old = meta;

	if (!conn)
		return 0;
	for (attempt = 0; attempt < SWAP_ATTEMPTS; attempt++) {
		next = meta_with_state(old, tcp_next_state(old & META_STATE, flags, direction));
		if (next == old)
			return 1;
		seen = __sync_val_compare_and_swap(&conn->meta, old, next);
		if (seen == old) {
			if ((next ^ old) & META_INACTIVE)
				load_activity_changed(conn->server, !(next & META_INACTIVE));
			if ((next & META_STATE) == STATE_ESTABLISHED && conn->control)
				template_assure(conn->control);
			return 1;
		}
		if ((seen ^ meta) & (META_GENERATION | META_VALID | META_BUSY))
			return 0;
		old = seen;
	}
	return 1;
}

/* Takes a slot that holds `meta` for oneself. Only one of several callers succeeds. What the entry stood for is the caller's to give up. */
__noinline int slot_claim(struct conn *conn, __u32 meta)
{
	__u32 generation = (meta + META_GENERATION_ONE) & META_GENERATION;
	__u32 busy = (meta & META_LINE) | generation | META_BUSY;
	__u32 attempt, seen;

	if (!conn)
		return 0;
	for (attempt = 0; attempt < SWAP_ATTEMPTS; attempt++) {
		seen = __sync_val_compare_and_swap(&conn->meta, meta, busy);
		if (seen == meta)
			return 1;
		/* Only the line's own bits may have moved under us. */
		if ((seen ^ meta) & ~META_LINE)
			return 0;
		meta = seen;
		busy = (meta & META_LINE) | generation | META_BUSY;
	}
	return 0;
}

static __always_inline void slot_empty(struct conn *conn)
{
	__sync_fetch_and_and(&conn->meta, ~META_BUSY);
}

/* The number of an entry's slot, as conn_by_number() takes it; 0 for one in the overflow map. */
static __always_inline __u32 conn_number(const struct conn_place *place, const struct conn_key *key, const struct conn *conn)
{
	if (conn == &place->first->slot[0])
		return key->first * CONNS_PER_LINE + 1;
	if (conn == &place->first->slot[1])
		return key->first * CONNS_PER_LINE + 2;
	if (conn == &place->second->slot[0])
		return key->second * CONNS_PER_LINE + 1;
	if (conn == &place->second->slot[1])
		return key->second * CONNS_PER_LINE + 2;
	return 0;
}

/* A claimed slot that is not needed after all. */
static __always_inline void conn_give_back(const struct conn_place *place, const struct conn_key *key, struct conn *conn)
{
	struct overflow_key where = overflow_key(key);

	slot_empty(conn);
	if (!conn_number(place, key, conn) && !bpf_map_delete_elem(&overflow, &where))
		__sync_fetch_and_sub(&settings.overflow_count, 1);
}

/* The tuple of a reply to a connection. */
static __always_inline struct conn_key reply_key(__be32 client, __be16 client_port, __be16 virtual_port, __u32 protocol,
						 const struct server *server)
{
	__be16 port = server->port ? server->port : virtual_port;

	return conn_key(server->address, client, port, client_port, protocol | META_REPLY);
}

/* Takes the way back out of the table, unless it has become that of another connection. */
__noinline int reply_remove(struct conn *conn, __u32 protocol)
{
	struct conn_place place;
	struct server *server;
	struct reply *reply;
	struct conn_key key;
	__u32 index;

	if (!conn)
		return 0;
	index = conn->server;
	server = bpf_map_lookup_elem(&servers, &index);
	if (!server)
		return 0;
	key = reply_key(conn->client, conn->client_port, conn->virtual_port, protocol, server);
	if (!conn_place(&key, &place))
		return 0;
	reply = (struct reply *)conn_find(place.first, &key);
	if (!reply || reply->virtual != conn->virtual || reply->virtual_port != conn->virtual_port)
		return 0;
	if (!slot_claim((struct conn *)reply, conn_meta((struct conn *)reply)))
		return 0;
	conn_give_back(&place, &key, (struct conn *)reply);
	return 1;
}

/* Takes what an entry that leaves the table stood for out of the counts. */
static __always_inline void conn_unaccount(struct conn *conn, __u32 meta)
{
	struct conn *template;

	if (meta & META_TEMPLATE) {
		load_template_changed(conn->server, -1);
		return;
	}
	if (meta & META_MASQUERADED)
		reply_remove(conn, meta & META_PROTOCOL);
	load_connection_removed(conn->server, meta & META_INACTIVE ? LOAD_TOTAL : LOAD_TOTAL + LOAD_ACTIVE);
	template = conn_by_number(conn->control);
	if (template)
		__sync_fetch_and_sub(&template->control, 1);
}

/* Takes the slot of an entry, and the entry out of the counts. A way back is left to the connection that it belongs to. */
__noinline int conn_claim(struct conn *conn, __u32 meta)
{
	if (!conn || !slot_claim(conn, meta))
		return 0;
	if ((meta & (META_VALID | META_REPLY)) == META_VALID)
		conn_unaccount(conn, meta);
	return 1;
}

/* Empties an entry, now. For an entry of the overflow map the caller deletes the key afterwards. */
static __always_inline int conn_release(struct conn *conn, __u32 meta)
{
	if (!conn_claim(conn, meta))
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

static __always_inline struct conn *line_claim(struct conn_line *line, __u32 now)
{
	struct conn *conn = &line->slot[0];
	__u32 meta = conn_meta(conn);

	if (!conn_is_free(conn, meta, now)) {
		conn = &line->slot[1];
		meta = conn_meta(conn);
		if (!conn_is_free(conn, meta, now))
			return NULL;
	}
	return conn_claim(conn, meta) ? conn : NULL;
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

/* Both lines are full: the entry goes to the overflow map, and the first line remembers to look there. */
static __always_inline struct conn *conn_spill(struct conn_line *first, const struct conn_key *key)
{
	struct overflow_key where = overflow_key(key);
	struct conn empty = { .meta = META_BUSY };

	__sync_fetch_and_add(&settings.overflow_count, 1);
	if (bpf_map_update_elem(&overflow, &where, &empty, BPF_NOEXIST)) {
		__sync_fetch_and_sub(&settings.overflow_count, 1);
		return NULL;
	}
	__sync_fetch_and_or(&first->slot[0].meta, META_SPILLED);
	return bpf_map_lookup_elem(&overflow, &where);
}

/* A slot for a new entry, claimed: in its line, in the one beside it, or in the overflow map. */
static __always_inline struct conn *conn_allocate(const struct conn_place *place, const struct conn_key *key, __u32 now)
{
	struct conn *conn = line_claim(place->first, now);

	if (conn)
		return conn;
	conn = line_claim(place->second, now);
	if (!conn)
		return conn_spill(place->first, key);
	__sync_fetch_and_or(&place->first->slot[0].meta, META_NEIGHBOUR);
	return conn;
}

/* Fills a claimed slot and lets the readers see it. `meta` has state, flags and kind. */
static __always_inline void conn_publish(struct conn *conn, const struct conn_key *key, __u32 meta)
{
	*(volatile __u64 *)&conn->client = key->addresses;
	*(volatile __u32 *)&conn->client_port = key->ports;
	/* The state bits are clear in a claimed slot, so that this one step sets them and takes BUSY away. */
	__sync_fetch_and_xor(&conn->meta, META_BUSY | META_VALID | key->kind | meta);
}

/* Takes an entry out of the table, wherever it is. */
static __always_inline void conn_remove(const struct conn_place *place, const struct conn_key *key, struct conn *conn)
{
	if (conn_claim(conn, conn_meta(conn)))
		conn_give_back(place, key, conn);
}

/*
 * Enters the way back of a connection, or makes the one that is there its own and up to date. `held` is the line that the caller has locked,
 * if any: it may be the very one that is wanted here. Returns 0 or the reason why it cannot be.
 */
__noinline int reply_enter(const struct conn_key *tuple, const struct admission *admission, struct server *server, struct conn_line *held)
{
	struct conn_place place;
	struct reply *reply;
	struct conn_key key;
	int fresh;

	if (!tuple || !admission || !server)
		return DROP_TABLE_BUSY;
	key = reply_key((__be32)tuple->addresses, (__be16)tuple->ports, (__be16)(tuple->ports >> 16), tuple->kind, server);
	if (!conn_place(&key, &place) || (place.first != held && !line_lock(place.first)))
		return DROP_TABLE_BUSY;
	reply = (struct reply *)conn_find(place.first, &key);
	fresh = !reply;
	if (fresh)
		reply = (struct reply *)conn_allocate(&place, &key, admission->now);
	if (reply) {
		reply->virtual = (__be32)(tuple->addresses >> 32);
		reply->virtual_port = (__be16)(tuple->ports >> 16);
		reply->from = admission->from;
		if (fresh)
			conn_publish((struct conn *)reply, &key, 0);
	}
	if (place.first != held)
		line_unlock(place.first);
	return reply ? 0 : DROP_TABLE_FULL;
}
