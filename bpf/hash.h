/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The keyed hash of the connection table. */
#pragma once

#include "maps.h"

/*
 * Two rounds of multiplication by secret odd 64-bit numbers. For one virtual address and protocol the map from (client, ports) to `h` is a
 * bijection, so that no two clients collide in all of it; and every bit of the upper half, which chooses the line, depends on all bits
 * below it and on the secrets: a client cannot aim at a line.
 */
static __always_inline __u32 hash_tuple(__u64 client_and_ports, __u64 virtual_and_kind)
{
	__u64 h = (client_and_ports ^ settings.hash_seed[0]) * settings.hash_seed[1];

	h ^= h >> 32;
	h = (h ^ virtual_and_kind) * settings.hash_seed[2];
	return (__u32)(h >> 32);
}
