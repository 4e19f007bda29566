/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Changing the connection tables: insertion, release, and the entry of ways back. See conn.h for the rules. The functions
 * that are not inline are verified by the kernel once, on their own; they take pointers to map values or the stack and return numbers.
 */
#pragma once

#include "conn_reply.h"

/* Takes what an entry that leaves the table stood for out of the counts. */
static __always_inline void conn_unaccount(enum family family, struct conn *conn, __u32 meta)
{
	struct conn *template;

	if (meta & META_TEMPLATE) {
		load_template_changed(conn->server, -1);
		return;
	}
	if (meta & META_MASQUERADED && family == FAMILY_6)
		reply_remove6(conn, meta & (META_FLOW | META_FTP));
	else if (meta & META_MASQUERADED)
		reply_remove(conn, meta & (META_FLOW | META_FTP));
	if (meta & META_FULLNAT)
		local_count(conn->local, -1);
	if (meta & META_PROXIED && family == FAMILY_6)
		proxied_forget6(conn);
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

__noinline int conn_claim6(struct conn *conn, __u32 meta)
{
	if (!conn || !slot_claim(conn, meta))
		return 0;
	if (is_accounted(meta))
		conn_unaccount(FAMILY_6, conn, meta);
	return 1;
}

/* Takes the slot of an entry, and the entry out of the counts. A way back is left to the connection that it belongs to. */
static __always_inline int conn_claim(enum family family, struct conn *conn, __u32 meta)
{
	return family == FAMILY_6 ? conn_claim6(conn, meta) : conn_claim4(conn, meta);
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
	struct conn *conn = &line->slot[0];
	__u32 meta = conn_meta(conn);

	if (!conn_is_free(conn, meta, now)) {
		conn = &line->slot[1];
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

/* Writes into a claimed slot what its rest is found by. */
static __always_inline struct conn *conn_marked(enum family family, struct conn *conn, const struct conn_key *key)
{
	if (conn && family == FAMILY_6)
		*(volatile __u64 *)&conn->fingerprint = key->fingerprint;
	return conn;
}

/*
 * Locks a line and takes its first slot in one step, where nothing of the key can be elsewhere, as it is nearly always. The step that publishes
 * the entry then unlocks the line as well.
 */
static __always_inline struct conn *line_take(enum family family, struct conn_line *line, const struct conn_key *key)
{
	struct conn *conn = &line->slot[0];
	__u32 meta = conn_meta(conn);
	__u32 taken = ((meta + META_GENERATION_ONE) & META_GENERATION) | META_BUSY | META_LOCK;

	if (meta & (META_VALID | META_BUSY | META_LINE) || __sync_val_compare_and_swap(&conn->meta, meta, taken) != meta)
		return NULL;
	if (!conn_is_hit(family, &line->slot[1], key))
		return conn_marked(family, conn, key);
	__sync_fetch_and_and(&conn->meta, ~(META_BUSY | META_LOCK));
	return NULL;
}

/* Entries of the overflow map begin like this. */
static const struct conn claimed = { .meta = META_BUSY };
static const struct conn6 claimed6 = { .core.meta = META_BUSY };

/* See overflow_delete4(). */
__noinline int overflow_insert4(const struct conn_key *key)
{
	struct overflow_key where;

	if (!key)
		return -1;
	where = overflow_key(key);
	return bpf_map_update_elem(&overflow, &where, &claimed, BPF_NOEXIST);
}

static __always_inline long overflow_insert(enum family family, const struct conn_key *key)
{
	return family == FAMILY_6 ? bpf_map_update_elem(&overflow6, &key->fingerprint, &claimed6, BPF_NOEXIST) : overflow_insert4(key);
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

static __always_inline struct conn *conn_allocate_in(enum family family, const struct conn_place *place, const struct conn_key *key, __u32 now)
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

/* A slot for a new entry, claimed: in its line, in the one beside it, or in the overflow map. */
static __always_inline struct conn *conn_allocate(enum family family, const struct conn_place *place, const struct conn_key *key, __u32 now)
{
	return conn_marked(family, conn_allocate_in(family, place, key, now), key);
}

/* Out of line for the stack's sake. */
static __noinline void write_addresses6(const struct conn *conn, const struct conn_key6 *key)
{
	struct rest6 *rest = rest_of(conn);

	if (!rest)
		return;
	rest->client = key6_client(key);
	rest->virtual = key6_virtual(key);
}

/*
 * Fills a slot from conn_allocate() or line_take() and lets the readers see it. `meta` has state and flags, and META_LOCK where the line is to be
 * unlocked with it.
 */
static __always_inline void conn_publish(enum family family, struct conn *conn, const struct conn_key *key, __u32 meta)
{
	if (family == FAMILY_6)
		write_addresses6(conn, (const struct conn_key6 *)key);
	else
		*(volatile __u64 *)&conn->client = key->addresses;
	*(volatile __u32 *)&conn->client_port = key->ports;
	/*
	 * The state bits are clear in a claimed slot, so that this one step sets them and takes BUSY away. While the line is ours as well nobody
	 * else changes the word, but for a mark of the line that a sweep takes away: a mark too many does no harm.
	 */
	if (meta & META_LOCK)
		*(volatile __u32 *)&conn->meta = conn_meta(conn) ^ (META_BUSY | META_VALID | key->kind | meta);
	else
		__sync_fetch_and_xor(&conn->meta, META_BUSY | META_VALID | key->kind | meta);
}

/* Takes an entry out of the table, wherever it is. */
static __always_inline void conn_remove(enum family family, const struct conn_place *place, const struct conn_key *key, struct conn *conn)
{
	if (conn_claim(family, conn, conn_meta(conn)))
		conn_give_back(family, place, key, conn);
}

/* Fills a claimed slot with the way back of a connection. Returns 0 or the reason why it cannot be. */
static __always_inline int reply_fill(enum family family, const struct conn_place *place, const struct conn_key *key, struct conn *reply,
				      const struct conn_key *tuple, const struct admission *admission)
{
	__u32 number, flags = 0;

	if (admission->local) {
		flags = META_FULLNAT;
		number = admission->number ? admission->number : overflow_way_enter(family, tuple);
		if (!number) {
			conn_give_back(family, place, key, reply);
			return DROP_TABLE_FULL;
		}
		*reply_number(family, reply) = number;
	} else {
		reply_lead(family, reply, tuple);
		flags = is_ftp_session(tuple) && !admission->data ? META_FTP : 0;
	}
	reply_follow(family, reply, admission);
	conn_publish(family, reply, key, flags);
	return 0;
}

static __always_inline int reply_enter_into(enum family family, const struct conn_key *tuple, const struct admission *admission,
					    const struct server *server, struct conn_line *held, struct conn_key *key)
{
	int reason = DROP_TABLE_FULL;
	struct conn_place place;
	struct conn *reply;

	if (!reply_key(family, key, tuple, server, admission->local, admission->data) || !conn_place(family, key, &place))
		return DROP_TABLE_BUSY;
	if (place.first != held && !line_lock(place.first))
		return DROP_TABLE_BUSY;
	reply = conn_find(family, place.first, key);
	if (!reply) {
		reply = conn_allocate(family, &place, key, admission->now);
		if (reply)
			reason = reply_fill(family, &place, key, reply, tuple, admission);
	} else if (admission->local && held) {
		/* Another CPU was faster with this local port. */
		reason = DROP_TABLE_BUSY;
	} else {
		if (!admission->local)
			reply_lead(family, reply, tuple);
		reply_follow(family, reply, admission);
		reason = 0;
	}
	if (place.first != held)
		line_unlock(place.first);
	return reason;
}

/*
 * Enters the way back of a connection, or makes the one that is there its own and up to date. `held` is the line that the caller has locked,
 * if any: it may be the very one that is wanted here. With full NAT only a new connection holds one, and only its own way back will do. Returns 0
 * or the reason why it cannot be.
 */
__noinline int reply_enter(const struct conn_key *tuple, const struct admission *admission, struct server *server, struct conn_line *held)
{
	struct conn_key key;

	return tuple && admission && server ? reply_enter_into(FAMILY_4, tuple, admission, server, held, &key) : DROP_TABLE_BUSY;
}

__noinline int reply_enter6(const struct conn_key6 *tuple, const struct admission *admission, struct server *server, struct conn_line *held)
{
	struct conn_key6 key;

	return tuple && admission && server ? reply_enter_into(FAMILY_6, &tuple->core, admission, server, held, &key.core) : DROP_TABLE_BUSY;
}
