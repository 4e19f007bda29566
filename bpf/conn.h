/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The connection table: lines of two entries, each with the line beside it to fall back on, and a small overflow map behind them.
 *
 * Readers take no lock. An entry is a hit when its key and META_VALID match and its time has not come; the reader looks at the generation
 * again before it acts, because the slot may have changed hands in between. Writers claim a slot by a compare-and-swap to META_BUSY, fill
 * it, and publish it by one atomic operation. Inserts of the same key meet at META_LOCK of the key's first line.
 */
#pragma once

#include "clock.h"
#include "hash.h"
#include "stats.h"

#define META_KIND (META_PROTOCOL | META_TEMPLATE | META_REPLY)

struct conn_key {
	__u64 addresses; /* client, virtual: as they lie in struct conn */
	__u32 ports;     /* client port, virtual port: as they lie in struct conn */
	__u32 kind;      /* META_PROTOCOL, META_TEMPLATE and META_REPLY bits */
	__u32 first;     /* the line where it is looked for */
	__u32 second;    /* the line beside it, for what does not fit */
};

struct conn_place {
	struct conn_line *first;
	struct conn_line *second;
};

static __always_inline struct conn_key conn_key(__be32 client, __be32 virtual, __be16 client_port, __be16 virtual_port, __u32 kind)
{
	struct conn_key key = {
		.addresses = (__u64)virtual << 32 | client,
		.ports = (__u32)virtual_port << 16 | client_port,
		.kind = kind,
	};

	key.first = hash_tuple((__u64)client << 32 | key.ports, (__u64)kind << 32 | virtual) & settings.line_mask;
	key.second = key.first ^ 1;
	return key;
}

static __always_inline struct conn_line *conn_line_of(const struct conn_key *key)
{
	return bpf_map_lookup_elem(&connections, &key->first);
}

/* Both lines, for those who write. */
static __always_inline int conn_place(const struct conn_key *key, struct conn_place *place)
{
	place->first = bpf_map_lookup_elem(&connections, &key->first);
	place->second = bpf_map_lookup_elem(&connections, &key->second);
	return place->first && place->second;
}

/* Ports and meta of an entry lie in one aligned word, so that one load sees both. */
static __always_inline __u64 conn_tail(const struct conn *conn)
{
	return *(const volatile __u64 *)&conn->client_port;
}

static __always_inline __u32 conn_meta(const struct conn *conn)
{
	return *(const volatile __u32 *)&conn->meta;
}

static __always_inline __u64 conn_addresses(const struct conn *conn)
{
	return *(const volatile __u64 *)&conn->client;
}

#define TAIL_MASK ((__u64)(META_KIND | META_VALID | META_BUSY) << 32 | 0xffffffffULL)

static __always_inline __u64 conn_wanted_tail(const struct conn_key *key)
{
	return (__u64)(key->kind | META_VALID) << 32 | key->ports;
}

static __always_inline int conn_expired(const struct conn *conn, __u32 now)
{
	return time_reached(now, *(const volatile __u32 *)&conn->expires);
}

/* 0 for the entry with the key. Both words are compared before anything branches: one branch for the answer, not one for each word. */
static __always_inline __u64 conn_difference(const struct conn *conn, __u64 tail, const struct conn_key *key)
{
	return ((tail ^ conn_wanted_tail(key)) & TAIL_MASK) | (conn_addresses(conn) ^ key->addresses);
}

static __always_inline int conn_is_hit(const struct conn *conn, __u64 tail, const struct conn_key *key)
{
	return !conn_difference(conn, tail, key);
}

static __always_inline struct overflow_key overflow_key(const struct conn_key *key)
{
	struct overflow_key where = {
		.client = (__be32)key->addresses,
		.virtual = (__be32)(key->addresses >> 32),
		.client_port = (__be16)key->ports,
		.virtual_port = (__be16)(key->ports >> 16),
		.kind = key->kind,
	};

	return where;
}

static __always_inline struct conn *conn_find_overflow(const struct conn_key *key)
{
	struct overflow_key where = overflow_key(key);
	struct conn *conn = bpf_map_lookup_elem(&overflow, &where);

	return conn && conn_is_hit(conn, conn_tail(conn), key) ? conn : NULL;
}

/*
 * The entry with the key, expired or not. Nearly always one line answers, with yes or with no: the second is looked at only where its first
 * slot says that something had to go there. The two lie side by side, in one page and within reach of the adjacent-line prefetcher.
 */
static __always_inline struct conn *conn_find(struct conn_line *first, const struct conn_key *key)
{
	__u64 a = conn_tail(&first->slot[0]);
	__u64 b = conn_tail(&first->slot[1]);
	__u64 not_a = conn_difference(&first->slot[0], a, key);
	__u64 not_b = conn_difference(&first->slot[1], b, key);
	__u64 other = not_a | -not_a;
	struct conn_line *second;

	/* Which of the two slots it is nobody can predict, so it is computed: all ones where the first differs. The compiler would branch. */
	asm volatile("" : "+r"(other));
	other = (__u64)((__s64)other >> 63);
	asm volatile("" : "+r"(other));
	if (!((not_a & ~other) | (not_b & other)))
		return &first->slot[other & 1];
	if (a >> 32 & META_NEIGHBOUR) {
		second = bpf_map_lookup_elem(&connections, &key->second);
		if (second && conn_is_hit(&second->slot[0], conn_tail(&second->slot[0]), key))
			return &second->slot[0];
		if (second && conn_is_hit(&second->slot[1], conn_tail(&second->slot[1]), key))
			return &second->slot[1];
	}
	return a >> 32 & META_SPILLED ? conn_find_overflow(key) : NULL;
}

/* Written at most once a second, and says whether it was: a line that stays clean stays cheap for the other CPUs. */
static __always_inline int conn_refresh(struct conn *conn, __u32 now, __u32 timeout)
{
	__u32 expires = now + timeout;

	if (expires - conn->expires < settings.hz)
		return 0;
	conn->expires = expires;
	return 1;
}
