/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The connection tables, one for each address family: lines of two entries, each with the line beside it to fall back on, and a small
 * overflow map behind them.
 *
 * Readers take no lock. An entry is a hit when its key and META_VALID match and its time has not come; the reader looks at the generation
 * again before it acts, because the slot may have changed hands in between. Writers claim a slot by a compare-and-swap to META_BUSY, fill
 * it, and publish it by one atomic operation. Inserts of the same key meet at META_LOCK of the key's first line.
 *
 * What is passed around as struct conn_key is the beginning of struct conn_key6 where the family is IPv6. The family is always a constant in
 * the end, so that each becomes code of its own. A packet of IPv6 finds its connection by the fingerprint alone. Whoever enters one, or is in
 * no hurry, looks at the addresses too: conn_find().
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

/* The address whose fold and other words, from the second on, these are. */
static __always_inline struct address6 unfold(__be32 folded, const __be32 *rest)
{
	struct address6 address = { .word = { folded ^ rest[0] ^ rest[1] ^ rest[2], rest[0], rest[1], rest[2] } };

	return address;
}

/* All of a key but its fingerprint. */
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

static __always_inline struct address6 key6_client(const struct conn_key6 *key)
{
	const __be32 rest[] = { (__be32)key->rest[1], (__be32)key->rest[0], (__be32)(key->rest[0] >> 32) };

	return unfold((__be32)key->core.addresses, rest);
}

static __always_inline struct address6 key6_virtual(const struct conn_key6 *key)
{
	const __be32 rest[] = { (__be32)(key->rest[1] >> 32), (__be32)key->rest[2], (__be32)(key->rest[2] >> 32) };

	return unfold((__be32)(key->core.addresses >> 32), rest);
}

/* Out of line for everyone who is not in a hurry: computed in place it takes much stack. */
static __noinline void find_fingerprint6(struct conn_key6 *key)
{
	struct address6 client = key6_client(key), virtual = key6_virtual(key);
	const __be32 words[HASH6_WORDS] = {
		client.word[0],	 client.word[1],  client.word[2],  client.word[3],  virtual.word[0],
		virtual.word[1], virtual.word[2], virtual.word[3], key->core.ports, key->core.kind,
	};

	key->core.fingerprint = fingerprint6(words);
}

static __always_inline struct conn_line *conn_line_at(enum family family, __u32 index)
{
	return family == FAMILY_6 ? bpf_map_lookup_elem(&connections6, &index) : bpf_map_lookup_elem(&connections, &index);
}

/* The line where it is looked for. */
static __always_inline __u32 first_line(enum family family, const struct conn_key *key)
{
	return family == FAMILY_6 ? fingerprint_line(key->fingerprint) : key->first;
}

/* The line beside it, for what does not fit. */
static __always_inline __u32 second_line(enum family family, const struct conn_key *key)
{
	return first_line(family, key) ^ 1;
}

static __always_inline struct conn_line *conn_line_of(enum family family, const struct conn_key *key)
{
	return conn_line_at(family, first_line(family, key));
}

/* Both lines, for those who write. */
static __always_inline int conn_place(enum family family, const struct conn_key *key, struct conn_place *place)
{
	place->first = conn_line_at(family, first_line(family, key));
	place->second = conn_line_at(family, second_line(family, key));
	return place->first && place->second;
}

/* The number of an IPv6 entry's slot in a line, from 1 on; 0 where it is in another. */
static __always_inline __u32 slot_in6(const struct conn *conn, __u32 index)
{
	struct conn_line *line = conn_line_at(FAMILY_6, index);

	if (!line)
		return 0;
	return conn == &line->slot[0] ? index * CONNS_PER_LINE + 1 : conn == &line->slot[1] ? index * CONNS_PER_LINE + 2 : 0;
}

/* The same among all lines; 0 for an entry of the overflow map. The fingerprint, which has been written, says where it may be. */
static __always_inline __u32 slot_of6(const struct conn *conn)
{
	__u32 index = fingerprint_line(*(const volatile __u64 *)&conn->fingerprint), slot = slot_in6(conn, index);

	return slot ? slot : slot_in6(conn, index ^ 1);
}

/* The rest of an entry of IPv6. NULL for one of the overflow map that somebody has taken out of it. */
static __always_inline struct rest6 *rest_here(const struct conn *conn)
{
	__u32 slot = slot_of6(conn), index = (slot - 1) / CONNS_PER_LINE;
	struct rest_line6 *line;
	struct conn6 *spilled;
	__u64 fingerprint;

	if (!slot) {
		fingerprint = *(const volatile __u64 *)&conn->fingerprint;
		spilled = bpf_map_lookup_elem(&overflow6, &fingerprint);
		return spilled ? &spilled->rest : NULL;
	}
	line = bpf_map_lookup_elem(&rests6, &index);
	if (!line)
		return NULL;
	asm volatile("" : "+r"(line));
	return &line->slot[(slot - 1) % CONNS_PER_LINE];
}

