/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet of a connection that the table knows. */
#pragma once

#include "conn_write.h"
#include "forward.h"

/* The verdict that says "the entry was replaced while we looked"; the caller then treats the packet as one without a connection. */
#define VERDICT_STALE (-1)

/* Where the packet came from. */
static __always_inline void hop_of(struct xdp_md *ctx, const struct packet *packet, struct hop *hop)
{
	__u32 i;

	hop->port = MAX_PORTS;
	for (i = 0; i < MAX_PORTS; i++) {
		if (settings.port_indexes[i] != ctx->ingress_ifindex)
			continue;
		hop->port = i;
		break;
	}
	__builtin_memcpy(hop->mac, packet->eth->h_source, ETH_ALEN);
}

/* The way to a client may change while a connection lasts (its router failed over): once a second is often enough to notice. */
static __noinline void follow_client(struct xdp_md *ctx, const struct packet *packet, const struct conn *conn, struct server *server,
				     __u32 now)
{
	struct conn_key key = conn_key(conn->client, conn->virtual, conn->client_port, conn->virtual_port, conn->meta & META_PROTOCOL);
	struct admission again = { .now = now };

	hop_of(ctx, packet, &again.from);
	reply_enter(&key, &again, server, NULL);
}

/*
 * Keeps state, time and counts, and forwards. A packet whose server was deleted is dropped without a word and without refreshing the
 * connection, as IPVS does by default: the server may come back.
 */
static __always_inline int serve(struct xdp_md *ctx, struct packet *packet, struct conn *conn, __u32 meta, __u8 flags, __u32 now)
{
	__u32 index = conn->server;
	struct server *server = bpf_map_lookup_elem(&servers, &index);
	__u32 state = meta & META_STATE;
	enum direction direction;

	if (!server || !(server->flags & SERVER_AVAILABLE))
		return drop(DROP_SERVER_DELETED);
	direction = meta & META_MASQUERADED ? DIRECTION_INPUT : DIRECTION_INPUT_ONLY;
	/* An ACK leaves an established connection as it is; so do nearly all packets. */
	if (!(meta & META_PROTOCOL) && !(state == STATE_ESTABLISHED && (flags & TCP_DECISIVE) == TCP_ACK)) {
		state = tcp_next_state(state, flags, direction);
		if (state != (meta & META_STATE) && !conn_set_state(conn, meta, flags, direction))
			return VERDICT_STALE;
	}
	if ((conn_meta(conn) ^ meta) & (META_GENERATION | META_VALID | META_BUSY))
		return VERDICT_STALE;
	if (conn_refresh(conn, now, settings.timeouts[state & (STATE_COUNT - 1)]) && meta & META_MASQUERADED)
		follow_client(ctx, packet, conn, server, now);
	return forward(ctx, packet, index, server, meta & META_MASQUERADED ? REWRITE_ENDPOINT : REWRITE_NOTHING);
}
