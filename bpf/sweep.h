/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Releasing what has expired. A packet never needs it (an expired entry is a miss, and a new one takes its place), but the counts of active
 * and inactive connections do. The director runs it about once a second, over a part of the table that it names.
 */
#pragma once

#include "admit.h"

struct sweep_walk {
	struct sweep *request;
	__u32 now;
};

/* One of as many connections as each had packets, as IPVS's todrop_entry(). Only the director comes here, one call after the other. */
static __always_inline int turn_comes(__u32 packets)
{
	__u32 *turn = &settings.drop_turns[packets];

	if ((__s32)--*turn > 0)
		return 0;
	*turn = packets;
	return 1;
}

static __always_inline int is_idle(const struct conn *conn, __u32 meta, __u32 now)
{
	__u32 index = conn->server;
	__u32 silent = timeout_at(server_at(index), timeout_index(meta)) + now - conn->expires;
	__u32 packets = (meta >> META_HEARD_SHIFT) + 1;

	return (__s32)silent >= (__s32)(SPARED_SECONDS * settings.hz) && packets <= SPARED_PACKETS && turn_comes(packets);
}

/* A datagram's own connections never make a template worth keeping: it is spared. */
static __always_inline int is_one_packets(__u32 index)
{
	struct server_load *load = load_at(index);
	struct service *service;
	__u32 number;

	if (!load)
		return 0;
	number = load->service;
	service = service_at(number);
	return service && service->flags & SERVICE_ONE_PACKET;
}

/*
 * Whom drop_entry gives up, as IPVS's ip_vs_random_dropentry(): connections that are half open, idle ones of few packets, and templates none of
 * whose connections was ever established.
 */
static __noinline int is_expendable(const struct conn *conn, __u32 meta, __u32 now)
{
	__u32 state = meta & META_STATE, protocol = (meta & META_PROTOCOL) >> META_PROTOCOL_SHIFT;

	if (meta & META_TEMPLATE)
		return !(meta & META_ASSURED) && !is_one_packets(conn->server);
	if (protocol == CONN_TCP && (state == STATE_SYN_RECV || state == STATE_SYNACK))
		return 1;
	if (protocol == CONN_SCTP && (state == SCTP_INIT1 || state == SCTP_INIT))
		return 1;
	return (protocol == CONN_UDP || is_established(meta)) && is_idle(conn, meta, now);
}

/*
 * Only what expired a second ago: a packet that saw the entry alive just before is done with it by then. A template that still controls
 * connections gets another minute.
 */
static __always_inline int is_due(const struct conn *conn, __u32 meta, const struct sweep_walk *walk)
{
	__u32 kind = walk->request->kind;

	if (time_reached(walk->now, conn->expires + settings.hz))
		return 1;
	/* Templates only in a walk after that in which the last of their connections went. */
	if (meta & META_TEMPLATE && conn->control)
		return 0;
	if (kind == SWEEP_CROWDED)
		return is_expendable(conn, meta, walk->now);
	return kind == SWEEP_UNSERVED ? !server_is_available(conn->server) : kind == SWEEP_SERVER && conn->server == walk->request->server;
}

static __always_inline int sweep_conn(enum family family, struct conn *conn, struct sweep_walk *walk)
{
	__u32 meta = conn_meta(conn);

	/* A way back goes with its connection. */
	if ((meta & (META_VALID | META_BUSY)) != META_VALID || meta & META_REPLY)
		return 0;
	if (!is_due(conn, meta, walk)) {
		walk->request->seen++;
		return 0;
	}
	if (meta & META_TEMPLATE && conn->control) {
		conn->expires = walk->now + EXPIRE_LATER_SECONDS * settings.hz;
		walk->request->seen++;
		return 0;
	}
	if (!conn_release(family, conn, meta))
		return 0;
	walk->request->expired++;
	return 1;
}

static __always_inline int line_is_empty(struct conn_line *line)
{
	return !((conn_meta(&line->slot[0]) | conn_meta(&line->slot[1])) & (META_VALID | META_BUSY));
}

/*
 * A line need not look beside itself any more once the line there is empty, nor into the overflow map once that is. Should an entry arrive
 * there at this very moment, the second look puts the mark back: whoever places it claims its slot first and sets the mark then.
 */
