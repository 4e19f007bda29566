/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The TCP option that tells a server behind full NAT who its client is. It goes into the client's segments behind the handshake's SYN until
 * the server answered one, as Alibaba's LVS and DPVS do it: their kernel modules read it from the segment that makes the connection.
 */
#pragma once

#include "nat.h"

#define TCP_OPTION_END 0
#define TCP_OPTION_NOP 1
#define TCP_OPTION_MSS 2
#define TCP_OPTION_MSS_LENGTH 4
#define TCP_MAX_HEADER 60

/* The other option that RFC 6994 leaves to experiments. */
#define UNKNOWN_KIND 253

/* Options that are looked through for the MSS, which everybody sends first. */
#define MAX_TCP_OPTIONS 8

static __always_inline __u32 toa_length(enum family family)
{
	return family == FAMILY_6 ? TOA_LENGTH6 : TOA_LENGTH;
}

static __always_inline __u32 ip_header_length(enum family family)
{
	return family == FAMILY_6 ? sizeof(struct ip6_header) : sizeof(struct iphdr);
}

/*
 * Whether the option fits: into the TCP header, and into the MTU of the way. Behind IP options or extension headers there are no clients that
 * anybody has to know, so such packets stay as they are.
 */
static __always_inline int takes_toa(enum family family, const struct packet *packet, const struct server *server)
{
	const struct tcphdr *tcp = packet->l4;
	__u32 length = packet->length + toa_length(family), limit = server->mtu ? server->mtu : 0xffff;

	if (packet_protocol(family, packet) != IPPROTO_TCP || !has_tcp_header(packet))
		return 0;
	if (tcp_flags(tcp) & (TCP_SYN | TCP_RST) || tcp->doff * 4 + toa_length(family) > TCP_MAX_HEADER)
		return 0;
	if (packet->l4 != (void *)packet->ip + ip_header_length(family) || length > limit)
		return 0;
	return family == FAMILY_6 ? !packet->fragment : !is_fragment(packet);
}

/* What the lengths in the headers add to TCP's checksum is there already: the length of the pseudo header is one of them. */
static __always_inline void lengthen(enum family family, void *ip_header, struct tcphdr *tcp)
{
	const __u32 length = toa_length(family);
	__be16 *words = (__be16 *)tcp;
	struct ip6_header *ip6 = ip_header;
	struct iphdr *ip = ip_header;
	__be16 before, after;
	__u64 change;

	before = family == FAMILY_6 ? ip6->payload_length : ip->tot_len;
	after = bpf_htons(bpf_ntohs(before) + length);
	change = checksum_change_half(before, after);
	if (family == FAMILY_6) {
		ip6->payload_length = after;
	} else {
		ip->check = checksum_changed(ip->check, change);
		ip->tot_len = after;
	}
	before = words[6];
	tcp->doff += length / 4;
	change += checksum_change_half(before, words[6]);
	tcp->check = checksum_changed(tcp->check, change);
}

/*
 * Inserts the option, right behind TCP's fixed header. Without headroom the packet goes on without it, for another one may bring it. All
 * pointers into the packet are void afterwards.
 */
static __always_inline void add_toa(enum family family, struct xdp_md *ctx, const struct address6 *client, __be16 port)
{
	const __u32 headers = sizeof(struct ethhdr) + ip_header_length(family) + sizeof(struct tcphdr);
	__u32 first = bpf_htonl(TOA_KIND << 24 | toa_length(family) << 16), i;
	__u32 *option;
	struct tcphdr *tcp;
	__u64 sum;
	void *data;

	if (bpf_xdp_adjust_head(ctx, -(int)toa_length(family)))
		return;
	data = (void *)(long)ctx->data;
	if (data + headers + toa_length(family) > (void *)(long)ctx->data_end)
		return;
	/* What lies behind TCP's fixed header stays. */
	move_up(data, toa_length(family), headers);
	tcp = data + headers - sizeof(struct tcphdr);
	option = data + headers;
	first |= (__u32)port << 16;
	option[0] = first;
	sum = first;
#pragma unroll
	for (i = 0; i < (toa_length(family) - 4) / 4; i++) {
		option[i + 1] = client->word[i];
		sum += client->word[i];
	}
	lengthen(family, data + sizeof(struct ethhdr), tcp);
	tcp->check = checksum_changed(tcp->check, sum);
}

/*
 * Nobody but the director says who a client is: servers believe the first option, and one of this kind that a client put there himself becomes
 * one that nobody knows. Ours may stand before it, but where the header is full there is none.
 */
static __always_inline void disown_toa(struct packet *packet)
{
	const struct tcphdr *tcp = packet->l4;
	__u8 *option = packet->l4 + sizeof(*tcp);
	__be16 *word = (__be16 *)option, before;

	if (tcp->doff * 4 <= sizeof(*tcp) || (void *)(option + 2) > packet->end || ends_before(packet, option + 1) || option[0] != TOA_KIND)
		return;
	before = *word;
	option[0] = UNKNOWN_KIND;
	((struct tcphdr *)packet->l4)->check = checksum_changed(tcp->check, checksum_change_half(before, *word));
}

/*
 * Leaves room for the option in the client's segments: the MSS that a server's SYN announces becomes so much less. One that is not among the
 * first options stays as it is; then the option goes with the segments alone that are short enough.
 */
static __always_inline void lower_mss(struct packet *packet, __u32 by)
{
	struct tcphdr *tcp = packet->l4;
	__u32 i, at = sizeof(*tcp), header = tcp->doff * 4;
	__u16 mss, before;
	__u8 *option;

	if (!has_tcp_options(packet))
		return;
	for (i = 0; i < MAX_TCP_OPTIONS; i++) {
		if (at + TCP_OPTION_MSS_LENGTH > header || at > TCP_MAX_HEADER)
			return;
		option = packet->l4 + at;
		if ((void *)(option + TCP_OPTION_MSS_LENGTH) > packet->end || option[0] == TCP_OPTION_END)
			return;
		if (option[0] == TCP_OPTION_NOP) {
			at++;
			continue;
		}
		if (option[0] == TCP_OPTION_MSS && option[1] == TCP_OPTION_MSS_LENGTH)
			break;
		if (option[1] < 2)
			return;
		at += option[1];
	}
	if (i == MAX_TCP_OPTIONS || at & 1)
		return;
	before = (__u16)option[2] << 8 | option[3];
	if (before <= by)
		return;
	mss = before - by;
	option[2] = mss >> 8;
	option[3] = (__u8)mss;
	tcp->check = checksum_changed(tcp->check, checksum_change_half(bpf_htons(before), bpf_htons(mss)));
}
