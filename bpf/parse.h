/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From a frame to an IP packet of a virtual address. Everything that is not one stays the stack's business. */
#pragma once

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>

#include "conn.h"

#define IP_DF 0x4000
#define IP_MF 0x2000
#define IP_OFFSET 0x1fff

/* RFC 8200. The kernel's own header cuts the traffic class in two. */
struct ip6_header {
	__u8 version_and_class;
	__u8 class_and_flow[3];
	__be16 payload_length;
	__u8 next;
	__u8 hop_limit;
	struct address6 source;
	struct address6 destination;
};

struct packet {
	struct ethhdr *eth;
	union {
		struct iphdr *ip;
		struct ip6_header *ip6;
	};
	void *l4;
	void *end;
	__u32 length; /* of the IP packet */
	/* Of IPv6 only, whose headers it takes a walk to read. */
	__u32 protocol;
	__u32 l4_offset; /* in the frame */
	__be32 fragment_id;
	__u8 fragment;       /* part of a datagram */
	__u8 later_fragment; /* and not the first */
};

/* The ports lie at the same place in TCP, UDP and SCTP. */
struct ports {
	__be16 source;
	__be16 destination;
};

/* TCP flags as they lie in the header's fourteenth byte. */
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10
#define TCP_DECISIVE (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK)

static __always_inline __u8 tcp_flags(const void *l4)
{
	return ((const __u8 *)l4)[13];
}

/* One bit per hash of an address: clear means that the address is not among those meant. */
static __always_inline int filter_has(const __u64 *filter, __be32 address)
{
	__u32 bit = (address * 0x9e3779b1u) >> 20;

	return (filter[bit >> 6 & (ADDRESS_FILTER_BITS / 64 - 1)] >> (bit & 63)) & 1;
}

static __always_inline int may_be_virtual(__be32 address)
{
	return filter_has(settings.address_filter, address);
}

/*
 * From a server that is masqueraded, or to a local address or where tunnels start: routers on the way to a server report errors there.
 */
static __always_inline int may_be_reply(__be32 source, __be32 destination)
{
	return settings.flags & (SETTING_MASQUERADE | SETTING_TUNNEL) &&
	       (filter_has(settings.reply_filter, source) || filter_has(settings.reply_filter, destination));
}

/* A frame that the bridge or a promiscuous port shows us, but that is addressed to another machine (or to many), is not ours to forward. */
static __always_inline int is_for_us(const struct ethhdr *eth)
{
	__u64 destination = *(const __u64 *)eth & bpf_cpu_to_be64(0xffffffffffff0000ULL);
	__u32 i;

	if (destination == settings.port_macs[0])
		return 1;
	for (i = 1; i < MAX_PORTS; i++) {
		if (i >= settings.port_count)
			return 0;
		if (destination == settings.port_macs[i])
			return 1;
	}
	return 0;
}

/*
 * Moves the first `bytes` of a frame, a multiple of two, to where it begins now that it has `by` bytes more before it. Both are constants, and
 * `by` is not less than eight.
 */
static __always_inline void move_up(void *to, __u32 by, __u32 bytes)
{
	const void *from = to + by;
	__u32 i;

#pragma unroll
	for (i = 0; i < bytes / 8; i++)
		((__u64 *)to)[i] = ((const __u64 *)from)[i];
#pragma unroll
	for (i = bytes / 8 * 4; i < bytes / 2; i++)
		((__u16 *)to)[i] = ((const __u16 *)from)[i];
}

/* Finds the IPv4 header. False for anything else. */
static __always_inline int parse_ipv4(struct xdp_md *ctx, struct packet *packet)
{
	void *data = (void *)(long)ctx->data;
	const __be16 *type = data + offsetof(struct ethhdr, h_proto);

	packet->end = (void *)(long)ctx->data_end;
	packet->eth = data;
	packet->ip = data + sizeof(struct ethhdr);
	if ((void *)(packet->ip + 1) > packet->end)
		return 0;
	/* struct ethhdr is packed: by its field the compiler would take two steps. */
	return *type == bpf_htons(ETH_P_IP);
}

/*
 * Whether an IP packet of this length is in the frame. Of a long frame the first buffer ends before. Pointers are subtracted, for nothing may
 * be added to one on Linux 6.1, whose verifier forgets how large a number is at most once its bytes were swapped.
 */
static __always_inline int is_complete(struct xdp_md *ctx, const struct packet *packet, __u32 length)
{
	return packet->end - (void *)packet->ip >= length || length + sizeof(struct ethhdr) <= bpf_xdp_get_buff_len(ctx);
}

/* Whether the packet ends before this place; what follows it in the frame is padding. `packet->ip` is `ip6` as well. */
static __always_inline int ends_before(const struct packet *packet, const void *at)
{
	return at - (const void *)packet->ip > packet->length;
}

/* Checks what the stack would check of the IP header; the stack counts what is wrong, so it gets it. */
static __always_inline int parse_header(struct xdp_md *ctx, struct packet *packet)
{
	__u32 header = packet->ip->ihl * 4;

	packet->length = bpf_ntohs(packet->ip->tot_len);
	packet->l4 = (void *)packet->ip + header;
	if (packet->ip->version != 4 || header < sizeof(struct iphdr) || packet->length < header)
		return 0;
	return is_complete(ctx, packet, packet->length);
}

/* The same, and that there are ports behind the header. */
static __always_inline int parse_lengths(struct xdp_md *ctx, struct packet *packet)
{
	return parse_header(ctx, packet) && packet->length >= packet->ip->ihl * 4 + 8 && packet->l4 + 8 <= packet->end;
}

/* Of a packet whose headers were read. */
static __always_inline __u32 packet_protocol(enum family family, const struct packet *packet)
{
	return family == FAMILY_6 ? packet->protocol : packet->ip->protocol;
}

/* Of a transport header's protocol; others than these three are not asked about. */
static __always_inline __u32 conn_protocol(__u32 protocol)
{
	return protocol == IPPROTO_TCP ? CONN_TCP : protocol == IPPROTO_SCTP ? CONN_SCTP : CONN_UDP;
}

/* Whether it has connections here. */
static __always_inline int has_ports(__u32 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

static __always_inline int is_fragment(const struct packet *packet)
{
	return (packet->ip->frag_off & bpf_htons(IP_MF | IP_OFFSET)) != 0;
}

static __always_inline int is_later_fragment(const struct packet *packet)
{
	return (packet->ip->frag_off & bpf_htons(IP_OFFSET)) != 0;
}

static __always_inline int has_tcp_header(const struct packet *packet)
{
	return packet->l4 + sizeof(struct tcphdr) <= packet->end && !ends_before(packet, packet->l4 + sizeof(struct tcphdr));
}

/* Whether TCP's options lie in the packet: what is behind its end is in no checksum. */
static __always_inline int has_tcp_options(const struct packet *packet)
{
	const struct tcphdr *tcp = packet->l4;

	return packet->l4 - (void *)packet->ip + tcp->doff * 4 <= packet->length;
}

/* What an entry for the packet is found by. */
static __always_inline struct conn_key packet_key(const struct packet *packet, __u32 protocol, __u32 kind)
{
	const struct ports *ports = packet->l4;

	return conn_key(packet->ip->saddr, packet->ip->daddr, ports->source, ports->destination,
			protocol << META_PROTOCOL_SHIFT | kind);
}

static __always_inline struct fragment_key fragment_key(const struct packet *packet)
{
	struct fragment_key key = {
		.source = packet->ip->saddr,
		.destination = packet->ip->daddr,
		.id = packet->ip->id,
		.protocol = packet->ip->protocol,
	};

	return key;
}