static __always_inline void sweep_marks(enum family family, struct conn_line *line, struct conn_line *neighbour)
{
	__u32 meta = conn_meta(&line->slot[0]);

	if (meta & META_NEIGHBOUR && line_is_empty(neighbour)) {
		__sync_fetch_and_and(&line->slot[0].meta, ~META_NEIGHBOUR);
		if (!line_is_empty(neighbour))
			__sync_fetch_and_or(&line->slot[0].meta, META_NEIGHBOUR);
	}
	if (meta & META_SPILLED && !*overflow_count(family)) {
		__sync_fetch_and_and(&line->slot[0].meta, ~META_SPILLED);
		if (*(volatile __u32 *)overflow_count(family))
			__sync_fetch_and_or(&line->slot[0].meta, META_SPILLED);
	}
}

static __always_inline long sweep_line_of(enum family family, __u32 step, struct sweep_walk *walk)
{
	__u32 index = walk->request->first_line + step;
	struct conn_line *line = conn_line_at(family, index);
	struct conn_line *neighbour = conn_line_at(family, index ^ 1);

	if (!line || !neighbour)
		return 1;
	sweep_conn(family, &line->slot[0], walk);
	sweep_conn(family, &line->slot[1], walk);
	sweep_marks(family, line, neighbour);
	return 0;
}

static long sweep_line(__u32 step, struct sweep_walk *walk)
{
	return sweep_line_of(FAMILY_4, step, walk);
}

static long sweep_line6(__u32 step, struct sweep_walk *walk)
{
	return sweep_line_of(FAMILY_6, step, walk);
}

static long sweep_overflow(void *map, struct overflow_key *key, struct conn *conn, struct sweep_walk *walk)
{
	struct overflow_key where = *key;

	if (sweep_conn(FAMILY_4, conn, walk) && !bpf_map_delete_elem(map, &where))
		__sync_fetch_and_sub(&settings.overflow_count, 1);
	return 0;
}

static long sweep_overflow6(void *map, __u64 *key, struct conn6 *conn, struct sweep_walk *walk)
{
	__u64 where = *key;

	if (sweep_conn(FAMILY_6, &conn->core, walk) && !bpf_map_delete_elem(map, &where))
		__sync_fetch_and_sub(&settings.overflow6_count, 1);
	return 0;
}

/* Later fragments of an older datagram have no way any more. */
static long sweep_fragment(void *map, struct fragment_key *key, struct fragment_way *way, struct sweep_walk *walk)
{
	struct fragment_key where = *key;

	if (time_reached(walk->now, way->since + FRAGMENT_SECONDS * settings.hz))
		bpf_map_delete_elem(map, &where);
	return 0;
}

static long sweep_fragment6(void *map, struct fragment_key6 *key, struct fragment_way6 *way, struct sweep_walk *walk)
{
	struct fragment_key6 where = *key;

	if (time_reached(walk->now, way->since + FRAGMENT_SECONDS * settings.hz))
		bpf_map_delete_elem(map, &where);
	return 0;
}

SEC("syscall")
int sweep(struct sweep *request)
{
	struct sweep_walk walk = { .request = request, .now = now_jiffies() };

	request->expired = 0;
	request->seen = 0;
	request->jiffies = walk.now;
	request->monotonic_ns = bpf_ktime_get_ns();
	if (request->family == FAMILY_6) {
		bpf_loop(request->line_count, sweep_line6, &walk, 0);
		if (request->with_overflow)
			bpf_for_each_map_elem(&overflow6, sweep_overflow6, &walk, 0);
		if (request->kind == SWEEP_FRAGMENTS)
			bpf_for_each_map_elem(&fragments6, sweep_fragment6, &walk, 0);
		/* Or the compiler makes one call of this and the last one, and Linux 6.1 wants a call for each map. */
		asm volatile("" : : : "memory");
		return 0;
	}
	bpf_loop(request->line_count, sweep_line, &walk, 0);
	if (request->with_overflow)
		bpf_for_each_map_elem(&overflow, sweep_overflow, &walk, 0);
	if (request->kind == SWEEP_FRAGMENTS)
		bpf_for_each_map_elem(&fragments, sweep_fragment, &walk, 0);
	return 0;
}
