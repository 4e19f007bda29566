/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps. Sizes marked "by the director" are set before loading, from the options of the data plane. */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "reasons.h"
#include "structs.h"

/* A memory-mapped array is page aligned, so that no entry straddles two cache lines (70 to 140 ns each when cold). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1 << 17); /* by the director; a power of two */
	__type(key, __u32);
	__type(value, struct conn_line);
} connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 14); /* by the director */
	__type(key, struct overflow_key);
	__type(value, struct conn);
} overflow SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1 << 15); /* by the director; a power of two */
	__type(key, __u32);
	__type(value, struct conn_line);
} connections6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1 << 15); /* as connections6 */
	__type(key, __u32);
	__type(value, struct rest_line6);
} rests6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 12); /* by the director */
	__type(key, __u64); /* the fingerprint */
	__type(value, struct conn6);
} overflow6 SEC(".maps");

/*
 * Which connection of an overflow map a way back of full NAT leads to, which has room for a number alone. Allocated as needed, for few
 * connections lie there.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 14); /* by the director */
	__type(key, __u32);
	__type(value, struct conn_key);
} overflow_ways SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 12); /* by the director */
	__type(key, __u32);
	__type(value, struct conn_key6);
} overflow_ways6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, MAX_LOCAL_ADDRESSES);
	__type(key, __u32);
	__type(value, struct local_address);
} local_addresses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_SERVERS);
	__type(key, __u32);
	__type(value, struct server_stats);
} server_stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_SERVICES);
	__type(key, struct service_key);
	__type(value, __u32); /* index into services */
} service_index SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_SERVICES);
	__type(key, struct service_key6);
	__type(value, __u32);
} service_index6 SEC(".maps");

/* Services by firewall mark. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_SERVICES);
	__type(key, struct mark_key);
	__type(value, __u32);
} service_marks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2 * MAX_MARK_RULES);
	__type(key, __u32);
	__type(value, struct mark_rule);
} mark_rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1 << 15);
	__type(key, __u32);
	__type(value, struct slot_line);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_LOCALITIES);
	__type(key, struct locality_key);
	__type(value, struct locality);
} localities SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_LIMITED_SOURCES);
	__type(key, struct source_key);
	__type(value, struct source_budget);
} sources SEC(".maps");

/* Until when (in jiffies) a client counts as known. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_KNOWN_CLIENTS);
	__type(key, struct address6);
	__type(value, __u32);
} known_clients SEC(".maps");

/* Entries come and go with their connections. Their memory is taken as they come: most directors have none. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 18); /* by the director */
	__type(key, struct proxied_key);
	__type(value, struct proxied);
} proxied SEC(".maps");

/* Which server the other fragments of a datagram follow. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct fragment_key);
	__type(value, struct fragment_way);
} fragments SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct fragment_key6);
	__type(value, struct fragment_way6);
} fragments6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, REASON_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} reasons SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct choice);
} choices SEC(".maps");

/* The key of the connection that is being opened. Only packets use it: the director's sweep may be interrupted by one. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct conn_key6);
} keys6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct chunk);
} chunks SEC(".maps");

/* Ports a packet may leave by, keyed by interface index. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, TAIL_COUNT);
	__type(key, __u32);
	__type(value, __u32);
} programs SEC(".maps");

/* Global variables are reached without a map lookup. */
struct settings settings SEC(".data.settings");
struct server servers[MAX_SERVERS] SEC(".data.servers");
struct server_load server_loads[MAX_SERVERS] SEC(".data.loads");
struct service services[MAX_SERVICES] SEC(".data.services");
/*
 * Services over IPv4 by place: what they are found by, and where, in one word (enum near_service) that is written and read whole; 0: none. All
 * of them are in `service_index`, and of two that share a place only one is here.
 */
__u64 near_services[NEAR_SERVICES] SEC(".data.near");

/* The compiler would compute the address before it looks whether it may, which the verifier does not let pass. */
#define BOUND(index, limit)                                                                                                        \
	if ((index) >= (limit))                                                                                                    \
		return NULL;                                                                                                       \
	asm volatile("" : "+r"(index));                                                                                            \
	index &= (limit) - 1

static __always_inline struct server *server_at(__u64 index)
{
	BOUND(index, MAX_SERVERS);
	return &servers[index];
}

static __always_inline struct server_load *load_at(__u64 index)
{
	BOUND(index, MAX_SERVERS);
	return &server_loads[index];
}

static __always_inline struct service *service_at(__u64 index)
{
	BOUND(index, MAX_SERVICES);
	return &services[index];
}
