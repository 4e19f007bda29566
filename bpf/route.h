/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ways to where no real server is: the kernel's own routes and neighbours say. Only rare packets ask. */
#pragma once

#include "send.h"

#define AF_INET 2
#define AF_INET6 10

/*
 * Looks up where a packet goes on that came by this port, and by which hop: BPF_FIB_LKUP_RET_SUCCESS, or why the kernel must be asked itself,
 * or that there is no way. `way` has family and addresses. Verified once, on its own.
 */
__noinline int find_route(struct xdp_md *ctx, struct bpf_fib_lookup *way)
{
	__u32 ifindex;
	int found;

	if (!way)
		return BPF_FIB_LKUP_RET_NOT_FWDED;
	way->ifindex = ingress_of(ctx);
	found = bpf_fib_lookup(ctx, way, sizeof(*way), 0);
	ifindex = way->ifindex;
	/* The packet path may not send by every interface. */
	if (found == BPF_FIB_LKUP_RET_SUCCESS && !bpf_map_lookup_elem(&ports, &ifindex) && tagged_port(ifindex) == MAX_PORTS)
		return BPF_FIB_LKUP_RET_NO_NEIGH;
	return found < 0 ? BPF_FIB_LKUP_RET_NOT_FWDED : found;
}
