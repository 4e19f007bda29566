/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Slots by hash: sh, dh and mh, bit for bit as the kernel hashes. */
#pragma once

#include <bpf/bpf_endian.h>

#define GOLDEN_RATIO_32 0x61c88647u

static __always_inline __u64 rotate_left(__u64 word, __u32 by)
{
	return word << by | word >> (64 - by);
}

#define SIP_ROUND(a, b, c, d)                                                                                                      \
	do {                                                                                                                       \
		(a) += (b);                                                                                                        \
		(b) = rotate_left(b, 13) ^ (a);                                                                                    \
		(a) = rotate_left(a, 32);                                                                                          \
		(c) += (d);                                                                                                        \
		(d) = rotate_left(d, 16) ^ (c);                                                                                    \
		(a) += (d);                                                                                                        \
		(d) = rotate_left(d, 21) ^ (a);                                                                                    \
		(c) += (b);                                                                                                        \
		(b) = rotate_left(b, 17) ^ (c);                                                                                    \
		(c) = rotate_left(c, 32);                                                                                          \
	} while (0)

/* SipHash-1-3 of one 32-bit number, the lower half of it: the kernel's hsiphash_1u32() on a 64-bit machine. */
static __noinline __u32 sip_hash(__u32 value, __u32 key)
{
	__u64 a = 0x736f6d6570736575ULL ^ key, b = 0x646f72616e646f6dULL ^ key;
	__u64 c = 0x6c7967656e657261ULL ^ key, d = 0x7465646279746573ULL ^ key;
	__u64 block = 4ULL << 56 | value;

	d ^= block;
	SIP_ROUND(a, b, c, d);
	a ^= block;
	c ^= 0xff;
	SIP_ROUND(a, b, c, d);
	SIP_ROUND(a, b, c, d);
	SIP_ROUND(a, b, c, d);
	return (__u32)(a ^ b ^ c ^ d);
}

/* The slot for a number, displaced by an offset; `length` is 256 with the golden ratio. */
static __always_inline __u32 hash_slot(const struct schedule *schedule, __u32 value, __u32 offset)
{
	__u32 length = schedule->length;

	if (!length)
		return 0;
	if (schedule->flags & HASH_SIP)
		return sip_hash(value + offset, schedule->hash_key) % length;
	return (offset + (value * GOLDEN_RATIO_32 >> 24)) % length;
}

struct hash_walk {
	struct search *search;
	__u32 value;
};

static long hash_step(__u32 step, struct hash_walk *walk)
{
	struct search *search = walk->search;
	const struct schedule *schedule = search->schedule;

	if (!schedule->length)
		return 1;
	step = (step + search->choice->start) % schedule->length;
	return look_at(slot_server(schedule, hash_slot(schedule, walk->value, step)), schedule, &search->choice->best);
}

static __always_inline void choose_by_hash(struct search *search, const struct conn_key *tuple)
{
	const struct schedule *schedule = search->schedule;
	__be32 address = schedule->flags & HASH_OF_VIRTUAL ? (__be32)(tuple->addresses >> 32) : (__be32)tuple->addresses;
	struct hash_walk walk = { .search = search, .value = bpf_ntohl(address) };

	if (schedule->flags & HASH_WITH_PORT)
		walk.value += bpf_ntohs((__be16)tuple->ports);
	search->choice->start = hash_slot(schedule, walk.value, 0);
	if (!look_at(slot_server(schedule, search->choice->start), schedule, &search->choice->best) && schedule->flags & HASH_FALLBACK)
		bpf_loop(schedule->length, hash_step, &walk, 0);
}
