/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Replies of masqueraded servers: back to the client under the virtual address, the way that the client's packets came. */
#pragma once

#include "icmp.h"
#include "serve.h"

/* What a reply gets, and where it goes. */
struct way_back {
	__be32 virtual;
	__be16 virtual_port;
	struct hop to;
};

/* The connection whose way back this is. */
static __always_inline struct conn *reply_conn(const struct conn_key *key, const struct way_back *back)
{
	struct conn_key origin = conn_key((__be32)(key->addresses >> 32), back->virtual, (__be16)(key->ports >> 16), back->virtual_port,
					  key->kind & META_PROTOCOL);
	struct conn_line *line = conn_line_of(&origin);

	return line ? conn_find(line, &origin) : NULL;
}

/* Out of the port that the client's packets come in by. */
static __always_inline int send_to_client(struct xdp_md *ctx, struct packet *packet, const struct way_back *back, enum rewrite what)
{
	__u32 port = back->to.port;
	__u32 mtu, i;
	__u64 mac;

	if (port >= MAX_PORTS || !settings.port_indexes[port])
		return drop(DROP_NO_NEXT_HOP);
	mtu = settings.port_mtus[port];
	if (packet->ip->ttl <= 1)
		return reject_from(ctx, back->virtual, REJECT_TTL_EXCEEDED, 11, 0, 0);
	if (mtu && packet->length > mtu) {
		if (packet->ip->frag_off & bpf_htons(IP_DF))
			return reject_from(ctx, back->virtual, REJECT_TOO_BIG, 3, 4, mtu);
		return drop(DROP_TOO_BIG);
	}
	decrease_ttl(packet->ip);
	rewrite_source(packet, back->virtual, back->virtual_port, what);
	mac = settings.port_macs[port];
	for (i = 0; i < ETH_ALEN; i++) {
		packet->eth->h_dest[i] = back->to.mac[i];
		packet->eth->h_source[i] = mac >> (8 * i);
	}
	return send_by(ctx, settings.port_indexes[port]);
}

/* Keeps the connection's state and time, and counts. False when the connection is gone: then the reply is nobody's. */
static __always_inline int serve_reply(struct packet *packet, struct conn *conn, __u8 flags, __u32 now)
{
	__u32 meta = conn_meta(conn), state = meta & META_STATE;

	if (conn_expired(conn, now))
		return 0;
	if (!(meta & META_PROTOCOL) && !(state == STATE_ESTABLISHED && (flags & TCP_DECISIVE) == TCP_ACK)) {
		state = tcp_next_state(state, flags, DIRECTION_OUTPUT);
		if (state != (meta & META_STATE) && !conn_set_state(conn, meta, flags, DIRECTION_OUTPUT))
			return 0;
	}
	conn_refresh(conn, now, settings.timeouts[state & (STATE_COUNT - 1)]);
	count_reply(conn->server, packet->length);
	return 1;
}

static __always_inline int reply_fragment(struct xdp_md *ctx, struct packet *packet)
{
	struct fragment_key where = fragment_key(packet);
	struct fragment_way *way = bpf_map_lookup_elem(&fragments, &where);
	struct way_back back;

	if (!way || !way->virtual)
		return XDP_PASS;
	back = (struct way_back){ .virtual = way->virtual, .to = way->to };
	count_reply(way->server, packet->length);
	return send_to_client(ctx, packet, &back, REWRITE_ADDRESS);
}

static __always_inline void remember_reply_fragment(const struct packet *packet, __u32 server, const struct way_back *back)
{
	struct fragment_way way = { .server = server, .virtual = back->virtual, .to = back->to };
	struct fragment_key key = fragment_key(packet);

	if (is_fragment(packet))
		bpf_map_update_elem(&fragments, &key, &way, BPF_ANY);
}
