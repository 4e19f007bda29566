/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The last steps of a packet: to its real server, or on to another program. */
#pragma once

#include "nat.h"
#include "size.h"
#include "tunnel.h"

/*
 * Each jump is an instruction of its own. Were several of them one, with the number in a register, the kernel could not make it a direct
 * jump, and with the guards against speculation an indirect one takes as long as half a packet.
 */
static __always_inline int jump(struct xdp_md *ctx, enum tail tail)
{
	/* What was written for the next program must stand: the call itself does not say that it reads memory. */
	asm volatile("" : : : "memory");
	bpf_tail_call_static(ctx, &programs, tail);
	/* Only while the programs are being exchanged. */
	return XDP_PASS;
}

/* Says where an ICMP error comes from: from the address that the packet was sent to. */
#define FROM_DESTINATION ((struct address6){})

/* Jumps to the program that answers with an ICMP error. `info` is the second word of its header. */
static __always_inline int reject(struct xdp_md *ctx, struct address6 source, enum reason reason, __u32 type, __u32 code, __u32 info)
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

static __always_inline int reject_no_server(enum family family, struct xdp_md *ctx)
{
	if (family == FAMILY_6)
		return reject(ctx, FROM_DESTINATION, REJECT_NO_SERVER, ICMP6_UNREACHABLE, ICMP6_CODE_PORT, 0);
	return reject(ctx, FROM_DESTINATION, REJECT_NO_SERVER, ICMP_UNREACHABLE, ICMP_CODE_PORT, 0);
}

static __always_inline int reject_expired(enum family family, struct xdp_md *ctx, struct address6 source)
{
	return reject(ctx, source, REJECT_TTL_EXCEEDED, family == FAMILY_6 ? ICMP6_TIME_EXCEEDED : ICMP_TIME_EXCEEDED, 0, 0);
}

/*
 * IPv4 packets that may be cut are not cut here, and their sender is told as well: it cuts them from then on, or sends shorter ones, where a
 * packet that is dropped without a word would be sent again and again.
 */
static __always_inline int reject_too_big(enum family family, struct xdp_md *ctx, struct address6 source, __u32 mtu)
{
	if (family == FAMILY_6)
		return reject(ctx, source, REJECT_TOO_BIG, ICMP6_TOO_BIG, 0, mtu);
	return reject(ctx, source, REJECT_TOO_BIG, ICMP_UNREACHABLE, ICMP_CODE_TOO_BIG, mtu);
}

static __always_inline __u32 hops_left(enum family family, const struct packet *packet)
{
	return family == FAMILY_6 ? packet->ip6->hop_limit : packet->ip->ttl;
}

/* One less to live, and IPv4's checksum with it (RFC 1624): 0x0100 in the word of TTL and protocol. */
static __always_inline void take_hop(enum family family, struct packet *packet)
{
	__u32 check;

	if (family == FAMILY_6) {
		packet->ip6->hop_limit--;
		return;
	}
	check = packet->ip->check;
	check += bpf_htons(0x0100);
	packet->ip->check = (__u16)(check + (check >= 0xffff));
	packet->ip->ttl--;
}

/* The same where more of the header was rewritten: its checksum is written once. */
static __always_inline void take_hop_rewritten(enum family family, struct packet *packet, __u32 change)
{
	if (family == FAMILY_6) {
		packet->ip6->hop_limit--;
		return;
	}
	change_header_check(packet, change + (__u16)~bpf_htons(0x0100));
	packet->ip->ttl--;
}

/* Takes one hop off a packet and sends it to its server; or says why that cannot be. */
static __always_inline int forward_on(enum family family, struct xdp_md *ctx, struct packet *packet, const struct server *server,
				      enum rewrite what)
{
	if (hops_left(family, packet) <= 1)
		return reject_expired(family, ctx, FROM_DESTINATION);
	if (is_too_long(ctx, packet->length, server->mtu))
		return reject_too_big(family, ctx, FROM_DESTINATION, server->mtu);
	if (what == REWRITE_ADDRESS || what == REWRITE_ENDPOINT) {
		take_hop_rewritten(family, packet, rewrite_destination(family, packet, server, what));
	} else {
		take_hop(family, packet);
		if (what == REWRITE_APART)
			return jump(ctx, family == FAMILY_6 ? TAIL_FULLNAT6 : TAIL_FULLNAT);
		if (family == FAMILY_4 && server->forwarding == FORWARD_IPIP && server->family == FAMILY_4)
			return forward_ipip(ctx, packet, server);
		if (server->forwarding != FORWARD_DIRECT && server->forwarding != FORWARD_MASQUERADE)
			return forward_tunnel(ctx, server);
	}
	write_macs(packet->eth, server->destination_mac);
	return send_by(ctx, server->ifindex);
}

/* To the server of a connection or template: counts the packet and forwards it. */
static __always_inline int forward(enum family family, struct xdp_md *ctx, struct packet *packet, __u32 index, const struct server *server,
				   enum rewrite what)
{
	count_packet(index, packet->length);
	if ((server->flags & (SERVER_REACHABLE | SERVER_LOCAL)) == SERVER_REACHABLE)
		return forward_on(family, ctx, packet, server, what);
	if (server->flags & SERVER_LOCAL)
		return server->forwarding == FORWARD_BYPASS ? jump(ctx, TAIL_ROUTE) : pass(PASS_LOCAL_SERVER);
	return drop(DROP_NO_NEXT_HOP);
}
