/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Connections that the SYN proxy made (see syn_proxy.h): what is remembered of them, and how their segments get the numbers and windows that
 * the other side knows.
 */
#pragma once

#include "admit_packet.h"
#include "reply.h"
#include "segment.h"

static __always_inline int syn_proxy_key(enum family family, struct conn_key6 *key, const struct packet *packet, __u32 kind)
{
	const struct ports *ports = packet->l4;

	if (family == FAMILY_6)
		read_key6(key, packet->ip6, packet->l4, CONN_TCP << META_PROTOCOL_SHIFT | META_PROXIED | kind);
	else
		key->core = conn_key(packet->ip->saddr, packet->ip->daddr, ports->source, ports->destination,
				     CONN_TCP << META_PROTOCOL_SHIFT | META_PROXIED | kind);
	return 1;
}

static __always_inline struct proxied *proxied_of(enum family family, const struct conn *conn)
{
	struct proxied_key key = proxied_key(family, conn);

	return bpf_map_lookup_elem(&proxied, &key);
}

/* What the client acknowledges is the cookie's numbers; the server knows its own. */
static __always_inline int to_servers_numbers(struct xdp_md *ctx, struct packet *packet, const struct proxied *proxied)
{
	__u32 difference = proxied->difference, offset = l4_offset(packet);
	struct tcp_header *tcp = packet->l4;
	struct tcp_options options;

	if (offset > MAX_TCP_OFFSET || !has_tcp_options(packet))
		return 0;
	/* Without the flag none of it says anything. */
	if (!(tcp->flags & TCP_ACK))
		return 1;
	shift_number(tcp, &tcp->acknowledged, difference);
	if (tcp->words <= 5 << 4)
		return 1;
	if (!read_options(ctx, offset, &options))
		return 0;
	return !options.sack_at || shift_sack(ctx, offset, options.sack_at, options.sack_blocks * 2, difference);
}

static __always_inline int parse_any(enum family family, struct xdp_md *ctx, struct packet *packet)
{
	if (family == FAMILY_6)
		return parse_lengths6(ctx, packet) && !packet->later_fragment && has_tcp_header(packet);
	return parse_ipv4(ctx, packet) && parse_lengths(ctx, packet) && !is_later_fragment(packet) && has_tcp_header(packet);
}

/* The server's window as the client has been told to read it. */
static __always_inline __u16 scaled_window(const struct proxied *proxied, __be16 window)
{
	__u32 bytes = (__u32)bpf_ntohs(window) << (proxied->scale & 15);

	if (proxied->scaled)
		bytes >>= PROXY_SCALE;
	return bytes > 0xffff ? 0xffff : bytes;
}

/* The server's SYN/ACK becomes the byte that ends the client's waiting. False where it is not the one that was waited for. */
static __always_inline int hand_over(enum family family, struct xdp_md *ctx, struct packet *packet, struct proxied *proxied)
{
	const struct tcp_header *tcp = packet->l4;
	__u32 acknowledged = bpf_ntohl(tcp->acknowledged);
	struct tcp_options options;
	__u16 window;

	if (acknowledged != proxied->client_first + 1 || !(tcp->flags & TCP_ACK) || !read_options(ctx, plain_offset(family), &options))
		return 0;
	proxied->difference = bpf_ntohl(tcp->sequence) - proxied->cookie;
	proxied->scale = options.scale == SCALE_UNSAID ? 0 : options.scale;
	window = bpf_ntohs(tcp->window);
	if (proxied->scaled)
		window >>= PROXY_SCALE;
	*(volatile __u16 *)&proxied->answered = 1;
	if (!resize_segment(family, ctx, packet, sizeof(*tcp) + 1) || packet->l4 + sizeof(*tcp) + 1 > packet->end)
		return 0;
	write_tcp(packet, proxied->cookie, acknowledged, TCP_ACK, window ? window : 1, sizeof(*tcp));
	((__u8 *)packet->l4)[sizeof(*tcp)] = 0;
	write_tcp_check(family, packet, sizeof(*tcp) + 1);
	return 1;
}

/* A server's segment gets the cookie's numbers. False where it cannot be handed on. */
static __always_inline int to_clients_numbers(enum family family, struct xdp_md *ctx, struct packet *packet, struct proxied *proxied)
{
	struct tcp_header *tcp = packet->l4;
	__be16 window;

	if (tcp->flags & TCP_SYN)
		return parse_segment(family, ctx, packet) && hand_over(family, ctx, packet, proxied);
	if (!proxied->answered) {
		if (!(tcp->flags & TCP_RST))
			return 0;
		/* The server refuses. It does not know its own first number; the client would only believe the cookie's. */
		shift_number(tcp, &tcp->sequence, proxied->cookie + 1 - bpf_ntohl(tcp->sequence));
		return 1;
	}
	shift_number(tcp, &tcp->sequence, -proxied->difference);
	window = bpf_htons(scaled_window(proxied, tcp->window));
	tcp->check = checksum_changed(tcp->check, checksum_change_half(tcp->window, window));
	tcp->window = window;
	return 1;
}

static __always_inline int answer_of(enum family family, struct xdp_md *ctx, const struct conn *conn)
{
	struct proxied *proxied = proxied_of(family, conn);
	struct packet packet;

	return proxied && parse_any(family, ctx, &packet) && to_clients_numbers(family, ctx, &packet, proxied);
}

/*
 * The same for the segment as it is in the frame, which may become another one: all pointers into the packet are void afterwards. Not inline,
 * so that the verifier sees it once and not again in each program that has replies.
 */
__noinline int proxied_answer(struct xdp_md *ctx, struct conn *conn)
{
	return conn ? answer_of(FAMILY_4, ctx, conn) : 0;
}

__noinline int proxied_answer6(struct xdp_md *ctx, struct conn *conn)
{
	return conn ? answer_of(FAMILY_6, ctx, conn) : 0;
}
