/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The programs for IPv6, as those for IPv4 are in director.bpf.c. `headers6` leads what does not follow the IPv6 header at once to them. */
#pragma once

#include "admit_packet.h"
#include "reply.h"

/* `balance` saw that it is an IPv6 packet. */
SEC("xdp.frags")
int balance6(struct xdp_md *ctx)
{
	struct packet packet;
	struct conn_line *line;
	struct conn_key key;
	struct conn *conn;
	__u32 now, meta, kind;
	__u8 flags = 0;
	int verdict;

	if (!parse_ipv6(ctx, &packet))
		return XDP_PASS;
	if (!may_be_virtual(packet_fold(&packet.ip6->destination)))
		return settings.flags & SETTING_EVERY_ADDRESS ? jump(ctx, TAIL_STRAY6) :
		       may_be_reply(fold(&packet.ip6->source), fold(&packet.ip6->destination)) ? jump(ctx, TAIL_REPLY6) : XDP_PASS;
	if (!is_for_us(packet.eth))
		return pass(PASS_FOREIGN_MAC);
	if (!parse_header6(ctx, &packet))
		return pass(PASS_MALFORMED);
	if (packet.ip6->next != IPPROTO_TCP && packet.ip6->next != IPPROTO_UDP)
		return jump(ctx, TAIL_HEADERS6);
	if (!parse_plain6(&packet))
		return pass(PASS_MALFORMED);
	if (packet.protocol == IPPROTO_TCP) {
		if (!has_tcp_header(&packet))
			return pass(PASS_MALFORMED);
		flags = tcp_flags(packet.l4);
		if (flags & TCP_SYN)
			return jump(ctx, TAIL_ADMIT6);
	}
	kind = (packet.protocol == IPPROTO_TCP ? CONN_TCP : CONN_UDP) << META_PROTOCOL_SHIFT;
	key = packet_tuple6(&packet, kind);
	line = conn_line_of(FAMILY_6, &key);
	if (!line)
		return XDP_PASS;
	conn = conn_find_within(FAMILY_6, line, &key, REACH_LINES);
	/* It may be in the overflow map still, which the other program looks into: here the key need not be in memory. */
	if (!conn)
		return jump(ctx, TAIL_ADMIT6);
	meta = conn_meta(conn);
	now = now_jiffies();
	if (conn_expired(conn, now))
		return jump(ctx, TAIL_ADMIT6);
	verdict = serve(FAMILY_6, ctx, &packet, conn, meta, flags, now);
	return verdict == VERDICT_STALE ? jump(ctx, TAIL_ADMIT6) : verdict;
}

/* Where a packet to a virtual address goes whose transport header is not where it usually is. */
SEC("xdp.frags")
int headers6_program(struct xdp_md *ctx)
{
	struct packet packet;

	if (!parse_lengths6(ctx, &packet))
		return pass(PASS_MALFORMED);
	if (packet.protocol == NEXT_ICMP6)
		return packet.later_fragment ? pass(PASS_ICMP) : jump(ctx, TAIL_ICMP6);
	/* What follows in the first fragment need not be what a later one says (RFC 8200, 4.5): it goes by the first's way. */
	if (packet.later_fragment)
		return jump(ctx, TAIL_FRAGMENT6);
	if (!has_ports(packet.protocol))
		return pass(PASS_PROTOCOL);
	return jump(ctx, TAIL_ADMIT6);
}

