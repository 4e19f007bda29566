/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* TCP segments that the SYN proxy makes of those that it gets: other lengths, other headers, other sequence numbers. */
#pragma once

#include "cookie.h"
#include "forward.h"
#include "tcp_options.h"

#define SYN_OPTION_BYTES 12
#define SEGMENT_WORDS ((sizeof(struct tcp_header) + SYN_OPTION_BYTES) / 4 + 1)

/* What a cookie can say of the client's largest segment; the greatest that is not above counts. 536 is what TCP assumes (RFC 9293, 3.7.1). */
static __always_inline __u32 segment_size(__u32 index)
{
	return index == 3 ? 1460 : index == 2 ? 1420 : index == 1 ? 1220 : 536;
}

static __always_inline __u32 segment_index(__u32 size)
{
	return (size >= 1220) + (size >= 1420) + (size >= 1460);
}

static __always_inline __u32 l4_offset(const struct packet *packet)
{
	return (void *)packet->l4 - (void *)packet->eth;
}

/* A TCP segment that is whole, whose header follows that of IP at once: for others no handshake is made. */
static __always_inline int parse_segment(enum family family, struct xdp_md *ctx, struct packet *packet)
{
	if (family == FAMILY_6) {
		if (!parse_ipv6(ctx, packet) || !parse_header6(ctx, packet) || !parse_plain6(packet) || packet->protocol != IPPROTO_TCP)
			return 0;
	} else {
		if (!parse_ipv4(ctx, packet) || packet->ip->ihl != 5 || is_fragment(packet) || packet->ip->protocol != IPPROTO_TCP)
			return 0;
		packet->l4 = packet->ip + 1;
		packet->length = bpf_ntohs(packet->ip->tot_len);
		if (packet->ip->version != 4)
			return 0;
	}
	return has_tcp_header(packet);
}

/* Where the TCP header begins in a frame of parse_segment(). */
static __always_inline __u32 plain_offset(enum family family)
{
	return sizeof(struct ethhdr) + (family == FAMILY_6 ? sizeof(struct ip6_header) : sizeof(struct iphdr));
}

/* More than any segment grows here. */
#define GROWTH 16

/* The headers up to TCP's ports, which is all that stays. False where there is no room. */
static __always_inline int grow_segment(enum family family, struct xdp_md *ctx)
{
	const __u32 headers = plain_offset(family) + sizeof(struct ports);
	void *data;

	if (bpf_xdp_adjust_head(ctx, -GROWTH))
		return 0;
	data = (void *)(long)ctx->data;
	if (data + GROWTH + headers > (void *)(long)ctx->data_end)
		return 0;
	move_up(data, GROWTH, headers);
	return 1;
}

/*
 * Makes the frame so long that `bytes` of TCP fit exactly, and finds everything in it again. It grows before its beginning, where there is
 * room for tunnels: behind its end a frame in generic mode has none. False where there is no room.
 */
static __always_inline int resize_segment(enum family family, struct xdp_md *ctx, struct packet *packet, __u32 bytes)
{
	__u32 wanted = plain_offset(family) + bytes, is = bpf_xdp_get_buff_len(ctx);
	__be16 before;

	if (wanted > is) {
		if (!grow_segment(family, ctx))
			return 0;
		is += GROWTH;
	}
	if (wanted != is && bpf_xdp_adjust_tail(ctx, (int)(wanted - is)))
		return 0;
	packet->eth = (void *)(long)ctx->data;
	packet->end = (void *)(long)ctx->data_end;
	packet->ip = (void *)(packet->eth + 1);
	packet->l4 = (void *)packet->eth + plain_offset(family);
	if ((void *)packet->l4 + sizeof(struct tcp_header) > packet->end)
		return 0;
	packet->length = wanted - sizeof(struct ethhdr);
	if (family == FAMILY_6) {
		packet->ip6->payload_length = bpf_htons(bytes);
	} else {
		before = packet->ip->tot_len;
		packet->ip->tot_len = bpf_htons(packet->length);
		packet->ip->check = checksum_changed(packet->ip->check, checksum_change_half(before, packet->ip->tot_len));
	}
	return 1;
}

/* Computes the checksum of a segment without data, but for one byte that is zero. */
static __always_inline void write_tcp_check(enum family family, struct packet *packet, __u32 bytes)
{
	struct tcp_header *tcp = packet->l4;
	const __u32 *word = packet->l4;
	__u64 sum = bpf_htons(IPPROTO_TCP) + bpf_htons(bytes);
	__u32 i;

	tcp->check = 0;
	if (family == FAMILY_6) {
		for (i = 0; i < 4; i++)
			sum += (__u64)packet->ip6->source.word[i] + packet->ip6->destination.word[i];
	} else {
		sum += (__u64)packet->ip->saddr + packet->ip->daddr;
	}
	for (i = 0; i < SEGMENT_WORDS; i++) {
		if ((void *)(word + i + 1) > packet->end)
			break;
		sum += word[i];
	}
	tcp->check = checksum_fold(sum);
}

