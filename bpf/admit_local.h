/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which local address and port a new connection by full NAT gets. They have to differ only among the connections to the same server and
 * port: the way back is found by both ends. Addresses take turns, and so do the ports of each, so that a port rests as long as it can. One
 * that is taken is followed by others evenly spread over the address's range: connections that stay long were often made together.
 */
#pragma once

#include "admit.h"

struct local_search {
	const struct conn_key *tuple;
	const struct server *server;
	__u32 start; /* whose turn it is */
	__u32 offset, count; /* of the service's local addresses, in slots */
	__u32 found; /* local_endpoint() */
};

/* Whether no other connection answers to this way back. */
static __always_inline int local_is_free(enum family family, const struct local_search *search, __u32 local)
{
	struct conn_line *line;
	struct conn_key6 key;

	if (!reply_key(family, &key.core, search->tuple, search->server, local, 0))
		return 0;
	line = conn_line_of(family, &key.core);
	return line && !conn_find(family, line, &key.core);
}

static __always_inline long local_try(enum family family, __u32 step, struct local_search *search)
{
	__u32 position = search->offset + (search->start + step) % search->count;
	struct local_address *from;
	__u32 number, turn, local;

	number = slot_at(position);
	from = bpf_map_lookup_elem(&local_addresses, &number);
	if (!from || !from->port_count)
		return 0;
	turn = step < search->count ? __sync_fetch_and_add(&from->cursor, 1) : from->cursor;
	turn += step / search->count * (from->port_count / LOCAL_PORT_TRIES + 1);
	local = local_endpoint(number, bpf_htons(from->first_port + turn % from->port_count));
	if (!local_is_free(family, search, local)) {
		__sync_fetch_and_add(&from->collisions, 1);
		return 0;
	}
	search->found = local;
	return 1;
}

static long local_try4(__u32 step, struct local_search *search)
{
	return local_try(FAMILY_4, step, search);
}

static long local_try6(__u32 step, struct local_search *search)
{
	return local_try(FAMILY_6, step, search);
}

static __always_inline int find_local_for(enum family family, struct service *service, const struct conn_key *tuple,
					  const struct server *server, struct admission *admission)
{
	/* Read in one step, as the director writes it. */
	__u64 run = *(volatile __u64 *)&service->local_offset;
	struct local_search search = { .tuple = tuple, .server = server, .offset = (__u32)run, .count = run >> 32 };

	if (!search.count)
		return DROP_NO_LOCAL_PORT;
	search.start = __sync_fetch_and_add(&service->local_cursor, 1);
	if (family == FAMILY_6)
		bpf_loop(LOCAL_PORT_TRIES, local_try6, &search, 0);
	else
		bpf_loop(LOCAL_PORT_TRIES, local_try4, &search, 0);
	admission->local = search.found;
	return search.found ? 0 : DROP_NO_LOCAL_PORT;
}

__noinline int find_local(struct service *service, const struct conn_key *tuple, struct server *server, struct admission *admission)
{
	return service && tuple && server && admission ? find_local_for(FAMILY_4, service, tuple, server, admission) : DROP_TABLE_BUSY;
}

__noinline int find_local6(struct service *service, const struct conn_key6 *tuple, struct server *server, struct admission *admission)
{
	return service && tuple && server && admission ? find_local_for(FAMILY_6, service, &tuple->core, server, admission)
						       : DROP_TABLE_BUSY;
}

/* Gives an admission to a server by full NAT its local address and port. Returns 0 or the reason why there is none. */
static __always_inline int choose_local(enum family family, struct service *service, const struct conn_key *key, struct admission *admission)
{
	__u32 index = admission->server;
	struct server *server = server_at(index);

	if (!server || server->forwarding != FORWARD_FULLNAT)
		return 0;
	if (family == FAMILY_6)
		return find_local6(service, (const struct conn_key6 *)key, server, admission);
	return find_local(service, key, server, admission);
}