SEC("xdp.frags")
int admit6_program(struct xdp_md *ctx)
{
	struct packet packet;
	struct conn_line *line;
	struct conn_key6 *key;
	struct conn *conn;
	__u32 now, meta, zero = 0;
	__u8 event;
	int verdict;

	key = bpf_map_lookup_elem(&keys6, &zero);
	if (!key || !parse_lengths6(ctx, &packet) || packet.later_fragment)
		return XDP_PASS;
	if (!read_event(FAMILY_6, &packet, &event))
		return pass(PASS_MALFORMED);
	packet_key6(key, &packet, 0);
	line = conn_line_of(FAMILY_6, &key->core);
	if (!line)
		return XDP_PASS;
	now = now_jiffies();
	conn = conn_find(FAMILY_6, line, &key->core);
	if (conn && !conn_expired(conn, now)) {
		meta = conn_meta(conn);
		if (!begins_anew(conn, meta, event)) {
			if (loses_checksum(FAMILY_6, &packet, conn->server))
				return drop(DROP_CHECKSUM_SPLIT);
			remember_fragment(FAMILY_6, &packet, conn->server, rewrite_unread(meta), conn->local);
			verdict = serve(FAMILY_6, ctx, &packet, conn, meta, event, now);
			return verdict == VERDICT_STALE ? drop(DROP_TABLE_BUSY) : verdict;
		}
		end_conn6(key, conn);
	} else if (!conn && is_proxied(FAMILY_6, &packet, &key->core, now)) {
		return jump(ctx, TAIL_PROXIED6);
	} else if (is_expected(FAMILY_6, &packet, &key->core, event, now)) {
		return jump(ctx, TAIL_FTP6);
	}
	return admit_packet(FAMILY_6, ctx, &packet, &key->core, event, now);
}

/* Errors follow the connection they quote; everything else, neighbour discovery first of all, is the director's. */
SEC("xdp.frags")
int icmp6_program(struct xdp_md *ctx)
{
	const struct icmp_header *icmp;
	struct quotation quoted;
	struct packet packet;
	struct server *server;
	struct conn_key6 key;
	struct conn *conn;
	enum rewrite what;
	__u32 index;

	if (!parse_lengths6(ctx, &packet) || packet.later_fragment)
		return XDP_PASS;
	icmp = packet.l4;
	if (icmp->type >= ICMP6_INFORMATION)
		return pass(PASS_ICMP);
	if (!icmp6_quoted(ctx, &packet, &quoted))
		return settings.flags & SETTING_TUNNEL ? jump(ctx, TAIL_TUNNEL_ERROR) : pass(PASS_ICMP);
	key = quoted_tuple(&quoted, 0);
	find_fingerprint6(&key);
	conn = conn_find_any(FAMILY_6, &key.core);
	if (!conn || conn_expired(conn, now_jiffies()))
		return pass(PASS_ICMP);
	index = conn->server;
	server = server_at(index);
	if (!server || !(server->flags & SERVER_AVAILABLE))
		return drop(DROP_SERVER_DELETED);
	what = rewrite_unread(conn_meta(conn));
	if (what != REWRITE_ENDPOINT)
		return forward(FAMILY_6, ctx, &packet, index, server, what);
	rewrite_quoted_source6(&packet, &quoted, server, server_port(conn, conn_meta(conn), server, quoted.ports->source));
	if (conn_meta(conn) & META_PROXIED)
		rewrite_quoted_number(&packet, quoted.ports, numbers_difference(conn, FAMILY_6));
	return forward(FAMILY_6, ctx, &packet, index, server, REWRITE_ADDRESS);
}

SEC("xdp.frags")
int fragment6_program(struct xdp_md *ctx)
{
	struct fragment_key6 where;
	struct fragment_way6 *way;
	struct packet packet;
	struct server *server;
	__u32 index;

	if (!parse_lengths6(ctx, &packet))
		return XDP_PASS;
	where = fragment_key6(packet.ip6, packet.fragment_id);
	way = bpf_map_lookup_elem(&fragments6, &where);
	if (way ? !is_unspecified(&way->virtual) : is_reply_source(FAMILY_6, &packet))
		return jump(ctx, TAIL_REPLY6);
	if (!way && !has_ports(packet.protocol))
		return pass(PASS_PROTOCOL);
	if (!way)
		return drop(DROP_FRAGMENT_UNKNOWN);
	index = way->server;
	server = server_at(index);
	if (!server || !(server->flags & SERVER_AVAILABLE))
		return drop(DROP_SERVER_DELETED);
	return forward(FAMILY_6, ctx, &packet, index, server, rewrite_of_later(way->rewrite));
}

