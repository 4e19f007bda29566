/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tunnels to real servers: IP in IP (RFC 2003), GRE (RFC 2784) and Generic UDP Encapsulation (variant 0), IPv4 in IPv4, without checksums of
 * their own. The outer header is made as IPVS makes it.
 */
#pragma once

#include "send.h"

#define IP_ECN_MASK 3
#define IP_ECN_ECT_0 2
#define IP_ECN_CE 3

struct gre_header {
	__be16 flags;
	__be16 protocol;
};

/* UDP's header and GUE's behind it. */
struct gue_header {
	__be16 source;
	__be16 destination;
	__be16 length;
	__be16 check;
	__u8 version_and_length;
	__u8 protocol;
	__be16 flags;
};

/* What the outer headers need of the packet, read before it moves. */
struct inner {
	__u32 length;
	__be16 fragment; /* the bit that forbids fragments, alone */
	__u8 tos;
	__u8 ttl;
	__be16 protocol; /* Ethernet's number */
	__be16 flow_port; /* differs between flows, for those who spread by it */
};

static __always_inline __u32 tunnel_overhead(__u8 forwarding)
{
	if (forwarding == FORWARD_GUE)
		return sizeof(struct iphdr) + sizeof(struct gue_header);
	if (forwarding == FORWARD_GRE)
		return sizeof(struct iphdr) + sizeof(struct gre_header);
	return sizeof(struct iphdr);
}

/* From the dynamic ports, by the addresses; ports are left out, for the fragments of a datagram must not part. */
static __always_inline __be16 flow_port(const struct iphdr *ip)
{
	__u32 hash = (ip->saddr ^ ip->daddr) * 0x9e3779b1u;

	return bpf_htons(0xc000 | hash >> 18);
}

static __always_inline __u16 header_checksum(const struct iphdr *ip)
{
	const __u16 *half = (const void *)ip;
	__u32 sum = 0, i;

#pragma unroll
	for (i = 0; i < sizeof(*ip) / 2; i++)
		sum += half[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

/* ECN as RFC 6040's compatible mode has it: congestion met outside must not be marked inside before it happened. */
static __always_inline __u8 outer_tos(__u8 tos)
{
	return (tos & IP_ECN_MASK) == IP_ECN_CE ? (tos & ~IP_ECN_MASK) | IP_ECN_ECT_0 : tos;
}

static __always_inline void write_outer(struct iphdr *ip, const struct inner *inner, const struct server *server, __u32 overhead)
{
	*ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tos = outer_tos(inner->tos),
		.tot_len = bpf_htons(inner->length + overhead),
		/* RFC 6864: what is never cut needs no number. */
		.id = inner->fragment ? 0 : (__u16)bpf_get_prandom_u32(),
		.frag_off = inner->fragment,
		.ttl = inner->ttl,
		.protocol = server->forwarding == FORWARD_GUE ? IPPROTO_UDP : server->forwarding == FORWARD_GRE ? IPPROTO_GRE : IPPROTO_IPIP,
		.saddr = server->tunnel_source,
		.daddr = server->address,
	};
	ip->check = header_checksum(ip);
}

/* Puts the headers of the server's tunnel before the packet, whose TTL is already one less. */
static __noinline int forward_tunnel(struct xdp_md *ctx, const struct server *server)
{
	__u32 overhead = tunnel_overhead(server->forwarding);
	struct packet packet;
	struct inner inner;
	void *behind;

	if (!parse_ipv4(ctx, &packet))
		return XDP_DROP;
	inner.length = bpf_ntohs(packet.ip->tot_len);
	inner.fragment = packet.ip->frag_off & bpf_htons(IP_DF);
	inner.tos = packet.ip->tos;
	inner.ttl = packet.ip->ttl;
	inner.protocol = bpf_htons(ETH_P_IP);
	inner.flow_port = flow_port(packet.ip);
	if (bpf_xdp_adjust_head(ctx, -(int)overhead))
		return drop(DROP_NO_HEADROOM);
	packet.eth = (void *)(long)ctx->data;
	packet.end = (void *)(long)ctx->data_end;
	packet.ip = (void *)(packet.eth + 1);
	behind = packet.ip + 1;
	if (behind + sizeof(struct gue_header) > packet.end)
		return XDP_DROP;
	write_macs(packet.eth, server->destination_mac);
	packet.eth->h_proto = bpf_htons(ETH_P_IP);
	write_outer(packet.ip, &inner, server, overhead);
	if (server->forwarding == FORWARD_GRE)
		*(struct gre_header *)behind = (struct gre_header){ .protocol = inner.protocol };
	if (server->forwarding == FORWARD_GUE)
		*(struct gue_header *)behind = (struct gue_header){
			.source = inner.flow_port,
			.destination = server->tunnel_port,
			.length = bpf_htons(inner.length + sizeof(struct gue_header)),
			.protocol = IPPROTO_IPIP,
		};
	return send_by(ctx, server->ifindex);
}
