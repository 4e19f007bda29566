/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counters: per server and CPU, per reason and CPU; and the connection counts that the schedulers and thresholds look at. */
#pragma once

#include "clock.h"

#define LOAD_ACTIVE (1ULL << 32)
#define LOAD_TOTAL 1ULL

static __always_inline void count_reason(__u32 reason)
{
	__u64 *counter = bpf_map_lookup_elem(&reasons, &reason);

	if (counter)
		(*counter)++;
}

static __always_inline int drop(enum reason reason)
{
	count_reason(reason);
	return XDP_DROP;
}

static __always_inline int pass(enum reason reason)
{
	count_reason(reason);
	return XDP_PASS;
}

static __always_inline void count_packet(__u32 server, __u32 bytes)
{
	struct server_stats *stats = bpf_map_lookup_elem(&server_stats, &server);

	if (!stats)
		return;
	stats->packets++;
	stats->bytes += bytes;
}

static __always_inline void count_reply(__u32 server, __u32 bytes)
{
	struct server_stats *stats = bpf_map_lookup_elem(&server_stats, &server);

	if (!stats)
		return;
	stats->out_packets++;
	stats->out_bytes += bytes;
}

static __always_inline void count_connection(__u32 server)
{
	struct server_stats *stats = bpf_map_lookup_elem(&server_stats, &server);

	if (stats)
		stats->connections++;
}

/* The server takes no more connections once all of them, active or not, reach the upper threshold. */
static __always_inline void load_connection_added(__u32 server, __u64 change)
{
	struct server_load *load = load_at(server);
	__u32 total;

	if (!load)
		return;
	total = (__u32)(__sync_fetch_and_add(&load->connections, change) + change);
	if (load->upper && total >= load->upper)
		__sync_fetch_and_or(&load->flags, LOAD_OVERLOADED);
}

/* It takes them again below the lower threshold, or below three quarters of the upper one. */
static __always_inline void load_connection_removed(__u32 server, __u64 change)
{
	struct server_load *load = load_at(server);
	__u32 total;

	if (!load)
		return;
	total = (__u32)(__sync_fetch_and_sub(&load->connections, change) - change);
	if (!(load->flags & LOAD_OVERLOADED))
		return;
	if (load->lower ? total < load->lower : (__u64)total * 4 < (__u64)load->upper * 3 || !load->upper)
		__sync_fetch_and_and(&load->flags, ~LOAD_OVERLOADED);
}

static __always_inline void load_activity_changed(__u32 server, int active)
{
	struct server_load *load = load_at(server);

	if (load)
		__sync_fetch_and_add(&load->connections, active ? LOAD_ACTIVE : -LOAD_ACTIVE);
}

static __always_inline void load_template_changed(__u32 server, __u32 change)
{
	struct server_load *load = load_at(server);

	if (load)
		__sync_fetch_and_add(&load->persistent, change);
}
