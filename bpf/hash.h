/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The keyed hashes of the connection tables. */
#pragma once

#include "maps.h"

/*
 * What is common to both families. A sum of words times secrets alone is universal, but leaves clients with addresses or ports in sequence in
 * sequence: with one secret of twenty, thousands of them would fall upon a few lines. Folding the upper half into the lower before another
 * secret multiplies it takes them apart. The line is chosen by the upper half, of which each bit depends on all below it and on the secrets:
 * a client cannot aim at a line.
 */
static __always_inline __u32 hash_finish(__u64 sum)
{
	return (__u32)((sum ^ sum >> 29) * settings.hash_seed[0] >> 32);
}

static __always_inline __u32 hash_tuple(__be32 client, __be32 virtual, __u32 ports, __u32 kind)
{
	const __u64 *seed = settings.hash_seed;

	return hash_finish(client * seed[1] + virtual * seed[2] + ((__u64)kind << 32 | ports) * seed[3]);
}

/*
 * Multilinear hashing with half as many multiplications (Lemire and Kaser, "Strongly universal string hashing is fast", section 4): products
 * of two words at a time, each with a secret of its own. The products do not wait for each other. That two tuples have one fingerprint happens
 * with a chance of 1 : 2^64 for nearly all pairs, and of at most 1 : 2^33 for those that somebody chose who does not know the secrets.
 */
static __always_inline __u64 fingerprint6(const __be32 words[HASH6_WORDS])
{
	const __u64 *seed = settings.hash6_seed;
	__u64 sum = 0;
	__u32 i;

#pragma unroll
	for (i = 0; i < HASH6_WORDS; i += 2)
		sum += (seed[i] + words[i]) * (seed[i + 1] + words[i + 1]);
	return sum;
}

/* Where an entry of IPv6 is looked for. */
static __always_inline __u32 fingerprint_line(__u64 fingerprint)
{
	return hash_finish(fingerprint) & settings.line_mask6;
}
