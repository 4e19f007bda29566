/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Firewall marks. Netfilter gives them to packets later than this program runs, so the director reads the operator's own rules and lays them
 * out here, in their order; only packets without a connection are held against them, and only where some service goes by a mark.
 */
#pragma once

#include "schedule.h"

struct mark_walk {
	struct address6 source;
	struct address6 destination;
	__u32 family;
	__u32 protocol; /* enum conn_protocol */
	__u32 port;     /* the destination's, host order */
	__u32 ifindex;
	__u32 first;
	__u32 mark;
};

static __always_inline int is_within(const struct address6 *address, const struct address6 *network, const struct address6 *mask)
{
	return !((address->word[0] & mask->word[0]) ^ network->word[0]) && !((address->word[1] & mask->word[1]) ^ network->word[1]) &&
	       !((address->word[2] & mask->word[2]) ^ network->word[2]) && !((address->word[3] & mask->word[3]) ^ network->word[3]);
}

/* Without branches, each of which would double what the kernel has to verify: all three differences are negative where a range holds the port. */
static __always_inline int is_port_of(const struct mark_rule *rule, __s32 port)
{
	__s32 i, hit = 0;

	for (i = 0; i < MARK_PORT_RANGES; i++)
		hit |= (i - rule->range_count) & (rule->ports[i].low - 1 - port) & (port - rule->ports[i].high - 1);
	return !rule->range_count || hit < 0;
}

/* Rules that set a mark let the next ones have their say; those that end the chain do not. */
static long mark_step(__u32 step, struct mark_walk *walk)
{
	__u32 index = walk->first + step;
	const struct mark_rule *rule = bpf_map_lookup_elem(&mark_rules, &index);

	if (!rule)
		return 1;
	if (rule->family != walk->family || (rule->protocols && !(rule->protocols & 1U << (walk->protocol & 3))))
		return 0;
	if ((rule->ifindex && rule->ifindex != walk->ifindex) || !is_port_of(rule, walk->port))
		return 0;
	if (!is_within(&walk->source, &rule->source, &rule->source_mask) ||
	    !is_within(&walk->destination, &rule->destination, &rule->destination_mask))
		return 0;
	walk->mark = (walk->mark & ~rule->mask) ^ rule->mark;
	return rule->ends != 0;
}

static __always_inline __u32 walk_rules(struct mark_walk *walk, const struct conn_key *key, __u32 ifindex)
{
	walk->protocol = (key->kind & META_PROTOCOL) >> META_PROTOCOL_SHIFT;
	walk->port = bpf_ntohs((__be16)(key->ports >> 16));
	walk->ifindex = ifindex;
	walk->first = settings.mark_rules >> 16;
	bpf_loop(settings.mark_rules & 0xffff, mark_step, walk, 0);
	return walk->mark;
}

/* The mark that the rules give to a packet of this tuple; 0 for none. */
static __always_inline __u32 find_mark(const struct conn_key *key, __u32 ifindex)
{
	struct mark_walk walk = { .family = FAMILY_4 };

	walk.source.word[0] = (__be32)key->addresses;
	walk.destination.word[0] = (__be32)(key->addresses >> 32);
	return walk_rules(&walk, key, ifindex);
}

static __always_inline __u32 find_mark6(const struct conn_key6 *key, __u32 ifindex)
{
	struct mark_walk walk = { .family = FAMILY_6, .source = key6_client(key), .destination = key6_virtual(key) };

	return walk_rules(&walk, &key->core, ifindex);
}

static __always_inline __u32 service_of_mark(__u32 mark, enum family family)
{
	struct mark_key key = { .mark = mark, .family = family };
	__u32 *index = mark ? bpf_map_lookup_elem(&service_marks, &key) : NULL;

	return index ? *index : NO_SERVICE;
}

/* The number of the service by mark for a packet of this tuple, or NO_SERVICE. Verified once, on its own: few directors go by marks. */
__noinline __u32 marked_service(const struct conn_key *key, __u32 ifindex)
{
	return key ? service_of_mark(find_mark(key, ifindex), FAMILY_4) : NO_SERVICE;
}

__noinline __u32 marked_service6(const struct conn_key6 *key, __u32 ifindex)
{
	return key ? service_of_mark(find_mark6(key, ifindex), FAMILY_6) : NO_SERVICE;
}
