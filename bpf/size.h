/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is too long for the way that it should take. */
#pragma once

#include "parse.h"
#include "tags.h"

/*
 * In generic mode the stack shows packets that it has put together (GRO), or that a sender on the same host has not taken apart yet (TSO),
 * and cuts them to size on the way out. Nothing else is longer than the wire allows that it came by.
 */
static __noinline int is_put_together(struct xdp_md *ctx, __u32 length)
{
	__u32 i, ingress = ingress_of(ctx);

	for (i = 0; i < MAX_PORTS; i++)
		if (settings.port_indexes[i] == ingress)
			return settings.port_mtus[i] && length > settings.port_mtus[i];
	return 0;
}

/* `mtu` 0: nothing is known about the way. */
static __always_inline int is_too_long(struct xdp_md *ctx, __u32 length, __u32 mtu)
{
	return mtu && length > mtu && !is_put_together(ctx, length);
}
