/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The last steps of a packet: to its real server by direct routing, back to its sender, or on to another program. */
#pragma once

#include "conn.h"
#include "parse.h"

/* Out of the port the packet came in by. */
static __always_inline int send_back(struct xdp_md *ctx)
{
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
	if (verdict != XDP_REDIRECT)
		count_reason(DROP_REDIRECT_FAILED);
	return verdict;
}

static __always_inline int jump(struct xdp_md *ctx, enum tail tail)
{
	bpf_tail_call(ctx, &programs, tail);
	/* Only while the programs are being exchanged. */
	return XDP_PASS;
}

/* Jumps to the program that answers with an ICMP error. `info` is the second word of its header. */
static __always_inline int reject(struct xdp_md *ctx, enum reason reason, __u32 type, __u32 code, __u32 info)
{
	__u32 zero = 0;
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &zero);

	count_reason(reason);
	if (!scratch)
		return XDP_DROP;
	scratch->icmp_type = type;
	scratch->icmp_code = code;
	scratch->icmp_info = info;
	return jump(ctx, TAIL_REJECT);
}

/* One less to live, and the header's checksum with it (RFC 1624): 0x0100 in the word of TTL and protocol. */
static __always_inline void decrease_ttl(struct iphdr *ip)
{
	__u32 check = ip->check;

	check += bpf_htons(0x0100);
	ip->check = (__u16)(check + (check >= 0xffff));
	ip->ttl--;
}

/* Both Ethernet addresses in two steps. The compiler, which sees bytes, would take twelve. */
static __always_inline void write_macs(struct ethhdr *eth, const __u8 *macs)
{
	__u64 *words = (void *)eth;

	words[0] = *(const __u64 *)macs;
	*(__u32 *)(words + 1) = *(const __u32 *)(macs + 8);
}

/* Direct routing: the packet stays as it is, but for TTL and Ethernet addresses. */
static __always_inline int forward_direct(struct xdp_md *ctx, struct packet *packet, const struct server *server)
{
	if (packet->ip->ttl <= 1)
		return reject(ctx, REJECT_TTL_EXCEEDED, 11, 0, 0);
	if (server->mtu && packet->length > server->mtu) {
		if (packet->ip->frag_off & bpf_htons(IP_DF))
			return reject(ctx, REJECT_TOO_BIG, 3, 4, server->mtu);
		return drop(DROP_TOO_BIG);
	}
	decrease_ttl(packet->ip);
	write_macs(packet->eth, server->destination_mac);
	return send_by(ctx, server->ifindex);
}

/* To the server of a connection or template: counts the packet and forwards it. */
static __always_inline int forward(struct xdp_md *ctx, struct packet *packet, __u32 index, const struct server *server)
{
	count_packet(index, packet->length);
	if ((server->flags & (SERVER_REACHABLE | SERVER_LOCAL)) == SERVER_REACHABLE)
		return forward_direct(ctx, packet, server);
	if (server->flags & SERVER_LOCAL)
		return pass(PASS_LOCAL_SERVER);
	return drop(DROP_NO_NEXT_HOP);
}
