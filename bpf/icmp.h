/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ICMP: errors about packets that a real server sent to a client, and the errors that the director sends itself. */
#pragma once

#include "serve.h"

/* RFC 792. The kernel's own header drags the C library in. */
struct icmp_header {
	__u8 type;
	__u8 code;
	__u16 checksum;
	__be32 rest;
};

/* 60 bytes of header with all options, and eight behind it, in words. */
#define MAX_QUOTED_WORDS 17

static __always_inline int is_icmp_error(__u8 type)
{
	return type == ICMP_UNREACHABLE || type == ICMP_SOURCE_QUENCH || type == ICMP_TIME_EXCEEDED;
}

/*
 * What an ICMP error quotes. A packet that was sent by a real server under the virtual address has the reverse tuple of its connection; one
 * that was sent to a masqueraded server that of its way back (kind META_REPLY).
 */
static __always_inline int icmp_quoted_key(const struct packet *outer, __u32 kind, struct conn_key *key)
{
	const struct iphdr *ip = outer->l4 + sizeof(struct icmp_header);
	const struct ports *ports;
	__u32 header;

	if ((void *)(ip + 1) > outer->end)
		return 0;
	header = ip->ihl * 4;
	if (ip->version != 4 || header < sizeof(*ip) || ip->frag_off & bpf_htons(IP_OFFSET))
		return 0;
	if (!has_ports(ip->protocol))
		return 0;
	/* An error goes to whom the quoted packet came from, or it is none. */
	if (ip->saddr != outer->ip->daddr)
		return 0;
	ports = (void *)ip + header;
	if ((void *)(ports + 1) > outer->end || ends_before(outer, ports + 1))
		return 0;
	*key = conn_key(ip->daddr, ip->saddr, ports->destination, ports->source,
			conn_protocol(ip->protocol) << META_PROTOCOL_SHIFT | kind);
	return 1;
}

/* By how much the server's sequence numbers differ from those that the client knows: 0 but where the SYN proxy made the connection. */
static __noinline __u32 numbers_difference(const struct conn *conn, enum family family)
{
	struct proxied_key key = family == FAMILY_6 ? proxied_key(FAMILY_6, conn) : proxied_key(FAMILY_4, conn);
	struct proxied *entry = bpf_map_lookup_elem(&proxied, &key);

	return entry && entry->answered ? entry->difference : 0;
}

/* A server looks whether the quoted sequence number is one that it has sent. It lies behind the ports. */
static __always_inline void rewrite_quoted_number(struct packet *outer, struct ports *ports, __u32 difference)
{
	struct icmp_header *icmp = outer->l4;
	__be32 *number = (void *)(ports + 1), after;

	if (!difference || (void *)(number + 1) > outer->end || ends_before(outer, number + 1))
		return;
	after = bpf_htonl(bpf_ntohl(*number) + difference);
	icmp->checksum = checksum_changed(icmp->checksum, checksum_change(*number, after));
	*number = after;
}

/* Which endpoints the packet that an ICMP error quotes is given: those that the error's addressee knows it under. */
struct quoted_ends {
	__be32 source;
	__be32 destination;
	__be16 source_port;
	__be16 destination_port;
};

/* Addresses and ports of the quoted packet, and both checksums that count them. */
static __always_inline int rewrite_quoted(struct packet *outer, const struct quoted_ends *ends, __u32 difference)
{
	struct icmp_header *icmp = outer->l4;
	struct iphdr *ip = outer->l4 + sizeof(*icmp);
	__u64 change, header_change;
	struct ports *ports;
	__u16 check;

	if ((void *)(ip + 1) > outer->end)
		return 0;
	ports = (void *)ip + ip->ihl * 4;
	if ((void *)(ports + 1) > outer->end)
		return 0;
	header_change = checksum_change(ip->saddr, ends->source) + checksum_change(ip->daddr, ends->destination);
	check = checksum_changed(ip->check, header_change);
	change = header_change + checksum_change_half(ip->check, check) + checksum_change_half(ports->source, ends->source_port) +
		 checksum_change_half(ports->destination, ends->destination_port);
	ip->saddr = ends->source;
	ip->daddr = ends->destination;
	ip->check = check;
	ports->source = ends->source_port;
	ports->destination = ends->destination_port;
	icmp->checksum = checksum_changed(icmp->checksum, change);
	rewrite_quoted_number(outer, ports, difference);
	return 1;
}

