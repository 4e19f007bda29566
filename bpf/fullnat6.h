/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Full NAT of IPv6, as that of IPv4 is in fullnat.h. */
#pragma once

#include "fullnat.h"

static __always_inline int error_to_server6(struct xdp_md *ctx, struct packet *packet, struct conn_key6 *key)
{
	struct local_address *from;
	struct quotation quoted;
	struct both_ends ends;
	struct server *server;
	__u32 index;

	if (!icmp6_quoted(ctx, packet, &quoted))
		return XDP_DROP;
	*key = quoted_tuple(&quoted, 0);
	find_fingerprint6(key);
	if (!find_ends(FAMILY_6, &key->core, &ends))
		return drop(DROP_TABLE_BUSY);
	from = local_address_of(ends.local);
	index = ends.server;
	server = server_at(index);
	if (!server || !from)
		return drop(DROP_SERVER_DELETED);
	rewrite_quoted_source6(packet, &quoted, server, server->port ? server->port : quoted.ports->source);
	if (ends.meta & META_PROXIED)
		rewrite_quoted_number(packet, quoted.ports, numbers_difference(ends.conn, FAMILY_6));
	rewrite_quoted6(packet, &quoted.ip6->destination, &quoted.ports->destination, &packet->ip6->source, &from->address,
			local_port(ends.local));
	write_macs(packet->eth, server->destination_mac);
	return send_by(ctx, server->ifindex);
}

SEC("xdp.frags")
int fullnat6_program(struct xdp_md *ctx)
{
	struct fragment_key6 where;
	struct fragment_way6 *way;
	struct both_ends ends = {};
	struct packet packet;
	struct conn_key6 *key;
	__u32 zero = 0;

	key = bpf_map_lookup_elem(&keys6, &zero);
	if (!key || !parse_lengths6(ctx, &packet))
		return XDP_DROP;
	if (packet.later_fragment) {
		where = fragment_key6(packet.ip6, packet.fragment_id);
		way = bpf_map_lookup_elem(&fragments6, &where);
		if (!way)
			return drop(DROP_FRAGMENT_UNKNOWN);
		ends = (struct both_ends){ .server = way->server, .local = way->local };
		return to_server(FAMILY_6, ctx, &packet, &ends, REWRITE_ADDRESS);
	}
	if (packet.protocol == NEXT_ICMP6)
		return error_to_server6(ctx, &packet, key);
	packet_key6(key, &packet, 0);
	if (!find_ends(FAMILY_6, &key->core, &ends))
		return ends.meta & META_FTP ? jump(ctx, TAIL_FTP6) : drop(DROP_TABLE_BUSY);
	return to_server(FAMILY_6, ctx, &packet, &ends, REWRITE_ENDPOINT);
}

/* False where the connection is gone. */
static __always_inline int read_back6(const struct conn *conn, struct way_back6 *back)
{
	const struct rest6 *rest = rest_of(conn);

	if (!rest)
		return 0;
	back->virtual = rest->virtual;
	back->client = rest->client;
	back->virtual_port = conn->virtual_port;
	back->client_port = conn->client_port;
	back->to = rest->from;
	return 1;
}

SEC("xdp.frags")
int fullnat_reply6_program(struct xdp_md *ctx)
{
	struct way_back6 back;
	struct conn_line *line;
	struct packet packet;
	struct conn_key6 *key;
	struct conn *reply;
	struct conn *conn;
	__u32 meta, zero = 0;
	int renumbered;
	__u8 event = 0;

	key = bpf_map_lookup_elem(&keys6, &zero);
	if (!key || !parse_lengths6(ctx, &packet) || packet.later_fragment)
		return XDP_PASS;
	if (!read_event(FAMILY_6, &packet, &event))
		return XDP_PASS;
	packet_key6(key, &packet, META_REPLY);
	line = conn_line_of(FAMILY_6, &key->core);
	reply = line ? conn_find(FAMILY_6, line, &key->core) : NULL;
	if (!reply)
		return XDP_PASS;
	meta = conn_meta(reply);
	conn = way_conn(FAMILY_6, &key->core, reply);
	if (!conn || !read_back6(conn, &back))
		return XDP_PASS;
	if ((conn_meta(reply) ^ meta) & (META_GENERATION | META_VALID | META_BUSY))
		return XDP_PASS;
	renumbered = (conn_meta(conn) & META_PROXIED) != 0;
	if (renumbered && (!proxied_answer6(ctx, conn) || !parse_any(FAMILY_6, ctx, &packet)))
		return drop(DROP_AWAITING_SERVER);
	/* A reply with other numbers is nobody's. */
	if (!serve_reply(&packet, conn, event, now_jiffies()))
		return renumbered ? drop(DROP_TABLE_BUSY) : XDP_PASS;
	if (packet.protocol == IPPROTO_TCP)
		note_answer(FAMILY_6, &packet, conn, event);
	if (packet.fragment)
		remember_reply_fragment6(packet.ip6, packet.fragment_id, conn->server, &back);
	return send_to_client6(ctx, &packet, &back, REWRITE_ENDPOINT);
}
