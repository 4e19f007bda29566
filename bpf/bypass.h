/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Bypass (IPVS's cache_bypass): a packet on its way through the director to somewhere else, which a firewall mark gives to a transparent
 * cache, goes where it was going when no cache takes it. Its connection stands in the table like all others, with a server that is nobody,
 * and stays with it.
 */
#pragma once

#include "admit.h"
#include "route.h"

static __always_inline int parse_ip(enum family family, struct xdp_md *ctx, struct packet *packet)
{
	if (family == FAMILY_6)
		return parse_ipv6(ctx, packet) && parse_header6(ctx, packet);
	return parse_ipv4(ctx, packet) && parse_header(ctx, packet);
}

/* What find_route() is asked: the packet's own way. */
static __always_inline struct bpf_fib_lookup own_way(enum family family, const struct packet *packet)
{
	struct bpf_fib_lookup way = { .tot_len = packet->length };

	if (family == FAMILY_6) {
		way.family = AF_INET6;
		__builtin_memcpy(way.ipv6_src, &packet->ip6->source, sizeof(struct address6));
		__builtin_memcpy(way.ipv6_dst, &packet->ip6->destination, sizeof(struct address6));
	} else {
		way.family = AF_INET;
		way.ipv4_src = packet->ip->saddr;
		way.ipv4_dst = packet->ip->daddr;
	}
	return way;
}

/*
 * To where the packet was going. What asks for more than an address (a neighbour that has not answered yet, a packet that is too long or has no
 * hop left) is the stack's, which forwards it or says why not.
 */
static __always_inline int route_on(enum family family, struct xdp_md *ctx)
{
	struct bpf_fib_lookup way;
	struct packet packet;
	int found;

	if (!parse_ip(family, ctx, &packet))
		return XDP_PASS;
	way = own_way(family, &packet);
	found = find_route(ctx, &way);
	if (found == BPF_FIB_LKUP_RET_NOT_FWDED)
		return reject_no_server(family, ctx);
	if (found != BPF_FIB_LKUP_RET_SUCCESS || hops_left(family, &packet) <= 1)
		return pass(PASS_BYPASS);
	take_hop(family, &packet);
	__builtin_memcpy(packet.eth->h_dest, way.dmac, ETH_ALEN);
	__builtin_memcpy(packet.eth->h_source, way.smac, ETH_ALEN);
	return send_by(ctx, way.ifindex);
}

SEC("xdp.frags")
int route_program(struct xdp_md *ctx)
{
	struct packet packet;

	return parse_ipv6(ctx, &packet) ? route_on(FAMILY_6, ctx) : route_on(FAMILY_4, ctx);
}

/* Whether the packet goes on to somewhere else: to no address of the director's, nor to where no route leads. Verified once. */
__noinline int goes_beyond(struct xdp_md *ctx)
{
	struct bpf_fib_lookup way;
	struct packet packet;

	if (parse_ip(FAMILY_6, ctx, &packet))
		way = own_way(FAMILY_6, &packet);
	else if (parse_ip(FAMILY_4, ctx, &packet))
		way = own_way(FAMILY_4, &packet);
	else
		return 0;
	return find_route(ctx, &way) != BPF_FIB_LKUP_RET_NOT_FWDED;
}

/* Enters the connection of a packet that no server takes. Returns 0 or the reason why there is none. */
static __always_inline int bypass(enum family family, struct xdp_md *ctx, const struct packet *packet, const struct service *service,
				  const struct conn_key *key, struct admission *admission)
{
	if (!(settings.flags & SETTING_BYPASS) || !(service->flags & SERVICE_MARKED) || !goes_beyond(ctx))
		return REJECT_NO_SERVER;
	admission->server = BYPASS_SERVER;
	/* One that is scheduled by itself needs none. */
	if (service->flags & SERVICE_ONE_PACKET && packet_protocol(family, packet) == IPPROTO_UDP)
		return 0;
	return family == FAMILY_6 ? enter6(admission) : enter(key, admission);
}