/* A packet to a client, sent under the virtual endpoint that is in `key`, as its server knows it: from the server's own. */
static __always_inline struct quoted_ends ends_of_server(const struct conn_key *key, const struct server *server)
{
	struct quoted_ends ends = {
		.source = server->address.word[0],
		.destination = (__be32)key->addresses,
		.source_port = server->port ? server->port : (__be16)(key->ports >> 16),
		.destination_port = (__be16)key->ports,
	};

	return ends;
}

/* The checksum of `words` 32-bit words from `at`; fewer if the frame ends before. */
static __always_inline __u16 checksum(const void *at, __u32 words, const void *end)
{
	const __u32 *word = at;
	__u64 sum = 0;
	__u32 i;

	for (i = 0; i < MAX_QUOTED_WORDS + 2; i++) {
		if (i >= words || (const void *)(word + i + 1) > end)
			break;
		sum += word[i];
	}
	return checksum_fold(sum);
}

/* A full bucket each second, per CPU. */
static __always_inline int icmp_allowed(struct scratch *scratch, __u32 now)
{
	if (now - scratch->icmp_refilled >= settings.hz) {
		scratch->icmp_refilled = now;
		scratch->icmp_budget = ICMP_PER_SECOND;
	}
	if (!scratch->icmp_budget)
		return 0;
	scratch->icmp_budget--;
	return 1;
}

/* Back to where the frame came from. */
static __always_inline void answer_frame(struct ethhdr *answer, const struct ethhdr *frame)
{
	__builtin_memcpy(answer->h_dest, frame->h_source, ETH_ALEN);
	__builtin_memcpy(answer->h_source, frame->h_dest, ETH_ALEN);
	answer->h_proto = frame->h_proto;
}

/* Whether there is what an error quotes. The packet was read before; of one that itself was quoted the end may be missing. */
static __always_inline int is_quotable(struct packet *packet)
{
	__u32 header = packet->ip->ihl * 4;

	packet->l4 = (void *)packet->ip + header;
	return packet->ip->version == 4 && header >= sizeof(struct iphdr) && packet->l4 + ICMP_QUOTED_BYTES <= packet->end;
}

/* Out of the given port, or else of the one that the packet came in by. */
static __always_inline int send_error(struct xdp_md *ctx, __u32 port)
{
	return port ? send_by(ctx, port) : send_back(ctx);
}

/*
 * Turns the packet into an ICMP error to its sender: the original header and eight bytes stay where they are, everything behind them is cut
 * off, and new headers go before them.
 */
static __always_inline int icmp_reply(struct xdp_md *ctx, const struct scratch *scratch, __u32 port)
{
	struct packet packet;
	struct ethhdr eth;
	struct icmp_header *icmp;
	__u32 quoted, excess;
	__be32 client, virtual;

	if (!parse_ipv4(ctx, &packet) || !is_quotable(&packet))
		return XDP_DROP;
	/* No error about an error, nor about a fragment that does not say what it belongs to (RFC 1122, 3.2.2). */
	if (packet.ip->protocol == IPPROTO_ICMP || is_later_fragment(&packet))
		return XDP_DROP;
	quoted = packet.ip->ihl * 4 + ICMP_QUOTED_BYTES;
	eth = *packet.eth;
	client = packet.ip->saddr;
	virtual = scratch->icmp_source.word[0] ? scratch->icmp_source.word[0] : packet.ip->daddr;
	excess = (__u32)bpf_xdp_get_buff_len(ctx) - sizeof(eth) - quoted;
	if (bpf_xdp_adjust_tail(ctx, -(int)excess) || bpf_xdp_adjust_head(ctx, -(int)(sizeof(struct iphdr) + sizeof(struct icmp_header))))
		return XDP_DROP;
	packet.eth = (void *)(long)ctx->data;
	packet.end = (void *)(long)ctx->data_end;
	packet.ip = (void *)(packet.eth + 1);
	icmp = (void *)(packet.ip + 1);
	if ((void *)(icmp + 1) > packet.end)
		return XDP_DROP;
	answer_frame(packet.eth, &eth);
	*packet.ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tos = 0xc0, /* internetwork control, as the kernel's own errors */
		.tot_len = bpf_htons(sizeof(struct iphdr) + sizeof(struct icmp_header) + quoted),
		.ttl = 64,
		.protocol = IPPROTO_ICMP,
		.saddr = virtual,
		.daddr = client,
	};
	packet.ip->check = checksum(packet.ip, sizeof(struct iphdr) / 4, packet.end);
	*icmp = (struct icmp_header){ .type = scratch->icmp_type, .code = scratch->icmp_code, .rest = bpf_htonl(scratch->icmp_info) };
	icmp->checksum = checksum(icmp, (sizeof(*icmp) + quoted) / 4, packet.end);
	return send_error(ctx, port);
}
