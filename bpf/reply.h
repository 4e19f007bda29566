/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Replies of masqueraded servers: back to the client under the virtual address, the way that the client's packets came. */
#pragma once

#include "icmp.h"
#include "serve.h"

/* What a reply gets, and where it goes. With full NAT it went to a local address: `client` is its destination, otherwise 0. */
struct way_back {
	__be32 virtual;
	__be32 client;
	__be16 virtual_port;
	__be16 client_port;
	struct hop to;
};

struct way_back6 {
	struct address6 virtual;
	struct address6 client;
	__be16 virtual_port;
	__be16 client_port;
	struct hop to;
};

/* The entry with the key in the slot where it should be. */
static __always_inline struct conn *conn_in_slot(enum family family, __u32 slot, const struct conn_key *key)
{
	struct conn *conn = conn_numbered(family, slot);

	return conn && conn_is_hit(family, conn, key) ? conn : NULL;
}

/* The connection whose way back this is, where it is in the slot that the way back knows. */
static __always_inline struct conn *reply_conn_near(const struct conn_key *key, const struct way_back *back, const struct reply *reply)
{
	struct conn_key origin = {
		.addresses = (__u64)back->virtual << 32 | key->addresses >> 32,
		.ports = (__u32)back->virtual_port << 16 | key->ports >> 16,
		.kind = key->kind & META_FLOW,
	};

	return conn_in_slot(FAMILY_4, reply->way >> WAY_PORT_BITS, &origin);
}

/* The same, wherever the connection is. */
static __always_inline struct conn *reply_conn(const struct conn_key *key, const struct way_back *back)
{
	struct conn_key origin = conn_key((__be32)(key->addresses >> 32), back->virtual, (__be16)(key->ports >> 16), back->virtual_port,
					  key->kind & META_FLOW);
	struct conn_line *line = conn_line_of(FAMILY_4, &origin);

	return line ? conn_find(FAMILY_4, line, &origin) : NULL;
}

/* Where a way back leads, but for the client, and which slot its connection has. False where it is gone. */
static __always_inline int read_lead6(const struct reply6 *reply, struct way_back6 *back, __u32 *slot)
{
	const struct reply_rest6 *rest = reply_rest((const struct conn *)reply);

	if (!rest)
		return 0;
	back->client = (struct address6){};
	back->virtual = reply->virtual;
	back->virtual_port = rest->virtual_port;
	*slot = rest->slot;
	return 1;
}

static __always_inline struct conn *reply_conn6(const struct address6 *client, __be16 port, const struct way_back6 *back, __u32 protocol,
						 __u32 slot)
{
	struct conn_key6 origin = tuple6(client, &back->virtual, (__u32)back->virtual_port << 16 | port, protocol);
	struct conn_line *line;
	struct conn *conn;

	find_fingerprint6(&origin);
	conn = conn_in_slot(FAMILY_6, slot, &origin.core);
	if (conn)
		return conn;
	line = conn_line_of(FAMILY_6, &origin.core);
	return line ? conn_find(FAMILY_6, line, &origin.core) : NULL;
}

/* The compiler knows from before that the number of a port is in range; the verifier has forgotten. */
static __always_inline __u32 in_range(__u32 port)
{
	asm volatile("" : "+r"(port));
	return port & (MAX_PORTS - 1);
}

/* Out of the port that the client's packets come in by. */
static __always_inline int send_to_hop(struct xdp_md *ctx, struct packet *packet, const struct hop *to, __u32 port)
{
	__u64 source, destination, *words = (void *)packet->eth;

	port = in_range(port);
	source = settings.port_macs[port];
	__builtin_memcpy(&destination, to, sizeof(destination));
	words[0] = destination >> 16 | source << 48;
	*(__u32 *)(words + 1) = source >> 16;
	return send_by(ctx, settings.port_indexes[port]);
}

static __always_inline int send_to_client(struct xdp_md *ctx, struct packet *packet, const struct way_back *back, enum rewrite what)
{
	struct address6 from = { .word = { back->virtual } };
	__u32 change, mtu, port = back->to.port;

	if (port >= MAX_PORTS || !settings.port_indexes[in_range(port)])
		return drop(DROP_NO_NEXT_HOP);
	mtu = settings.port_mtus[in_range(port)];
	if (packet->ip->ttl <= 1)
		return reject_expired(FAMILY_4, ctx, from);
	if (is_too_long(ctx, packet->length, mtu))
		return reject_too_big(FAMILY_4, ctx, from, mtu);
	change = rewrite_source(packet, back->virtual, back->virtual_port, what);
	if (back->client)
		change += rewrite_client(packet, back->client, back->client_port, what);
	take_hop_rewritten(FAMILY_4, packet, change);
	return send_to_hop(ctx, packet, &back->to, port);
}

