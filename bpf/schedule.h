/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which server takes a new connection: what every scheduler of IPVS comes down to. The director says which of three ways to choose, and lays
 * out the slots. A server of weight 0 and an overloaded one take none.
 */
#pragma once

#include "parse.h"

#define NO_SERVER 0xffffffffU
#define NO_SERVICE 0xffffffffU

struct search {
	struct schedule *schedule;
	struct choice *choice;
};

static __always_inline __u32 slot_at(__u32 slot)
{
	__u32 index = slot / SLOTS_PER_LINE;
	struct slot_line *line = bpf_map_lookup_elem(&slots, &index);

	return line ? line->slot[slot % SLOTS_PER_LINE] : NO_SERVER;
}

static __always_inline __u32 slot_server(const struct schedule *schedule, __u32 position)
{
	return slot_at(schedule->offset + position);
}

static __always_inline int load_takes_connections(const struct server_load *load)
{
	return load->weight > 0 && !(load->flags & LOAD_OVERLOADED);
}

/* False when the server takes no connection. */
static __always_inline int look_at(__u32 server, const struct schedule *schedule, struct candidate *candidate)
{
	struct server_load *load = load_at(server);
	__u64 connections;
	__u32 inactive;

	if (!load || !load_takes_connections(load))
		return 0;
	connections = load->connections;
	candidate->server = server;
	candidate->active = connections >> 32;
	candidate->weight = load->weight;
	inactive = (__u32)connections - candidate->active;
	candidate->cost = schedule->cost_base + (__u64)schedule->cost_active * candidate->active + (__u64)schedule->cost_inactive * inactive;
	return 1;
}

/* Whether the other is the better server of two. Of equals the first one stays. */
static __always_inline int is_cheaper(const struct candidate *other, const struct candidate *best, __u16 flags)
{
	if (!best->weight)
		return 1;
	if (flags & SCAN_GREATEST_WEIGHT)
		return other->weight > best->weight;
	if (flags & SCAN_PER_WEIGHT)
		return best->cost * other->weight > other->cost * best->weight;
	return other->cost < best->cost;
}

/* The slot whose turn it is. */
static __always_inline __u32 next_in_turn(struct schedule *schedule, __u32 length)
{
	return slot_server(schedule, (__u32)(__sync_fetch_and_add(&schedule->cursor, 1) % length));
}

static long cycle_step(__u32 step __attribute__((unused)), struct search *search)
{
	struct schedule *schedule = search->schedule;
	__u32 length = schedule->length;

	if (!length)
		return 1;
	return look_at(next_in_turn(schedule, length), schedule, &search->choice->best);
}

#include "schedule_hash.h"
#include "schedule_scan.h"

static __always_inline struct schedule *current_schedule(struct service *service)
{
	return service->current ? &service->schedules[1] : &service->schedules[0];
}

/* Where servers take turns: after the one whose turn it was, which took no connection. */
__noinline __u32 schedule_further(struct service *service, const struct conn_key *tuple, __u32 now)
{
	struct search search;
	__u32 zero = 0;

	search.choice = bpf_map_lookup_elem(&choices, &zero);
	if (!service || !tuple || !search.choice)
		return NO_SERVER;
	search.schedule = current_schedule(service);
	if (!search.schedule->length)
		return NO_SERVER;
	search.choice->best.weight = 0;
	if (search.schedule->kind == SCHEDULE_HASH)
		choose_by_hash(&search, tuple);
	else if (search.schedule->kind == SCHEDULE_SCAN)
		choose_by_scan(&search, service, tuple, now);
	else
		bpf_loop(search.schedule->length - 1, cycle_step, &search, 0);
	return search.choice->best.weight ? search.choice->best.server : NO_SERVER;
}

/*
 * A server for a new connection of this tuple, or NO_SERVER. Where servers take turns the next one nearly always takes it: that much is done
 * in place, without a call.
 */
static __always_inline __u32 schedule(struct service *service, const struct conn_key *tuple, __u32 now)
{
	struct schedule *schedule = current_schedule(service);
	__u32 server, length = schedule->length;
	struct server_load *load;

	if (schedule->kind == SCHEDULE_CYCLE && length) {
		server = next_in_turn(schedule, length);
		load = load_at(server);
		if (load && load_takes_connections(load))
			return server;
	}
	return schedule_further(service, tuple, now);
}

/* Where FTP's data connections may go: IPVS takes them for those of the service on FTP's port, whose persistent clients they stay with. */
static __always_inline int may_be_ftp_data(__u16 protocol, __be16 port)
{
	return settings.flags & SETTING_FTP && protocol == IPPROTO_TCP &&
	       (port == bpf_htons(FTP_DATA_PORT) || bpf_ntohs(port) >= FIRST_FREE_PORT);
}

/* Out of line, as is much of IPv6: for the stack's sake. */
static __noinline __u32 find_service6(const struct address6 *address, __be16 port, __u16 protocol, __u16 *service_port)
{
	struct service_key6 key = { .address = *address, .port = port, .protocol = protocol };
	__u32 *index = bpf_map_lookup_elem(&service_index6, &key);

	if (!index && may_be_ftp_data(protocol, port)) {
		key.port = bpf_htons(FTP_PORT);
		index = bpf_map_lookup_elem(&service_index6, &key);
	}
	if (!index) {
		key.port = 0;
		index = bpf_map_lookup_elem(&service_index6, &key);
	}
	*service_port = key.port;
	return index ? *index : NO_SERVICE;
}

/* The service of exactly this address, port and protocol, if it is the one at its place. */
static __always_inline __u32 find_near_service(__be32 address, __be16 port, __u16 protocol)
{
	__u32 place = (address * 0x9e3779b1u + port * 0x85ebca6bu) >> (32 - NEAR_SERVICES_BITS);
	/* The lower two bits tell TCP, UDP and SCTP apart, and nobody asks for others. */
	__u64 wanted = (__u64)(protocol & 3) << NEAR_PROTOCOL_SHIFT | (__u64)port << NEAR_PORT_SHIFT | address;
	__u64 word = *(volatile __u64 *)&near_services[place];

	/* None is one less than the index of the first: NO_SERVICE. */
	return (word ^ wanted) << (64 - NEAR_INDEX_SHIFT) ? NO_SERVICE : (__u32)(word >> NEAR_INDEX_SHIFT) - 1;
}

/* The service of an address, protocol and port, that of FTP for its data, or the one of the address's every port; `service_port` is the port it is known by. */
static __always_inline __u32 find_service(__be32 address, __be16 port, __u16 protocol, __u16 *service_port)
{
	struct service_key key = { .address = address, .port = port, .protocol = protocol };
	__u32 near = find_near_service(address, port, protocol);
	__u32 *index;

	*service_port = port;
	if (near != NO_SERVICE)
		return near;
	index = bpf_map_lookup_elem(&service_index, &key);
	if (!index && may_be_ftp_data(protocol, port)) {
		key.port = bpf_htons(FTP_PORT);
		index = bpf_map_lookup_elem(&service_index, &key);
	}
	if (!index) {
		key.port = 0;
		index = bpf_map_lookup_elem(&service_index, &key);
	}
	*service_port = key.port;
	return index ? *index : NO_SERVICE;
}
