/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which new connections are not wanted, and which clients first have to prove that they are there. */
#pragma once

#include "schedule.h"

/*
 * Whether the source may make another connection to the service. Its bucket fills by `source_rate` in a second up to `source_burst`. Two CPUs
 * that serve one source at the same moment may let one connection more in than they should.
 */
static __noinline int source_may_connect(const struct service *service, const struct source_key *key, __u32 now)
{
	__u64 full = (__u64)service->source_burst * settings.hz, left;
	struct source_budget *budget = bpf_map_lookup_elem(&sources, key), fresh;

	if (!budget) {
		fresh.left = full - settings.hz;
		fresh.refilled = now;
		bpf_map_update_elem(&sources, key, &fresh, BPF_ANY);
		return 1;
	}
	left = budget->left;
	/* Another CPU's clock may be a tick ahead. */
	if (!time_reached(budget->refilled, now)) {
		left += (__u64)(now - budget->refilled) * service->source_rate;
		budget->refilled = now;
	}
	if (left > full)
		left = full;
	budget->left = left >= settings.hz ? left - settings.hz : left;
	return left >= settings.hz;
}

/* drop_packet, as IPVS's ip_vs_todrop() counts. */
static __noinline int is_every_nth(void)
{
	if (__sync_fetch_and_sub(&settings.drop_count, 1) > 1)
		return 0;
	settings.drop_count = settings.drop_rate;
	return 1;
}

/* 0, or the reason why the packet starts no connection. */
static __always_inline int refused_by_defence(enum family family, const struct packet *packet, const struct service *service, __u32 now)
{
	struct source_key key = { .service = service->index };

	if (settings.drop_rate && is_every_nth())
		return DROP_EVERY_NTH;
	if (!(service->flags & SERVICE_SOURCE_LIMIT))
		return 0;
	if (family == FAMILY_6) {
		key.network[0] = packet->ip6->source.word[0];
		key.network[1] = packet->ip6->source.word[1];
	} else {
		key.network[0] = packet->ip->saddr;
	}
	return source_may_connect(service, &key, now) ? 0 : DROP_SOURCE_LIMIT;
}

/* Clients of either family. */
static __always_inline struct address6 client_address(enum family family, const struct packet *packet)
{
	struct address6 client = {};

	if (family == FAMILY_6)
		return packet->ip6->source;
	client.word[0] = packet->ip->saddr;
	return client;
}

/* Whether the client has proven that packets to its address reach it; whoever comes again need not prove it again. */
static __noinline int is_known(const struct address6 *client, __u32 now)
{
	__u32 *until = bpf_map_lookup_elem(&known_clients, client);

	if (!until || time_reached(now, *until))
		return 0;
	*until = now + KNOWN_SECONDS * settings.hz;
	return 1;
}

static __always_inline void make_known(const struct address6 *client, __u32 now)
{
	__u32 until = now + KNOWN_SECONDS * settings.hz;

	bpf_map_update_elem(&known_clients, client, &until, BPF_ANY);
}

/*
 * Whether the program of the SYN proxy has to look at a segment that belongs to no connection: at SYNs, and at what its answers to them
 * bring back. The segments that prove something come with the cookie as acknowledgement, or, of a reset, as sequence number.
 */
static __always_inline int is_proxys(enum family family, const struct packet *packet, const struct service *service, __u8 flags, __u32 now)
{
	struct address6 client;

	if (service->flags & SERVICE_COOKIES)
		return !(flags & TCP_RST) && flags & (TCP_SYN | TCP_ACK);
	if (!(service->flags & SERVICE_CHALLENGE))
		return 0;
	if (flags & TCP_RST)
		return 1;
	client = client_address(family, packet);
	return flags & TCP_SYN && !is_known(&client, now);
}