/* Options of a SYN, or of the answer to one, in twelve bytes at most; returns the length of the whole header. */
static __always_inline __u32 syn_bytes(int sack, int scaled)
{
	return sizeof(struct tcp_header) + 4 + (sack ? 4 : 0) + (scaled ? 4 : 0);
}

/* The frame has room for them all when `bytes` (syn_bytes()) says so. */
static __always_inline void write_syn_options(struct packet *packet, __u32 size, int sack, int scaled, __u32 scale)
{
	__be32 *option = (void *)packet->l4 + sizeof(struct tcp_header);

	if ((void *)(option + 1) > packet->end)
		return;
	*option++ = bpf_htonl(TCP_OPTION_SEGMENT << 24 | 4 << 16 | size);
	if (sack) {
		if ((void *)(option + 1) > packet->end)
			return;
		*option++ = bpf_htonl(TCP_OPTION_NONE << 24 | TCP_OPTION_NONE << 16 | TCP_OPTION_SACK_PERMITTED << 8 | 2);
	}
	if (scaled) {
		if ((void *)(option + 1) > packet->end)
			return;
		*option = bpf_htonl(TCP_OPTION_NONE << 24 | TCP_OPTION_SCALE << 16 | 3 << 8 | scale);
	}
}

/* All of a TCP header but its ports, which stay. */
static __always_inline void write_tcp(struct packet *packet, __u32 sequence, __u32 acknowledged, __u8 flags, __u16 window, __u32 header_bytes)
{
	struct tcp_header *tcp = packet->l4;

	tcp->sequence = bpf_htonl(sequence);
	tcp->acknowledged = bpf_htonl(acknowledged);
	tcp->words = header_bytes / 4 << 4;
	tcp->flags = flags;
	tcp->window = bpf_htons(window);
	tcp->urgent = 0;
}

#define ANSWER_HOPS 64

/* From where it was to, to where it was from. */
static __always_inline void turn_around(enum family family, struct packet *packet)
{
	struct ethhdr frame = *packet->eth;
	struct ports *ports = packet->l4;
	struct address6 address6;
	__be32 address;
	__be16 port = ports->source;

	__builtin_memcpy(packet->eth->h_dest, frame.h_source, ETH_ALEN);
	__builtin_memcpy(packet->eth->h_source, frame.h_dest, ETH_ALEN);
	ports->source = ports->destination;
	ports->destination = port;
	if (family == FAMILY_6) {
		address6 = packet->ip6->source;
		packet->ip6->source = packet->ip6->destination;
		packet->ip6->destination = address6;
		packet->ip6->hop_limit = ANSWER_HOPS;
		return;
	}
	address = packet->ip->saddr;
	packet->ip->saddr = packet->ip->daddr;
	packet->ip->daddr = address;
	packet->ip->check = checksum_changed(packet->ip->check, checksum_change_half(bpf_htons(packet->ip->ttl << 8), bpf_htons(ANSWER_HOPS << 8)));
	packet->ip->ttl = ANSWER_HOPS;
}

/* Adds to one of the sequence numbers, and keeps the checksum right. */
static __always_inline void shift_number(struct tcp_header *tcp, __be32 *number, __u32 by)
{
	__be32 after = bpf_htonl(bpf_ntohl(*number) + by);

	tcp->check = checksum_changed(tcp->check, checksum_change(*number, after));
	*number = after;
}

/*
 * The same for the blocks of selective acknowledgements. They may lie anywhere: in a sum of 16-bit words, what lies at an odd place counts
 * with its bytes swapped (RFC 1071, 2 B).
 */
__noinline int shift_sack(struct xdp_md *ctx, __u32 offset, __u32 sack_at, __u32 numbers, __u32 by)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct tcp_header *tcp;
	__u32 i, after;
	__u16 change;
	__be32 *number;
	__u64 sum = 0;

	if (offset > MAX_TCP_OFFSET || sack_at > MAX_TCP_OFFSET + 60)
		return 0;
	tcp = data + offset;
	if ((void *)(tcp + 1) > end)
		return 0;
	for (i = 0; i < MAX_SACK_BLOCKS * 2; i++) {
		number = data + sack_at + i * 4;
		if (i >= numbers || (void *)(number + 1) > end)
			break;
		after = bpf_htonl(bpf_ntohl(*number) + by);
		sum += checksum_change(*number, after);
		*number = after;
	}
	change = ~checksum_fold(sum);
	if ((sack_at - offset) & 1)
		change = change << 8 | change >> 8;
	tcp->check = checksum_changed(tcp->check, change);
	return 1;
}
