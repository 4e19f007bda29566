/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Internet checksums (RFC 1071), computed and kept right (RFC 1624). Words are added as they lie in memory: the sum does not mind. */
#pragma once

#include <linux/types.h>

/* A sum of any words as one below 0x30000: many of those fit into 32 bits. */
static __always_inline __u32 checksum_narrow(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	return (sum & 0xffff) + (sum >> 16);
}

static __always_inline __u16 checksum_fold_narrow(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

static __always_inline __u16 checksum_fold(__u64 sum)
{
	return checksum_fold_narrow(checksum_narrow(sum));
}

/* What replacing one word by another adds to the sum. */
static __always_inline __u64 checksum_change(__u32 before, __u32 after)
{
	return (__u64)(__u32)~before + after;
}

/* Of a 16-bit field. */
static __always_inline __u32 checksum_change_half(__u16 before, __u16 after)
{
	return (__u32)(__u16)~before + after;
}

static __always_inline __u16 checksum_changed(__u16 check, __u64 change)
{
	return checksum_fold((__u64)(__u16)~check + change);
}

/* The same for a sum that is narrow. */
static __always_inline __u16 checksum_changed_narrow(__u16 check, __u32 change)
{
	return checksum_fold_narrow((__u32)(__u16)~check + change);
}
