/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Single slots of the connection tables: their numbers, their states, and who may change them. */
#pragma once

#include "tcp_state.h"

/* The entry in a numbered slot of a table; the number is one higher, so that 0 means none. */
static __always_inline struct conn *conn_numbered(enum family family, __u32 number)
{
	__u32 slot = (number & ~NUMBER_IPV6) - 1;
	struct conn_line *line = conn_line_at(family, slot / CONNS_PER_LINE);

	if (!line)
		return NULL;
	/* The compiler would add before it looks whether it may. */
	asm volatile("" : "+r"(line));
	return &line->slot[slot % CONNS_PER_LINE];
}

/* Of the table that the number itself names. */
static __always_inline struct conn *conn_by_number(__u32 number)
{
	if (!number)
		return NULL;
	return number & NUMBER_IPV6 ? conn_numbered(FAMILY_6, number) : conn_numbered(FAMILY_4, number);
}

/* A template one of whose connections was established is worth keeping under pressure; the listing shows it as ASSURED. */
static __always_inline void template_assure(__u32 number)
{
	struct conn *template = conn_by_number(number);

	if (template)
		__sync_fetch_and_or(&template->meta, META_ASSURED);
}

static __always_inline int is_established(__u32 meta)
{
	__u32 sctp = CONN_SCTP << META_PROTOCOL_SHIFT | SCTP_ESTABLISHED;

	return (meta & (META_PROTOCOL | META_STATE)) == sctp || (meta & (META_PROTOCOL | META_STATE)) == STATE_ESTABLISHED;
}

/*
 * Moves a connection to another state by one compare-and-swap. Whoever wins it moves the server's counts, so they move exactly once. `meta`
 * is what the caller judged. Returns where the state's time-out is, or -1 if the slot has changed hands since: nothing happens then.
 */
__noinline int conn_move(struct conn *conn, __u32 meta, __u8 event, __u32 direction)
{
	__u32 attempt, seen, next, old = meta;

	if (!conn)
		return -1;
	for (attempt = 0; attempt < SWAP_ATTEMPTS; attempt++) {
		next = meta_after(old, event, direction);
		if (next == old)
			return timeout_index(next);
		seen = __sync_val_compare_and_swap(&conn->meta, old, next);
		if (seen == old) {
			if ((next ^ old) & META_INACTIVE)
				load_activity_changed(conn->server, !(next & META_INACTIVE));
			if (is_established(next) && conn->control)
				template_assure(conn->control);
			return timeout_index(next);
		}
		if ((seen ^ meta) & (META_GENERATION | META_VALID | META_BUSY))
			return -1;
		old = seen;
	}
	return timeout_index(old);
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

static __noinline __u32 number6(const struct conn *conn)
{
	__u32 slot = slot_of6(conn);

	return slot ? NUMBER_IPV6 | slot : 0;
}

/* The number of an entry's slot, as conn_by_number() takes it; 0 for one in the overflow map. Of IPv6 no place is asked for. */
static __always_inline __u32 conn_number(enum family family, const struct conn_place *place, const struct conn_key *key,
					 const struct conn *conn)
{
	if (family == FAMILY_6)
		return number6(conn);
	if (conn == &place->first->slot[0])
		return key->first * CONNS_PER_LINE + 1;
	if (conn == &place->first->slot[1])
		return key->first * CONNS_PER_LINE + 2;
	if (conn == &place->second->slot[0])
		return (key->first ^ 1) * CONNS_PER_LINE + 1;
	if (conn == &place->second->slot[1])
		return (key->first ^ 1) * CONNS_PER_LINE + 2;
	return 0;
}

static __always_inline __u32 *overflow_count(enum family family)
{
	return family == FAMILY_6 ? &settings.overflow6_count : &settings.overflow_count;
}

/*
 * A copy, for Linux 6.1 takes no argument of a global function, which the key may be, for the key of a map. Not static, or the compiler would
 * have callers keep what is copied in registers that they need.
 */
__noinline int overflow_delete4(const struct conn_key *key)
{
	struct overflow_key where;

	if (!key)
		return -1;
	where = overflow_key(key);
	return bpf_map_delete_elem(&overflow, &where);
}

/* A key of IPv6 lies on the stack or in `keys6`. */
static __always_inline long overflow_delete(enum family family, const struct conn_key *key)
{
	return family == FAMILY_6 ? bpf_map_delete_elem(&overflow6, &key->fingerprint) : overflow_delete4(key);
}

/* A claimed slot that is not needed after all. */
static __always_inline void conn_give_back(enum family family, const struct conn_place *place, const struct conn_key *key,
					   struct conn *conn)
{
	slot_empty(conn);
	if (!conn_number(family, place, key, conn) && !overflow_delete(family, key))
		__sync_fetch_and_sub(overflow_count(family), 1);
}
