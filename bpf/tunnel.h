/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tunnels to real servers: IP in IP (RFC 2003, RFC 2473), GRE (RFC 2784) and Generic UDP Encapsulation (variant 0), either family in either,
 * with or without checksums of their own. The outer header is made as IPVS makes it.
 */
#pragma once

#include "checksum.h"
#include "send.h"

#define ETHERTYPE_OF(ip_protocol) bpf_htons((ip_protocol) == IPPROTO_IPV6 ? ETH_P_IPV6 : ETH_P_IP)

#define IP_ECN_MASK 3
#define IP_ECN_ECT_0 2
#define IP_ECN_CE 3

#define GRE_CHECKSUM 0x8000

/* RFC 2784: the checksum, and two reserved bytes, only where the flag says so. */
struct gre_header {
	__be16 flags;
	__be16 protocol;
	__be16 check;
	__be16 reserved;
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
	__u8 protocol; /* IP's number for what a tunnel carries */
	__be16 flow_port; /* differs between flows, for those who spread by it */
};

/* What lies between the outer and the inner IP header. */
static __always_inline __u32 between_headers(const struct server *server)
{
	if (server->forwarding == FORWARD_GUE)
		return sizeof(struct gue_header);
	if (server->forwarding != FORWARD_GRE)
		return 0;
	return server->flags & SERVER_CHECKSUM ? sizeof(struct gre_header) : offsetof(struct gre_header, check);
}

/* From the dynamic ports, by the addresses; ports are left out, for the fragments of a datagram must not part. */
static __always_inline __be16 flow_port(__u32 addresses)
{
	return bpf_htons(0xc000 | addresses * 0x9e3779b1u >> 18);
}

/* ECN as RFC 6040's compatible mode has it: congestion met outside must not be marked inside before it happened. */
static __always_inline __u8 outer_tos(__u8 tos)
{
	return (tos & IP_ECN_MASK) == IP_ECN_CE ? (tos & ~IP_ECN_MASK) | IP_ECN_ECT_0 : tos;
}

static __always_inline __u8 outer_protocol(const struct inner *inner, const struct server *server)
{
	return server->forwarding == FORWARD_GUE ? IPPROTO_UDP : server->forwarding == FORWARD_GRE ? IPPROTO_GRE : inner->protocol;
}

static __always_inline void write_outer(struct iphdr *ip, const struct inner *inner, const struct server *server, __u32 payload)
{
	/* RFC 6864: what is never cut needs no number. */
	__u32 id = inner->fragment ? 0 : bpf_get_prandom_u32() & 0xffff;
	__u32 source = server->tunnel_source.word[0], destination = server->address.word[0];
	/* The header in words, as they lie in memory: five steps, and the sum of them is at hand. */
	__u32 version_tos_length = 0x45 | outer_tos(inner->tos) << 8 | (__u32)bpf_htons(sizeof(*ip) + payload) << 16;
	__u32 id_fragment = id | (__u32)inner->fragment << 16;
	__u32 ttl_protocol = inner->ttl | (__u32)outer_protocol(inner, server) << 8;
	__u16 check = checksum_fold((__u64)version_tos_length + id_fragment + ttl_protocol + source + destination);
	volatile __u32 *words = (volatile void *)ip;

	words[0] = version_tos_length;
	words[1] = id_fragment;
	words[2] = ttl_protocol | (__u32)check << 16;
	words[3] = source;
	words[4] = destination;
}

static __always_inline void write_outer6(struct ip6_header *ip6, const struct inner *inner, const struct server *server, __u32 payload)
{
	__u8 class = outer_tos(inner->tos);

	*ip6 = (struct ip6_header){
		.version_and_class = 6 << 4 | class >> 4,
		.class_and_flow[0] = class << 4,
		.payload_length = bpf_htons(payload),
		.next = outer_protocol(inner, server),
		.hop_limit = inner->ttl,
		.source = server->tunnel_source,
		.destination = server->address,
	};
}

