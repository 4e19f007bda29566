/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ICMP errors about what masqueraded servers were sent: from the servers, and with full NAT, whose packets come from the director, from the
 * routers on the way as well. They go to the client, from the virtual address, and quote what the client sent.
 */
#pragma once

#include "fullnat6.h"

/* An error that quotes no masqueraded connection may be about a tunnel. */
static __always_inline int pass_to_tunnels(struct xdp_md *ctx)
{
	return settings.flags & SETTING_TUNNEL ? jump(ctx, TAIL_TUNNEL_ERROR) : XDP_PASS;
}

SEC("xdp.frags")
int reply_icmp_program(struct xdp_md *ctx)
{
	const struct icmp_header *icmp;
	struct quoted_ends quoted;
	struct way_back back = {};
	struct conn_line *line;
	struct packet packet;
	struct reply *reply;
	struct conn_key key;
	struct conn *conn;
	__u32 meta;

	if (!parse_ipv4(ctx, &packet) || !parse_lengths(ctx, &packet) || is_fragment(&packet))
		return XDP_PASS;
	icmp = packet.l4;
	if (!is_icmp_error(icmp->type))
		return XDP_PASS;
	if (!icmp_quoted_key(&packet, META_REPLY, &key))
		return pass_to_tunnels(ctx);
	line = conn_line_of(FAMILY_4, &key);
	reply = line ? (struct reply *)conn_find(FAMILY_4, line, &key) : NULL;
	if (!reply)
		return pass_to_tunnels(ctx);
	meta = conn_meta((struct conn *)reply);
	back.to = reply_hop(reply);
	back.virtual = reply->virtual;
	back.virtual_port = reply->virtual_port;
	conn = meta & META_FULLNAT ? way_conn(FAMILY_4, &key, (struct conn *)reply) : reply_conn(&key, &back);
	if (!conn || conn_expired(conn, now_jiffies()))
		return XDP_PASS;
	back.virtual = conn->virtual;
	back.client = meta & META_FULLNAT ? conn->client : 0;
	quoted = (struct quoted_ends){
		.source = conn->client,
		.destination = conn->virtual,
		.source_port = conn->client_port,
		.destination_port = conn->virtual_port,
	};
	if ((conn_meta((struct conn *)reply) ^ meta) & (META_GENERATION | META_VALID | META_BUSY) || !rewrite_quoted(&packet, &quoted, 0))
		return XDP_PASS;
	count_reply(conn->server, packet.length);
	return send_to_client(ctx, &packet, &back, REWRITE_ADDRESS);
}

SEC("xdp.frags")
int reply_icmp6_program(struct xdp_md *ctx)
{
	const struct icmp_header *icmp;
	struct quotation quoted;
	struct way_back6 back = {};
	struct conn_line *line;
	struct conn_key6 *key;
	struct packet packet;
	struct reply6 *reply;
	struct conn *conn;
	__u32 meta, slot, zero = 0;

	key = bpf_map_lookup_elem(&keys6, &zero);
	if (!key || !parse_lengths6(ctx, &packet) || packet.later_fragment || packet.protocol != NEXT_ICMP6)
		return XDP_PASS;
	icmp = packet.l4;
	if (icmp->type >= ICMP6_INFORMATION)
		return XDP_PASS;
	if (!icmp6_quoted(ctx, &packet, &quoted))
		return pass_to_tunnels(ctx);
	*key = quoted_tuple(&quoted, META_REPLY);
	find_fingerprint6(key);
	line = conn_line_of(FAMILY_6, &key->core);
	reply = line ? (struct reply6 *)conn_find(FAMILY_6, line, &key->core) : NULL;
	if (!reply)
		return pass_to_tunnels(ctx);
	meta = reply->meta;
	if (meta & META_FULLNAT) {
		conn = way_conn(FAMILY_6, &key->core, (struct conn *)reply);
	} else {
		if (!read_lead6(reply, &back, &slot))
			return XDP_PASS;
		conn = reply_conn6(&quoted.ip6->source, quoted.ports->source, &back, key->core.kind & META_PROTOCOL, slot);
	}
	if (!conn || conn_expired(conn, now_jiffies()))
		return XDP_PASS;
	if (!read_back6(conn, &back))
		return XDP_PASS;
	if ((conn_meta((struct conn *)reply) ^ meta) & (META_GENERATION | META_VALID | META_BUSY))
		return XDP_PASS;
	rewrite_quoted6(&packet, &quoted.ip6->destination, &quoted.ports->destination, &packet.ip6->source, &back.virtual, back.virtual_port);
	rewrite_quoted6(&packet, &quoted.ip6->source, &quoted.ports->source, &packet.ip6->destination, &back.client, back.client_port);
	count_reply(conn->server, packet.length);
	return send_to_client6(ctx, &packet, &back, REWRITE_ADDRESS);
}
