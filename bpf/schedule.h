/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which server takes a new connection. rr and wrr walk a wheel that the director lays out: for rr the servers in IPVS's order, for wrr the
 * kernel's whole cycle. The wheel has only servers of positive weight; an overloaded one is stepped over.
 */
#pragma once

#include "stats.h"

#define NO_SERVER 0xffffffffU

struct wheel_walk {
	struct wheel *wheel;
	__u32 chosen;
};

/* One step of the wheel. Stops the loop when the server there takes the connection. */
static long wheel_step(__u32 step __attribute__((unused)), struct wheel_walk *walk)
{
	struct wheel *wheel = walk->wheel;
	__u32 length = wheel->length;
	struct wheel_line *line;
	struct server_load *load;
	__u32 slot, index;

	if (!length)
		return 1;
	slot = wheel->offset + (__u32)(__sync_fetch_and_add(&wheel->cursor, 1) % length);
	index = slot / WHEEL_SLOTS_PER_LINE;
	line = bpf_map_lookup_elem(&wheels, &index);
	if (!line)
		return 1;
	index = line->slot[slot % WHEEL_SLOTS_PER_LINE];
	load = bpf_map_lookup_elem(&server_loads, &index);
	if (!load || load->flags & LOAD_OVERLOADED)
		return 0;
	walk->chosen = index;
	return 1;
}

/* A server for a new connection, or NO_SERVER. */
__noinline __u32 schedule(struct service *service)
{
	struct wheel_walk walk = { .chosen = NO_SERVER };

	if (!service)
		return NO_SERVER;
	walk.wheel = service->current ? &service->wheels[1] : &service->wheels[0];
	if (!wheel_step(0, &walk))
		bpf_loop(walk.wheel->length - 1, wheel_step, &walk, 0);
	return walk.chosen;
}

/* The service of an address, protocol and port, or the one of the address's every port; `service_port` is the port it is known by. */
static __always_inline struct service *find_service(__be32 address, __be16 port, __u16 protocol, __u16 *service_port)
{
	struct service_key key = { .address = address, .port = port, .protocol = protocol };
	__u32 *index = bpf_map_lookup_elem(&service_index, &key);

	if (!index) {
		key.port = 0;
		index = bpf_map_lookup_elem(&service_index, &key);
	}
	*service_port = key.port;
	return index ? bpf_map_lookup_elem(&services, index) : NULL;
}