/* What lies between the IP headers, `behind` the outer one. */
static __always_inline void write_between(void *behind, const struct inner *inner, const struct server *server)
{
	struct gre_header *gre = behind;

	if (server->forwarding == FORWARD_GRE) {
		gre->flags = 0;
		gre->protocol = ETHERTYPE_OF(inner->protocol);
		if (server->flags & SERVER_CHECKSUM)
			*gre = (struct gre_header){ .flags = bpf_htons(GRE_CHECKSUM), .protocol = gre->protocol };
	}
	if (server->forwarding == FORWARD_GUE)
		*(struct gue_header *)behind = (struct gue_header){
			.source = inner->flow_port,
			.destination = server->tunnel_port,
			.length = bpf_htons(inner->length + sizeof(struct gue_header)),
			.protocol = inner->protocol,
		};
}

/* False for a frame that is neither IPv4 nor IPv6. An IPv6 packet is never cut, but IPVS lets its IPv4 tunnel be. */
static __always_inline int read_inner(struct xdp_md *ctx, struct inner *inner)
{
	struct packet packet;

	if (parse_ipv4(ctx, &packet)) {
		inner->length = bpf_ntohs(packet.ip->tot_len);
		inner->fragment = packet.ip->frag_off & bpf_htons(IP_DF);
		inner->tos = packet.ip->tos;
		inner->ttl = packet.ip->ttl;
		inner->protocol = IPPROTO_IPIP;
		inner->flow_port = flow_port(packet.ip->saddr ^ packet.ip->daddr);
		return 1;
	}
	if (!parse_ipv6(ctx, &packet))
		return 0;
	inner->length = bpf_ntohs(packet.ip6->payload_length) + sizeof(struct ip6_header);
	inner->fragment = 0;
	inner->tos = packet.ip6->version_and_class << 4 | packet.ip6->class_and_flow[0] >> 4;
	inner->ttl = packet.ip6->hop_limit;
	inner->protocol = IPPROTO_IPV6;
	inner->flow_port = flow_port(fold(&packet.ip6->source) ^ fold(&packet.ip6->destination));
	return 1;
}

/*
 * The sum of `length` bytes of the frame, wherever its buffers lie; -1 when they are not there. Everything that a tunnel carries is summed
 * up: what the inner headers say about it need not be right.
 */
__noinline long sum_of_frame(struct xdp_md *ctx, __u32 offset, __u32 length)
{
	__u32 i, zero = 0;
	struct chunk *chunk = bpf_map_lookup_elem(&chunks, &zero);
	__s64 sum = 0;

	if (!chunk)
		return -1;
	/* Whole chunks first: with the rest in the same loop the verifier would follow each length through every turn. */
	for (i = 0; i < MAX_FRAME_BYTES / CHUNK_BYTES && length >= CHUNK_BYTES; i++) {
		if (bpf_xdp_load_bytes(ctx, offset, chunk, CHUNK_BYTES))
			return -1;
		sum = bpf_csum_diff(NULL, 0, (void *)chunk, CHUNK_BYTES, (__u32)sum);
		offset += CHUNK_BYTES;
		length -= CHUNK_BYTES;
	}
	if (!length)
		return sum;
	*chunk = (struct chunk){};
	/* Less 1 and 1 again, or the verifier of Linux 6.1 does not see that it is not 0. */
	length--;
	asm volatile("" : "+r"(length));
	if (length >= CHUNK_BYTES - 1 || bpf_xdp_load_bytes(ctx, offset, chunk, length + 1))
		return -1;
	return bpf_csum_diff(NULL, 0, (void *)chunk, CHUNK_BYTES, (__u32)sum);
}

