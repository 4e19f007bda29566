/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * VLANs (IEEE 802.1Q) on a port. Each VLAN interface of a port counts as a port of its own, by its own index: what comes in with its tag is
 * looked at without, and what leaves by it gets the tag and leaves by the port underneath.
 */
#pragma once

#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>

#include "stats.h"

#define VLAN_ID 0x0fff

/* What lies between the addresses and the type of a frame with a tag. */
struct vlan_tag {
	__be16 protocol;
	__be16 tci; /* priority, and the VLAN's number */
};

struct tagged_header {
	__u8 macs[2 * ETH_ALEN];
	struct vlan_tag tag;
	__be16 type;
} __attribute__((packed));

/* The interface that the packet came in by: its VLAN's, if a tag was taken off. */
static __always_inline __u32 ingress_of(struct xdp_md *ctx)
{
	struct scratch *scratch;
	__u32 zero = 0;

	if (!(settings.flags & SETTING_TAGGED))
		return ctx->ingress_ifindex;
	scratch = bpf_map_lookup_elem(&scratches, &zero);
	return scratch && scratch->ingress ? scratch->ingress : ctx->ingress_ifindex;
}

/* Both Ethernet addresses from one place of a frame to another, four bytes on or back. */
static __always_inline void move_macs(void *to, const void *from)
{
	__u64 first = *(const __u64 *)from;
	__u32 rest = *(const __u32 *)(from + 8);

	*(__u64 *)to = first;
	*(__u32 *)(to + 8) = rest;
}

static __always_inline int push_tag(struct xdp_md *ctx, __be16 tci)
{
	struct tagged_header *frame;

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(struct vlan_tag)))
		return 0;
	frame = (void *)(long)ctx->data;
	if ((void *)(frame + 1) > (void *)(long)ctx->data_end)
		return 0;
	move_macs(frame, (void *)frame + sizeof(struct vlan_tag));
	frame->tag = (struct vlan_tag){ .protocol = bpf_htons(ETH_P_8021Q), .tci = tci };
	return 1;
}

/* The port underneath a VLAN's interface, whose number among the ports it returns; MAX_PORTS where it is none. */
static __always_inline __u32 tagged_port(__u32 ifindex)
{
	__u32 i;

	for (i = 0; i < MAX_PORTS; i++)
		if (settings.port_indexes[i] == ifindex && settings.port_lowers[i])
			return i;
	return MAX_PORTS;
}

/* Out of an interface that is none of the devices' map: a VLAN's, else there is no such port. Verified once. */
__noinline int send_tagged(struct xdp_md *ctx, __u32 ifindex)
{
	__u32 lower, port = tagged_port(ifindex);

	if (port >= MAX_PORTS || !push_tag(ctx, bpf_htons(settings.port_tags[port & (MAX_PORTS - 1)])))
		return drop(DROP_REDIRECT_FAILED);
	lower = settings.port_lowers[port & (MAX_PORTS - 1)];
	if (lower == ctx->ingress_ifindex && !(settings.flags & SETTING_TX_BY_REDIRECT))
		return XDP_TX;
	if (bpf_redirect_map(&ports, lower, XDP_DROP) == XDP_REDIRECT)
		return XDP_REDIRECT;
	return drop(DROP_REDIRECT_FAILED);
}

/*
 * Runs the packet path from its beginning: a jump from within a function returns to who called that. Neither the compiler nor the verifier may
 * conclude that nothing but XDP_PASS comes back, so the function is not static.
 */
__noinline int run_untagged(struct xdp_md *ctx)
{
	int verdict = XDP_PASS;

	bpf_tail_call_static(ctx, &programs, TAIL_BALANCE);
	asm volatile("" : "+r"(verdict));
	return verdict;
}

/* A frame that is no IP packet at first sight. The stack gets what it does not forward with its tag again. */
SEC("xdp.frags")
int tagged_program(struct xdp_md *ctx)
{
	struct tagged_header *frame = (void *)(long)ctx->data;
	__u32 i, zero = 0, found = 0;
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &zero);
	__be16 tci;
	int verdict;

	if (!scratch || (void *)(frame + 1) > (void *)(long)ctx->data_end || frame->tag.protocol != bpf_htons(ETH_P_8021Q))
		return XDP_PASS;
	if (frame->type != bpf_htons(ETH_P_IP) && frame->type != bpf_htons(ETH_P_IPV6))
		return XDP_PASS;
	tci = frame->tag.tci;
	for (i = 0; i < MAX_PORTS; i++)
		if (settings.port_lowers[i] == ctx->ingress_ifindex && settings.port_tags[i] == (bpf_ntohs(tci) & VLAN_ID))
			found = settings.port_indexes[i];
	if (!found)
		return XDP_PASS;
	move_macs((void *)frame + sizeof(struct vlan_tag), frame);
	if (bpf_xdp_adjust_head(ctx, sizeof(struct vlan_tag)))
		return XDP_DROP;
	scratch->ingress = found;
	verdict = run_untagged(ctx);
	scratch->ingress = 0;
	if (verdict == XDP_PASS && !push_tag(ctx, tci))
		return drop(DROP_NO_HEADROOM);
	return verdict;
}
