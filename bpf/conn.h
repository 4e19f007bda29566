/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The connection tables, one for each address family: lines of two entries, each with the line beside it to fall back on, and a small
 * overflow map behind them.
 *
 * Readers take no lock. An entry is a hit when its key and META_VALID match and its time has not come; the reader looks at the generation
 * again before it acts, because the slot may have changed hands in between. Writers claim a slot by a compare-and-swap to META_BUSY, fill
 * it, and publish it by one atomic operation. Inserts of the same key meet at META_LOCK of the key's first line.
 *
 * What is passed around as struct conn, conn_line and conn_key is the beginning of struct conn6, conn_line6 and conn_key6 where the family is
 * IPv6. The family is always a constant in the end, so that each becomes code of its own.
 */
#pragma once

#include "clock.h"
#include "hash.h"
#include "stats.h"

#define META_KIND (META_PROTOCOL | META_TEMPLATE | META_REPLY | META_PROXIED)

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

	key.first = hash_tuple(client, virtual, key.ports, kind) & settings.line_mask;
	key.second = key.first ^ 1;
	return key;
}

static __always_inline __be32 fold(const struct address6 *address)
{
	return address->word[0] ^ address->word[1] ^ address->word[2] ^ address->word[3];
}

static __always_inline int is_same_address(const struct address6 *a, const struct address6 *b)
{
	return !((a->word[0] ^ b->word[0]) | (a->word[1] ^ b->word[1]) | (a->word[2] ^ b->word[2]) | (a->word[3] ^ b->word[3]));
}

static __always_inline int is_unspecified(const struct address6 *address)
{
	return !(address->word[0] | address->word[1] | address->word[2] | address->word[3]);
}

/* The address whose fold and other words these are. */
static __always_inline struct address6 unfold(__be32 folded, const __be32 *rest)
{
	struct address6 address = { .word = { folded ^ rest[0] ^ rest[1] ^ rest[2], rest[0], rest[1], rest[2] } };

	return address;
}

/* All of a key but its lines. */
static __always_inline struct conn_key6 tuple6(const struct address6 *client, const struct address6 *virtual, __u32 ports, __u32 kind)
{
	struct conn_key6 key = {
		.core.addresses = (__u64)fold(virtual) << 32 | fold(client),
		.core.ports = ports,
		.core.kind = kind,
		.rest[0] = (__u64)client->word[3] << 32 | client->word[2],
		.rest[1] = (__u64)virtual->word[1] << 32 | client->word[1],
		.rest[2] = (__u64)virtual->word[3] << 32 | virtual->word[2],
	};

	return key;
}

static __always_inline struct address6 key6_virtual(const struct conn_key6 *key)
{
	const __be32 rest[] = { (__be32)(key->rest[1] >> 32), (__be32)key->rest[2], (__be32)(key->rest[2] >> 32) };

	return unfold((__be32)(key->core.addresses >> 32), rest);
}

static __always_inline __u32 line_of6(const struct conn_key6 *key)
{
	__be32 client = (__be32)key->core.addresses ^ (__be32)key->rest[0] ^ (__be32)(key->rest[0] >> 32) ^ (__be32)key->rest[1];
	struct address6 virtual = key6_virtual(key);
	const __be32 words[HASH6_WORDS] = {
		client, (__be32)key->rest[1], (__be32)key->rest[0], (__be32)(key->rest[0] >> 32),
		virtual.word[0], virtual.word[1], virtual.word[2], virtual.word[3],
		key->core.ports, key->core.kind,
	};

	return hash_words(words) & settings.line_mask6;
}

/* Out of line for everyone who is not in a hurry: computed in place it takes much stack. */
static __noinline void find_lines6(struct conn_key6 *key)
{
	key->core.first = line_of6(key);
	key->core.second = key->core.first ^ 1;
}

static __always_inline struct conn_line *conn_line_at(enum family family, __u32 index)
{
	return family == FAMILY_6 ? bpf_map_lookup_elem(&connections6, &index) : bpf_map_lookup_elem(&connections, &index);
}

static __always_inline struct conn_line *conn_line_of(enum family family, const struct conn_key *key)
{
	return conn_line_at(family, key->first);
}

/* Both lines, for those who write. */
static __always_inline int conn_place(enum family family, const struct conn_key *key, struct conn_place *place)
{
	place->first = conn_line_at(family, key->first);
	place->second = conn_line_at(family, key->second);
	return place->first && place->second;
}