static __noinline struct rest6 *rest_of(const struct conn *conn)
{
	return rest_here(conn);
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

/* Where the packets of an IPv6 connection's client come from. Out of line for the stack's sake. */
static __noinline void remember_hop(const struct conn *conn, const struct hop *from)
{
	struct rest6 *rest = rest_of(conn);

	if (rest)
		rest->from = *from;
}

static __always_inline struct hop hop_to(const struct conn *conn)
{
	struct rest6 *rest = rest_of(conn);

	return rest ? rest->from : (struct hop){ .port = MAX_PORTS };
}

/* Of IPv6 the fingerprint. */
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

/* What the rest of an entry has of addresses, as in a key. */
static __always_inline void rest_addresses(const struct rest6 *rest, __u64 *folds, __u64 *words)
{
	*folds = (__u64)fold(&rest->virtual) << 32 | fold(&rest->client);
	words[0] = (__u64)rest->client.word[3] << 32 | rest->client.word[2];
	words[1] = (__u64)rest->virtual.word[1] << 32 | rest->client.word[1];
	words[2] = (__u64)rest->virtual.word[3] << 32 | rest->virtual.word[2];
}

/* Whether an entry of IPv6 that has the fingerprint has the addresses too. */
static __always_inline int has_addresses(const struct conn *conn, const struct conn_key6 *key)
{
	const struct rest6 *rest = rest_of(conn);
	__u64 folds, words[3];

	if (!rest)
		return 0;
	rest_addresses(rest, &folds, words);
	return !((folds ^ key->core.addresses) | (words[0] ^ key->rest[0]) | (words[1] ^ key->rest[1]) | (words[2] ^ key->rest[2]));
}

/* 0 for the entry with the key. All words are compared before anything branches: one branch for the answer, not one for each word. */
static __always_inline __u64 conn_difference(enum family family, const struct conn *conn, __u64 tail, const struct conn_key *key)
{
	__u64 wanted = family == FAMILY_6 ? key->fingerprint : key->addresses;

	return ((tail ^ conn_wanted_tail(key)) & TAIL_MASK) | (conn_addresses(conn) ^ wanted);
}

static __always_inline int conn_is_hit(enum family family, const struct conn *conn, const struct conn_key *key)
{
	return !conn_difference(family, conn, conn_tail(conn), key);
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
		return bpf_map_lookup_elem(&overflow6, &key->fingerprint);
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
	struct conn_line *second = conn_line_at(family, second_line(family, key));

	if (second && conn_is_hit(family, &second->slot[0], key))
		return &second->slot[0];
	if (second && conn_is_hit(family, &second->slot[1], key))
		return &second->slot[1];
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
	__u64 a = conn_tail(&first->slot[0]), b = conn_tail(&first->slot[1]);
	__u64 not_a = conn_difference(family, &first->slot[0], a, key), not_b = conn_difference(family, &first->slot[1], b, key);
	__u64 other = not_a | -not_a;
	struct conn *conn;

	/* Which of the two slots it is nobody can predict, so it is computed: all ones where the first differs. The compiler would branch. */
	asm volatile("" : "+r"(other));
	other = (__u64)((__s64)other >> 63);
	asm volatile("" : "+r"(other));
	if (!((not_a & ~other) | (not_b & other)))
		return &first->slot[other & 1];
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
	struct conn *conn = conn_find_within(FAMILY_6, first, &key->core, REACH_OVERFLOW);

	return conn && has_addresses(conn, key) ? conn : NULL;
}

/* By the fingerprint alone. */
static __noinline struct conn *conn_find6_quickly(struct conn_line *first, const struct conn_key *key)
{
	return conn_find_within(FAMILY_6, first, key, REACH_OVERFLOW);
}

static __noinline struct conn *conn_find4(struct conn_line *first, const struct conn_key *key)
{
	return conn_find_within(FAMILY_4, first, key, REACH_OVERFLOW);
}

/* Out of line for both families, for who is deep in calls and in no hurry. */
static __always_inline struct conn *conn_find_apart(enum family family, struct conn_line *first, const struct conn_key *key)
{
	return family == FAMILY_6 ? conn_find6_quickly(first, key) : conn_find4(first, key);
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
		find_fingerprint6((struct conn_key6 *)key);
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
