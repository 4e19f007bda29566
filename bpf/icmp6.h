/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ICMPv6 (RFC 4443): errors about packets that a real server sent to a client, and the errors that the director sends itself. */
#pragma once

#include "icmp.h"

/* What an error of ours may quote, in words. */
#define MAX_QUOTED6 (IPV6_MIN_MTU - sizeof(struct ip6_header) - sizeof(struct icmp_header))

/* What an ICMPv6 error quotes. */
struct quotation {
	struct ip6_header *ip6;
	struct ports *ports;
	__u32 protocol;
};

/* Finds the quoted packet's headers; false for what is of no connection. */
static __always_inline int icmp6_quoted(struct xdp_md *ctx, const struct packet *outer, struct quotation *quoted)
{
	__u32 offset = outer->l4_offset + sizeof(struct icmp_header);
	struct headers headers = {};

	if (!walk_headers(ctx, offset, &headers) || headers.later_fragment || headers.offset > MAX_EXTENSION_BYTES * 4)
		return 0;
	quoted->ip6 = outer->l4 + sizeof(struct icmp_header);
	quoted->ports = (void *)outer->eth + headers.offset;
	quoted->protocol = headers.protocol;
	if ((void *)(quoted->ip6 + 1) > outer->end || (void *)(quoted->ports + 1) > outer->end)
		return 0;
	if (ends_before(outer, quoted->ports + 1))
		return 0;
	/* An error goes to whom the quoted packet came from, or it is none. */
	if (!is_same_address(&quoted->ip6->source, &outer->ip6->destination))
		return 0;
	return quoted->ip6->version_and_class >> 4 == 6 && has_ports(quoted->protocol);
}

/*
 * What the quoted packet belongs to: one that a real server sent under the virtual address has the reverse tuple of its connection, one that
 * was sent to a masqueraded server that of its way back (kind META_REPLY).
 */
static __always_inline struct conn_key6 quoted_tuple(const struct quotation *quoted, __u32 kind)
{
	__u32 ports = (__u32)quoted->ports->source << 16 | quoted->ports->destination;

	return tuple6(&quoted->ip6->destination, &quoted->ip6->source, ports, conn_protocol(quoted->protocol) << META_PROTOCOL_SHIFT | kind);
}

/* An endpoint of the quoted packet, and in the checksum also the address of the outer header that becomes the same one. */
static __always_inline void rewrite_quoted6(struct packet *outer, struct address6 *quoted, __be16 *quoted_port, struct address6 *outer_address,
					    const struct address6 *address, __be16 port)
{
	struct icmp_header *icmp = outer->l4;
	__u64 change = checksum_change6(quoted, address) + checksum_change6(outer_address, address) + checksum_change_half(*quoted_port, port);

	*quoted = *address;
	*quoted_port = port;
	*outer_address = *address;
	icmp->checksum = checksum_changed(icmp->checksum, change);
}

/* A masqueraded server knows the quoted packet under its own address and port, and the error goes there. */
static __always_inline void rewrite_quoted_source6(struct packet *outer, struct quotation *quoted, const struct server *server, __be16 port)
{
	rewrite_quoted6(outer, &quoted->ip6->source, &quoted->ports->source, &outer->ip6->destination, &server->address, port);
}

/* The sum of `length` bytes from `at`, the last word filled up with zeros; of fewer if the frame ends before. */
static __always_inline __u64 sum_of(const void *at, __u32 length, const void *end)
{
	const __u8 *byte;
	__u64 sum = 0;
	__u32 i;

#pragma clang loop unroll(disable)
	for (i = 0; i < MAX_QUOTED6 / 4 + 2; i++) {
		if (length < 4 || at + 4 > end)
			break;
		sum += *(const __u32 *)at;
		at += 4;
		length -= 4;
	}
	byte = at;
	for (i = 0; i < 3; i++) {
		if (i >= length || (const void *)(byte + i + 1) > end)
			break;
		sum += (__u32)byte[i] << (8 * i);
	}
	return sum;
}

/* As is_quotable(): finds the headers, and how much of the packet is there. */
static __always_inline int is_quotable6(struct xdp_md *ctx, struct packet *packet)
{
	__u32 in_frame = (__u32)bpf_xdp_get_buff_len(ctx) - sizeof(struct ethhdr);
	struct headers headers = {};

	if (!parse_ipv6(ctx, packet) || !walk_headers(ctx, sizeof(struct ethhdr), &headers))
		return 0;
	packet->length = bpf_ntohs(packet->ip6->payload_length) + sizeof(struct ip6_header);
	if (packet->length > in_frame)
		packet->length = in_frame;
	packet->protocol = headers.protocol;
	packet->later_fragment = headers.later_fragment;
	return 1;
}

/*
 * Turns the packet into an ICMPv6 error to its sender: as much of it as the least MTU has room for stays where it is, and new headers go
 * before it. As in IPv4, no error about an error nor about a later fragment.
 */
static __always_inline int icmp_reply6(struct xdp_md *ctx, const struct scratch *scratch, __u32 port)
{
	struct address6 client, virtual;
	struct icmp_header *icmp;
	__u32 quoted, excess;
	struct packet packet;
	struct ethhdr eth;
	__u64 sum;

	if (!is_quotable6(ctx, &packet) || packet.protocol == NEXT_ICMP6 || packet.later_fragment)
		return XDP_DROP;
	quoted = packet.length < MAX_QUOTED6 ? packet.length : MAX_QUOTED6;
	eth = *packet.eth;
	client = packet.ip6->source;
	virtual = scratch->icmp_source;
	if (is_unspecified(&virtual))
		virtual = packet.ip6->destination;
	excess = (__u32)bpf_xdp_get_buff_len(ctx) - sizeof(eth) - quoted;
	if (bpf_xdp_adjust_tail(ctx, -(int)excess) || bpf_xdp_adjust_head(ctx, -(int)(sizeof(struct ip6_header) + sizeof(*icmp))))
		return XDP_DROP;
	packet.eth = (void *)(long)ctx->data;
	packet.end = (void *)(long)ctx->data_end;
	packet.ip6 = (void *)(packet.eth + 1);
	icmp = (void *)(packet.ip6 + 1);
	if ((void *)(icmp + 1) > packet.end)
		return XDP_DROP;
	answer_frame(packet.eth, &eth);
	*packet.ip6 = (struct ip6_header){
		.version_and_class = 6 << 4,
		.payload_length = bpf_htons(sizeof(*icmp) + quoted),
		.next = NEXT_ICMP6,
		.hop_limit = 64,
		.source = virtual,
		.destination = client,
	};
	*icmp = (struct icmp_header){ .type = scratch->icmp_type, .code = scratch->icmp_code, .rest = bpf_htonl(scratch->icmp_info) };
	sum = sum_of_address(&virtual) + sum_of_address(&client) + packet.ip6->payload_length + bpf_htons(NEXT_ICMP6);
	icmp->checksum = checksum_fold(sum + sum_of(icmp, sizeof(*icmp) + quoted, packet.end));
	return send_error(ctx, port);
}