static __always_inline struct conn *line_slot(enum family family, struct conn_line *line, __u32 slot)
{
	return family == FAMILY_6 ? &((struct conn_line6 *)line)->slot[slot].core : &line->slot[slot];
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

static __always_inline __u64 rest_difference(const struct conn *conn, const struct conn_key *key)
{
	const volatile __u64 *rest = (const volatile __u64 *)((const struct conn6 *)conn)->client_rest;
	const __u64 *wanted = ((const struct conn_key6 *)key)->rest;

	return (rest[0] ^ wanted[0]) | (rest[1] ^ wanted[1]) | (rest[2] ^ wanted[2]);
}

/*
 * 0 for the entry with the key, over IPv6 but for the rests of the addresses. All words are compared before anything branches: one branch
 * for the answer, not one for each word.
 */
static __always_inline __u64 core_difference(const struct conn *conn, __u64 tail, const struct conn_key *key)
{
	return ((tail ^ conn_wanted_tail(key)) & TAIL_MASK) | (conn_addresses(conn) ^ key->addresses);
}

static __always_inline int conn_is_hit(enum family family, const struct conn *conn, const struct conn_key *key)
{
	__u64 difference = core_difference(conn, conn_tail(conn), key);

	return !(family == FAMILY_6 ? difference | rest_difference(conn, key) : difference);
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

/* The overflow map's entry for the key, whatever state it is in. */
static __always_inline struct conn *overflow_entry(enum family family, const struct conn_key *key)
{
	struct overflow_key where;

	if (family == FAMILY_6)
		return bpf_map_lookup_elem(&overflow6, key);
	where = overflow_key(key);
	return bpf_map_lookup_elem(&overflow, &where);
}

static __always_inline struct conn *conn_find_overflow(enum family family, const struct conn_key *key)
{
	struct conn *conn = overflow_entry(family, key);

	return conn && conn_is_hit(family, conn, key) ? conn : NULL;
}

/* In the line beside the first. The two lie side by side, in one page and within reach of the adjacent-line prefetcher. */
static __always_inline struct conn *conn_find_beside(enum family family, const struct conn_key *key)
{
	struct conn_line *second = conn_line_at(family, key->second);

	if (second && conn_is_hit(family, line_slot(family, second, 0), key))
		return line_slot(family, second, 0);
	if (second && conn_is_hit(family, line_slot(family, second, 1), key))
		return line_slot(family, second, 1);
	return NULL;
}

enum reach {
	REACH_LINES,
	REACH_OVERFLOW,
};

/*
 * The entry with the key, expired or not. Nearly always one line answers, with yes or with no: another place is looked at only where its
 * first slot says that something had to go there.
 */
static __always_inline struct conn *conn_find_within(enum family family, struct conn_line *first, const struct conn_key *key, enum reach reach)
{
	__u64 a = conn_tail(line_slot(family, first, 0));
	__u64 b, not_a, not_b, other;
	struct conn *conn;

	if (family == FAMILY_6) {
		/* Each slot has a cache line of its own: the second is fetched only where the first is another one's. */
		if (conn_is_hit(family, line_slot(family, first, 0), key))
			return line_slot(family, first, 0);
		if (conn_is_hit(family, line_slot(family, first, 1), key))
			return line_slot(family, first, 1);
	} else {
		/* Which of the two slots it is nobody can predict, so it is computed: all ones where the first differs. The compiler would branch. */
		b = conn_tail(line_slot(family, first, 1));
		not_a = core_difference(line_slot(family, first, 0), a, key);
		not_b = core_difference(line_slot(family, first, 1), b, key);
		other = not_a | -not_a;
		asm volatile("" : "+r"(other));
		other = (__u64)((__s64)other >> 63);
		asm volatile("" : "+r"(other));
		if (!((not_a & ~other) | (not_b & other)))
			return line_slot(family, first, other & 1);
	}
	if (a >> 32 & META_NEIGHBOUR) {
		conn = conn_find_beside(family, key);
		if (conn)
			return conn;
	}
	return reach == REACH_OVERFLOW && a >> 32 & META_SPILLED ? conn_find_overflow(family, key) : NULL;
}

/* Out of line: the many words take much stack. */
static __noinline struct conn *conn_find6(struct conn_line *first, const struct conn_key6 *key)
{
	return conn_find_within(FAMILY_6, first, &key->core, REACH_OVERFLOW);
}

static __noinline struct conn *conn_find4(struct conn_line *first, const struct conn_key *key)
{
	return conn_find_within(FAMILY_4, first, key, REACH_OVERFLOW);
}

/* Out of line for both families, for who is deep in calls and in no hurry. */
static __always_inline struct conn *conn_find_apart(enum family family, struct conn_line *first, const struct conn_key *key)
{
	return family == FAMILY_6 ? conn_find6(first, (const struct conn_key6 *)key) : conn_find4(first, key);
}

/* Wherever it is. */
static __always_inline struct conn *conn_find(enum family family, struct conn_line *first, const struct conn_key *key)
{
	return family == FAMILY_6 ? conn_find6(first, (const struct conn_key6 *)key) : conn_find_within(family, first, key, REACH_OVERFLOW);
}

/* A plain connection, or one that the SYN proxy made. The key becomes that of the one that is found. */
static __always_inline struct conn *conn_find_any(enum family family, struct conn_key *key)
{
	struct conn_line *line = conn_line_of(family, key);
	struct conn *conn = line ? conn_find(family, line, key) : NULL;

	if (conn || !(settings.flags & SETTING_PROXIED) || key->kind != CONN_TCP << META_PROTOCOL_SHIFT)
		return conn;
	if (family == FAMILY_6) {
		key->kind |= META_PROXIED;
		find_lines6((struct conn_key6 *)key);
	} else {
		*key = conn_key((__be32)key->addresses, (__be32)(key->addresses >> 32), (__be16)key->ports, (__be16)(key->ports >> 16),
				key->kind | META_PROXIED);
	}
	line = conn_line_of(family, key);
	return line ? conn_find_apart(family, line, key) : NULL;
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