/* What a masqueraded server sends to somebody: to a client whose connection it answers, or on its own account. */
SEC("xdp.frags")
int reply6_program(struct xdp_md *ctx)
{
	struct way_back6 back;
	struct packet packet;
	struct conn_line *line;
	const struct ports *ports;
	struct reply6 *reply;
	struct conn_key6 key;
	struct conn *conn;
	__u32 meta, slot;
	__u8 event;

	if (!parse_lengths6(ctx, &packet) || !is_for_us(packet.eth))
		return XDP_PASS;
	if (packet.later_fragment)
		return reply_fragment6(ctx, &packet);
	if (packet.protocol == NEXT_ICMP6)
		return jump(ctx, TAIL_REPLY_ICMP6);
	if (!has_ports(packet.protocol) || !read_event(FAMILY_6, &packet, &event))
		return XDP_PASS;
	ports = packet.l4;
	packet_key6(&key, &packet, META_REPLY);
	line = conn_line_of(FAMILY_6, &key.core);
	reply = line ? (struct reply6 *)conn_find(FAMILY_6, line, &key.core) : NULL;
	if (!reply)
		return settings.flags & SETTING_PROXIED && packet.protocol == IPPROTO_TCP ? jump(ctx, TAIL_PROXIED_REPLY6) : XDP_PASS;
	meta = reply->meta;
	if (meta & (META_FULLNAT | META_FTP))
		return meta & META_FULLNAT ? jump(ctx, TAIL_FULLNAT_REPLY6) : jump(ctx, TAIL_FTP6);
	if (!read_lead6(reply, &back, &slot))
		return XDP_PASS;
	conn = reply_conn6(&packet.ip6->destination, ports->destination, &back, key.core.kind & META_PROTOCOL, slot);
	if (!conn || ((conn_meta((struct conn *)reply) ^ meta) & (META_GENERATION | META_VALID | META_BUSY)))
		return XDP_PASS;
	back.to = hop_to(conn);
	if (is_part_of_sctp(FAMILY_6, &packet) && ((const struct ports *)packet.l4)->source != back.virtual_port)
		return drop(DROP_CHECKSUM_SPLIT);
	if (!serve_reply(&packet, conn, event, now_jiffies()))
		return XDP_PASS;
	if (packet.fragment)
		remember_reply_fragment6(packet.ip6, packet.fragment_id, conn->server, &back);
	return send_to_client6(ctx, &packet, &back, REWRITE_ENDPOINT);
}

SEC("xdp.frags")
int stray6_program(struct xdp_md *ctx)
{
	struct fragment_key6 where;
	struct fragment_way6 *way;
	struct packet packet;
	struct conn_line *line;
	struct conn_key6 key;
	int from_server;

	if (!parse_lengths6(ctx, &packet) || !is_for_us(packet.eth))
		return XDP_PASS;
	if (packet.later_fragment) {
		where = fragment_key6(packet.ip6, packet.fragment_id);
		way = bpf_map_lookup_elem(&fragments6, &where);
		if (!way)
			return XDP_PASS;
		return is_unspecified(&way->virtual) ? jump(ctx, TAIL_FRAGMENT6) : jump(ctx, TAIL_REPLY6);
	}
	from_server = may_be_reply(fold(&packet.ip6->source), fold(&packet.ip6->destination));
	if (packet.protocol == NEXT_ICMP6)
		return from_server ? jump(ctx, TAIL_REPLY6) : jump(ctx, TAIL_ICMP6);
	if (!has_ports(packet.protocol))
		return XDP_PASS;
	if (from_server) {
		packet_key6(&key, &packet, META_REPLY);
		line = conn_line_of(FAMILY_6, &key.core);
		if (line && conn_find(FAMILY_6, line, &key.core))
			return jump(ctx, TAIL_REPLY6);
	}
	return jump(ctx, TAIL_ADMIT6);
}
