/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* FTP through NAT of IPv6, as that of IPv4 is in ftp.h. Neither EPRT nor the answer to EPSV names an address that would have to change. */
#pragma once

#include "ftp.h"

/* Out of line for its key's sake. */
static __noinline struct conn *session_of6(const struct ip6_header *ip6, const struct ports *ports, const struct way_back6 *back,
					    __u32 slot)
{
	return reply_conn6(&ip6->destination, ports->destination, back, DATA_KIND, slot);
}

static __always_inline int ftp_to_client6(struct xdp_md *ctx, struct packet *packet, const struct reply6 *reply)
{
	__u32 slot, meta = conn_meta((const struct conn *)reply);
	struct way_back6 back = {};
	struct conn *conn;

	if (!read_lead6(reply, &back, &slot))
		return XDP_PASS;
	conn = session_of6(packet->ip6, packet->l4, &back, slot);
	if (!conn || ((conn_meta((const struct conn *)reply) ^ meta) & (META_GENERATION | META_VALID | META_BUSY)))
		return XDP_PASS;
	back.to = hop_to(conn);
	if (!serve_reply(packet, conn, tcp_flags(packet->l4), now_jiffies()))
		return XDP_PASS;
	if (is_heard(conn, conn_meta(conn)))
		hear_server(FAMILY_6, ctx, packet, conn, &back.to);
	if (packet->fragment)
		remember_reply_fragment6(packet->ip6, packet->fragment_id, conn->server, &back);
	return send_to_client6(ctx, packet, &back, REWRITE_ENDPOINT);
}

SEC("xdp.frags")
int ftp6_program(struct xdp_md *ctx)
{
	struct conn_line *line;
	struct packet packet;
	struct conn_key6 *key;
	struct conn *conn;
	__u32 client_port, zero = 0;

	key = bpf_map_lookup_elem(&keys6, &zero);
	if (!key || !parse_any(FAMILY_6, ctx, &packet) || packet.protocol != IPPROTO_TCP)
		return XDP_DROP;
	packet_key6(key, &packet, 0);
	line = conn_line_of(FAMILY_6, &key->core);
	conn = line ? conn_find(FAMILY_6, line, &key->core) : NULL;
	if (conn && !conn_expired(conn, now_jiffies()))
		return ftp_to_server(FAMILY_6, ctx, &packet, conn);
	packet_key6(key, &packet, META_REPLY);
	line = conn_line_of(FAMILY_6, &key->core);
	conn = line ? conn_find(FAMILY_6, line, &key->core) : NULL;
	if (conn)
		return ftp_to_client6(ctx, &packet, (const struct reply6 *)conn);
	client_port = key->core.ports & 0xffff;
	key->core.ports ^= client_port;
	key->core.kind = DATA_KIND;
	find_fingerprint6(key);
	line = conn_line_of(FAMILY_6, &key->core);
	conn = line ? conn_find(FAMILY_6, line, &key->core) : NULL;
	return open_expected(FAMILY_6, ctx, &packet, &key->core, conn, client_port);
}
