/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The keyed hash of the connection table. */
#pragma once

#include "maps.h"

/*
 * Multiply, shift and add with three secret 64-bit numbers, the multipliers odd. For one virtual address and protocol the map from (client,
 * ports) to 64 bits is a bijection, so that no two clients collide in all of them, and which bits of it choose the line depends on secrets:
 * a client cannot aim at a line. The finalizer is that of MurmurHash3 with secret multipliers.
 */
static __always_inline __u64 hash_tuple(__u64 client_and_ports, __u64 virtual_and_kind)
{
	__u64 h = (client_and_ports ^ settings.hash_seed[0]) * settings.hash_seed[1];

	h ^= h >> 32;
	h = (h ^ virtual_and_kind) * settings.hash_seed[2];
	h ^= h >> 29;
	h *= settings.hash_seed[1];
	return h ^ h >> 32;
}