static __always_inline int send_to_client6(struct xdp_md *ctx, struct packet *packet, const struct way_back6 *back, enum rewrite what)
{
	__u32 mtu, port = back->to.port;

	if (port >= MAX_PORTS || !settings.port_indexes[in_range(port)])
		return drop(DROP_NO_NEXT_HOP);
	mtu = settings.port_mtus[in_range(port)];
	if (packet->ip6->hop_limit <= 1)
		return reject_expired(FAMILY_6, ctx, back->virtual);
	if (is_too_long(ctx, packet->length, mtu))
		return reject_too_big(FAMILY_6, ctx, back->virtual, mtu);
	take_hop(FAMILY_6, packet);
	rewrite_source6(packet, &back->virtual, back->virtual_port, what);
	if (!is_unspecified(&back->client))
		rewrite_client6(packet, &back->client, back->client_port, what);
	return send_to_hop(ctx, packet, &back->to, port);
}

/* Keeps the connection's state and time, and counts. False when the connection is gone: then the reply is nobody's. */
static __always_inline int serve_reply(struct packet *packet, struct conn *conn, __u8 event, __u32 now)
{
	__u32 meta = conn_meta(conn), index = conn->server;
	struct server *server = NULL;

	if (settings.flags & SETTING_OWN_TIMEOUTS)
		server = server_at(index);
	if (conn_expired(conn, now) || conn_keep(conn, server, meta, event, DIRECTION_OUTPUT, now) == KEPT_NOT)
		return 0;
	/* A datagram has no handshake: the answer is what makes a template worth keeping. */
	if ((meta & META_PROTOCOL) == CONN_UDP << META_PROTOCOL_SHIFT && conn->control)
		template_assure(conn->control);
	count_reply(index, packet->length);
	return 1;
}

/*
 * What masqueraded servers send nearly always: TCP or UDP of a connection whose slot the way back knows. Everything else is for the program
 * of replies to see.
 */
static __always_inline int answer(struct xdp_md *ctx, struct packet *packet)
{
	__u32 meta, protocol = packet->ip->protocol;
	struct conn_line *line;
	struct way_back back;
	struct reply *reply;
	struct conn_key key;
	struct conn *conn;
	__u8 flags = 0;

	if (!is_for_us(packet->eth))
		return XDP_PASS;
	if (is_fragment(packet) || (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) || !parse_lengths(ctx, packet))
		return jump(ctx, TAIL_REPLY);
	if (protocol == IPPROTO_TCP) {
		if (!has_tcp_header(packet))
			return XDP_PASS;
		flags = tcp_flags(packet->l4);
	}
	key = packet_key(packet, protocol == IPPROTO_TCP ? CONN_TCP : CONN_UDP, META_REPLY);
	line = conn_line_of(FAMILY_4, &key);
	reply = line ? (struct reply *)conn_find_within(FAMILY_4, line, &key, REACH_LINES) : NULL;
	if (!reply)
		return jump(ctx, TAIL_REPLY);
	meta = conn_meta((struct conn *)reply);
	back = (struct way_back){ .virtual = reply->virtual, .virtual_port = reply->virtual_port, .to = reply_hop(reply) };
	conn = meta & (META_FULLNAT | META_FTP) ? NULL : reply_conn_near(&key, &back, reply);
	if (!conn || ((conn_meta((struct conn *)reply) ^ meta) & (META_GENERATION | META_VALID | META_BUSY)))
		return jump(ctx, TAIL_REPLY);
	if (!serve_reply(packet, conn, flags, now_jiffies()))
		return XDP_PASS;
	return send_to_client(ctx, packet, &back, REWRITE_ENDPOINT);
}

static __always_inline int reply_fragment(struct xdp_md *ctx, struct packet *packet)
{
	struct fragment_key where = fragment_key(packet);
	struct fragment_way *way = bpf_map_lookup_elem(&fragments, &where);
	struct way_back back;

	if (!way || !way->virtual)
		return XDP_PASS;
	back = (struct way_back){ .virtual = way->virtual, .client = way->client, .to = way->to };
	count_reply(way->server, packet->length);
	return send_to_client(ctx, packet, &back, REWRITE_ADDRESS);
}

static __always_inline void remember_reply_fragment(const struct packet *packet, __u32 server, const struct way_back *back)
{
	struct fragment_way way = {
		.server = server, .virtual = back->virtual, .client = back->client, .to = back->to, .since = now_jiffies()
	};
	struct fragment_key key = fragment_key(packet);

	if (is_fragment(packet))
		bpf_map_update_elem(&fragments, &key, &way, BPF_ANY);
}

static __always_inline int reply_fragment6(struct xdp_md *ctx, struct packet *packet)
{
	struct fragment_key6 where = fragment_key6(packet->ip6, packet->fragment_id);
	struct fragment_way6 *way = bpf_map_lookup_elem(&fragments6, &where);
	struct way_back6 back;

	if (!way || is_unspecified(&way->virtual))
		return XDP_PASS;
	back = (struct way_back6){ .virtual = way->virtual, .client = way->client, .to = way->to };
	count_reply(way->server, packet->length);
	return send_to_client6(ctx, packet, &back, REWRITE_ADDRESS);
}

static __noinline void remember_reply_fragment6(const struct ip6_header *ip6, __be32 id, __u32 server, const struct way_back6 *back)
{
	struct fragment_way6 way = {
		.server = server, .virtual = back->virtual, .client = back->client, .to = back->to, .since = now_jiffies()
	};
	struct fragment_key6 key = fragment_key6(ip6, id);

	bpf_map_update_elem(&fragments6, &key, &way, BPF_ANY);
}
