/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet of a connection that the table knows. */
#pragma once

#include "conn_write.h"
#include "forward.h"

/* The verdict that says "the entry was replaced while we looked"; the caller then treats the packet as one without a connection. */
#define VERDICT_STALE (-1)

/*
 * Keeps state, time and counts, and forwards. A packet whose server was deleted is dropped without a word and without refreshing the
 * connection, as IPVS does by default: the server may come back.
 */
static __always_inline int serve(struct xdp_md *ctx, struct packet *packet, struct conn *conn, __u32 meta, __u8 flags, __u32 now)
{
	__u32 index = conn->server;
	struct server *server = bpf_map_lookup_elem(&servers, &index);
	__u32 state = meta & META_STATE;

	if (!server || !(server->flags & SERVER_AVAILABLE))
		return drop(DROP_SERVER_DELETED);
	/* An ACK leaves an established connection as it is; so do nearly all packets. */
	if (!(meta & META_PROTOCOL) && !(state == STATE_ESTABLISHED && (flags & TCP_DECISIVE) == TCP_ACK)) {
		state = tcp_next_state(state, flags);
		if (state != (meta & META_STATE) && !conn_set_state(conn, meta, flags))
			return VERDICT_STALE;
	}
	if ((conn_meta(conn) ^ meta) & (META_GENERATION | META_VALID | META_BUSY))
		return VERDICT_STALE;
	conn_refresh(conn, now, settings.timeouts[state & (STATE_COUNT - 1)]);
	return forward(ctx, packet, index, server);
}
