/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Out of a port. */
#pragma once

#include "parse6.h"
#include "tags.h"

/* Both Ethernet addresses in two steps. The compiler, which sees bytes, would take twelve. */
static __always_inline void write_macs(struct ethhdr *eth, const __u8 *macs)
{
	__u64 *words = (void *)eth;

	words[0] = *(const __u64 *)macs;
	*(__u32 *)(words + 1) = *(const __u32 *)(macs + 8);
}

/* Out of the port the packet came in by. */
static __always_inline int send_back(struct xdp_md *ctx)
{
	if (settings.flags & SETTING_TAGGED && ingress_of(ctx) != ctx->ingress_ifindex)
		return send_tagged(ctx, ingress_of(ctx));
	if (settings.flags & SETTING_TX_BY_REDIRECT)
		return bpf_redirect_map(&ports, ctx->ingress_ifindex, XDP_DROP);
	return XDP_TX;
}

static __always_inline int send_by(struct xdp_md *ctx, __u32 ifindex)
{
	int verdict;

	if (ifindex == ctx->ingress_ifindex && !(settings.flags & SETTING_TX_BY_REDIRECT))
		return XDP_TX;
	verdict = bpf_redirect_map(&ports, ifindex, XDP_DROP);
	return verdict == XDP_REDIRECT ? verdict : send_tagged(ctx, ifindex);
}
