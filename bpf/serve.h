/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet of a connection that the table knows. */
#pragma once

#include "conn_write.h"
#include "forward.h"

/* The verdict that says "the entry was replaced while we looked"; the caller then treats the packet as one without a connection. */
#define VERDICT_STALE (-1)

/* What a packet is to its protocol's state table. False where it is too short to say. */
static __always_inline int read_event(enum family family, const struct packet *packet, __u8 *event)
{
	__u32 protocol = packet_protocol(family, packet);

	*event = 0;
	if (protocol == IPPROTO_SCTP)
		return sctp_read_event(packet, event);
	if (protocol != IPPROTO_TCP)
		return 1;
	if (!has_tcp_header(packet))
		return 0;
	*event = tcp_flags(packet->l4);
	return 1;
}

static __always_inline int is_part_of_sctp(enum family family, const struct packet *packet)
{
	return (family == FAMILY_6 ? packet->fragment : is_fragment(packet)) && packet_protocol(family, packet) == IPPROTO_SCTP;
}

/* Whether packets to the port get another one on their way to the server. Out of line: hardly anything asks, and the stack is short. */
static __noinline int changes_port(__u32 index, __be16 port)
{
	struct server *server = server_at(index);

	/* Full NAT changes the client's port as well. */
	if (server && server->forwarding == FORWARD_FULLNAT)
		return 1;
	return server && server->forwarding == FORWARD_MASQUERADE && server->port && server->port != port;
}

/* The checksum of SCTP counts the whole packet: that of a fragment, whose end is elsewhere, cannot be made right for another port. */
static __always_inline int loses_checksum(enum family family, const struct packet *packet, __u32 server)
{
	return is_part_of_sctp(family, packet) && changes_port(server, ((const struct ports *)packet->l4)->destination);
}

/* Where the packet came from. */
static __always_inline void hop_of(struct xdp_md *ctx, const struct ethhdr *eth, struct hop *hop)
{
	__u32 i, ingress = ingress_of(ctx);

	hop->port = MAX_PORTS;
	for (i = 0; i < MAX_PORTS; i++) {
		if (settings.port_indexes[i] != ingress)
			continue;
		hop->port = i;
		break;
	}
	__builtin_memcpy(hop->mac, eth->h_source, ETH_ALEN);
}

/* The way to a client may change while a connection lasts (its router failed over): once a second is often enough to notice. */
static __noinline void follow_client(struct xdp_md *ctx, const struct ethhdr *eth, const struct conn *conn, struct server *server, __u32 now)
{
	struct conn_key key = conn_key(conn->client, conn->virtual, conn->client_port, conn->virtual_port, conn->meta & META_FLOW);
	int is_ftp = (conn->meta & META_FTP) != 0;
	struct conn_place place;
	struct admission *again;
	__u32 zero = 0;

	again = bpf_map_lookup_elem(&admissions, &zero);
	if (!again)
		return;
	*again = (struct admission){ .now = now, .local = is_ftp ? 0 : conn->local, .data = is_ftp ? conn->data : 0 };
	hop_of(ctx, eth, &again->from);
	if (conn_place(FAMILY_4, &key, &place))
		again->number = conn_number(FAMILY_4, &place, &key, conn);
	reply_enter(&key, again, server, NULL);
}

/* An IPv6 connection remembers it itself. */
static __noinline void follow_client6(struct xdp_md *ctx, const struct ethhdr *eth, const struct conn *conn)
{
	struct rest6 *rest = rest_of(conn);

	if (rest)
		hop_of(ctx, eth, &rest->from);
}

/* What the packets of a connection are given. */
static __always_inline enum rewrite rewrite_of(__u32 meta)
{
	if (!(meta & META_MASQUERADED))
		return REWRITE_NOTHING;
	return meta & (META_FULLNAT | META_FTP) ? REWRITE_APART : REWRITE_ENDPOINT;
}

/* And those that nobody has to read for what they say: errors, and datagrams that are cut. */
static __always_inline enum rewrite rewrite_unread(__u32 meta)
{
	return meta & META_FTP ? REWRITE_ENDPOINT : rewrite_of(meta);
}

/* The port of its server. */
static __always_inline __be16 server_port(const struct conn *conn, __u32 meta, const struct server *server, __be16 virtual_port)
{
	if (meta & META_FTP && conn->data)
		return (__be16)conn->data;
	return server->port ? server->port : virtual_port;
}

/* And those of a datagram that went the way of its first fragment: later ones have no ports. */
static __always_inline enum rewrite rewrite_of_later(enum rewrite first)
{
	return first == REWRITE_ENDPOINT ? REWRITE_ADDRESS : first;
}

enum kept {
	KEPT,
	KEPT_AFRESH, /* and its time written anew */
	KEPT_NOT,    /* the entry was replaced while we looked */
};

/*
 * Keeps state and time of a connection; without `server` its service has no time-outs of its own. `event` is what the packet is to the state
 * table: TCP's flags, or SCTP's event.
 */
static __always_inline enum kept conn_keep(struct conn *conn, const struct server *server, __u32 meta, __u8 event,
					   enum direction direction, __u32 now)
{
	__u32 timeout = meta & META_STATE;
	int moved;

	/* An ACK leaves an established connection as it is; so do nearly all packets. No event of SCTP looks like an ACK. */
	if (!(timeout == STATE_ESTABLISHED && (event & TCP_DECISIVE) == TCP_ACK) && (meta & META_PROTOCOL) != CONN_UDP << META_PROTOCOL_SHIFT) {
		moved = conn_move(conn, meta, event, direction);
		if (moved < 0)
			return KEPT_NOT;
		timeout = moved;
		/* Or the compiler, which knows what conn_move() returns, leaves out the mask of the index; the verifier does not know it. */
		asm volatile("" : "+r"(timeout));
	}
	if ((conn_meta(conn) ^ meta) & (META_GENERATION | META_VALID | META_BUSY))
		return KEPT_NOT;
	return conn_refresh(conn, now, timeout_at(server, timeout)) ? KEPT_AFRESH : KEPT;
}

/*
 * Keeps state, time and counts, and forwards. A packet whose server was deleted is dropped without a word and without refreshing the
 * connection, as IPVS does by default: the server may come back. By expire_nodest_conn the connection is over instead.
 */
static __always_inline int serve(enum family family, struct xdp_md *ctx, struct packet *packet, struct conn *conn, __u32 meta, __u8 event,
				 __u32 now)
{
	__u32 index = conn->server;
	struct server *server = server_at(index);
	enum kept kept;

	if (!server || !(server->flags & SERVER_AVAILABLE))
		return settings.flags & SETTING_EXPIRE_NODEST ? VERDICT_STALE : drop(DROP_SERVER_DELETED);
	kept = conn_keep(conn, server, meta, event, meta & META_MASQUERADED ? DIRECTION_INPUT : DIRECTION_INPUT_ONLY, now);
	if (kept == KEPT_NOT)
		return VERDICT_STALE;
	if (kept == KEPT_AFRESH && meta & META_MASQUERADED) {
		if (family == FAMILY_6)
			follow_client6(ctx, packet->eth, conn);
		else
			follow_client(ctx, packet->eth, conn, server, now);
	}
	if (kept == KEPT_AFRESH && !(meta & META_HEARD_OFTEN))
		__sync_fetch_and_add(&conn->meta, META_HEARD_ONE);
	return forward(family, ctx, packet, index, server, rewrite_of(meta));
}
