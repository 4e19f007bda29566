/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The last steps of a packet: to its real server, or on to another program. */
#pragma once

#include "nat.h"
#include "tunnel.h"

static __always_inline int jump(struct xdp_md *ctx, enum tail tail)
{
	bpf_tail_call(ctx, &programs, tail);
	/* Only while the programs are being exchanged. */
	return XDP_PASS;
}

/* Jumps to the program that answers with an ICMP error. `info` is the second word of its header. */
static __always_inline int reject_from(struct xdp_md *ctx, __be32 source, enum reason reason, __u32 type, __u32 code, __u32 info)
{
	__u32 zero = 0;
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &zero);

	count_reason(reason);
	if (!scratch)
		return XDP_DROP;
	scratch->icmp_type = type;
	scratch->icmp_code = code;
	scratch->icmp_info = info;
	scratch->icmp_source = source;
	return jump(ctx, TAIL_REJECT);
}

/* From the address that the packet was sent to. */
static __always_inline int reject(struct xdp_md *ctx, enum reason reason, __u32 type, __u32 code, __u32 info)
{
	return reject_from(ctx, 0, reason, type, code, info);
}

/* One less to live, and the header's checksum with it (RFC 1624): 0x0100 in the word of TTL and protocol. */
static __always_inline void decrease_ttl(struct iphdr *ip)
{
	__u32 check = ip->check;

	check += bpf_htons(0x0100);
	ip->check = (__u16)(check + (check >= 0xffff));
	ip->ttl--;
}

/* Takes one hop off a packet and sends it to its server; or says why that cannot be. */
static __always_inline int forward_on(struct xdp_md *ctx, struct packet *packet, const struct server *server, enum rewrite what)
{
	if (packet->ip->ttl <= 1)
		return reject(ctx, REJECT_TTL_EXCEEDED, 11, 0, 0);
	if (server->mtu && packet->length > server->mtu) {
		if (packet->ip->frag_off & bpf_htons(IP_DF))
			return reject(ctx, REJECT_TOO_BIG, 3, 4, server->mtu);
		return drop(DROP_TOO_BIG);
	}
	decrease_ttl(packet->ip);
	if (what)
		rewrite_destination(packet, server, what);
	else if (server->forwarding != FORWARD_DIRECT && server->forwarding != FORWARD_MASQUERADE)
		return forward_tunnel(ctx, server);
	write_macs(packet->eth, server->destination_mac);
	return send_by(ctx, server->ifindex);
}

/* To the server of a connection or template: counts the packet and forwards it. */
static __always_inline int forward(struct xdp_md *ctx, struct packet *packet, __u32 index, const struct server *server, enum rewrite what)
{
	count_packet(index, packet->length);
	if ((server->flags & (SERVER_REACHABLE | SERVER_LOCAL)) == SERVER_REACHABLE)
		return forward_on(ctx, packet, server, what);
	if (server->flags & SERVER_LOCAL)
		return pass(PASS_LOCAL_SERVER);
	return drop(DROP_NO_NEXT_HOP);
}