/* Of GRE over its header and what it carries (RFC 2784); of GUE as of any UDP datagram. `length` counts from behind the outer IP header. */
static __always_inline int write_checksum(enum family outer, struct xdp_md *ctx, const struct server *server, __u32 length)
{
	__u32 at = sizeof(struct ethhdr) + (outer == FAMILY_6 ? sizeof(struct ip6_header) : sizeof(struct iphdr));
	long sum = sum_of_frame(ctx, at, length);
	__u64 pseudo = 0;
	__u16 check;

	if (sum < 0)
		return 0;
	if (server->forwarding == FORWARD_GRE) {
		check = checksum_fold(sum);
		return !bpf_xdp_store_bytes(ctx, at + offsetof(struct gre_header, check), &check, sizeof(check));
	}
	/* The words of an IPv4 address that are not there are zero in the record. */
	pseudo = sum_of_address(&server->tunnel_source) + sum_of_address(&server->address) + bpf_htons(IPPROTO_UDP) + bpf_htons(length);
	check = checksum_fold((__u64)(__u32)sum + pseudo);
	if (!check)
		check = 0xffff;
	return !bpf_xdp_store_bytes(ctx, at + offsetof(struct gue_header, check), &check, sizeof(check));
}

static __always_inline int wrap(enum family outer, struct xdp_md *ctx, const struct server *server)
{
	__u32 between = between_headers(server);
	__u32 header = outer == FAMILY_6 ? sizeof(struct ip6_header) : sizeof(struct iphdr);
	struct inner inner;
	struct ethhdr *eth;
	void *behind;
	__be16 *type;

	if (!read_inner(ctx, &inner))
		return XDP_DROP;
	if (bpf_xdp_adjust_head(ctx, -(int)(header + between)))
		return drop(DROP_NO_HEADROOM);
	eth = (void *)(long)ctx->data;
	/* struct ethhdr is packed: by its field the compiler would take two steps. */
	type = (void *)eth + offsetof(struct ethhdr, h_proto);
	behind = (void *)(eth + 1) + header;
	if (behind + sizeof(struct gue_header) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	write_macs(eth, server->destination_mac);
	if (outer == FAMILY_6) {
		*type = bpf_htons(ETH_P_IPV6);
		write_outer6((void *)(eth + 1), &inner, server, inner.length + between);
	} else {
		*type = bpf_htons(ETH_P_IP);
		write_outer((void *)(eth + 1), &inner, server, inner.length + between);
	}
	write_between(behind, &inner, server);
	if (between && server->flags & SERVER_CHECKSUM && !write_checksum(outer, ctx, server, inner.length + between))
		return drop(DROP_NO_HEADROOM);
	return send_by(ctx, server->ifindex);
}

/* IPv4 in IPv4 without anything between, by far the most frequent tunnel: nothing is read twice, and nothing asked that is known. */
static __always_inline int forward_ipip(struct xdp_md *ctx, const struct packet *packet, const struct server *server)
{
	struct inner inner = {
		.length = packet->length,
		.fragment = packet->ip->frag_off & bpf_htons(IP_DF),
		.tos = packet->ip->tos,
		.ttl = packet->ip->ttl,
		.protocol = IPPROTO_IPIP,
	};
	struct ethhdr *eth;

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(struct iphdr)))
		return drop(DROP_NO_HEADROOM);
	eth = (void *)(long)ctx->data;
	if ((void *)(eth + 1) + sizeof(struct iphdr) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	write_macs(eth, server->destination_mac);
	*(__be16 *)((void *)eth + offsetof(struct ethhdr, h_proto)) = bpf_htons(ETH_P_IP);
	write_outer((void *)(eth + 1), &inner, server, inner.length);
	return send_by(ctx, server->ifindex);
}

/* Puts the headers of the server's tunnel before the packet, whose TTL is already one less. */
static __noinline int forward_tunnel(struct xdp_md *ctx, const struct server *server)
{
	return server->family == FAMILY_6 ? wrap(FAMILY_6, ctx, server) : wrap(FAMILY_4, ctx, server);
}
