/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The best of all servers: lc, wlc, sed, nq, fo, ovf and twos; and lblc and lblcr, which look at what they remember first. */
#pragma once

/*
 * Every rule comes down to a cost and a share: whoever costs least for its share is the best. By weight alone the greatest weight costs least,
 * and an idle server costs nothing where the first idle one wins.
 */
static __always_inline int adapt_cost(__u16 flags, __s64 weight, __u64 active, __u64 *cost)
{
	if (flags & SCAN_FULL_ABOVE_WEIGHT && (__s64)active > weight)
		return 0;
	if (flags & SCAN_GREATEST_WEIGHT)
		*cost = 0x80000000 - weight;
	if (flags & SCAN_IDLE_FIRST && !active)
		*cost = 0;
	return 1;
}

/*
 * All servers of one line of slots, which is found once. What is best so far stays in the map: the verifier, which follows every way through
 * the loop, need not tell apart what is there. Its weight is the share meanwhile. Of equals the first one stays. With `by_weight` the cost in
 * proportion to the weight is all that counts: that is the most that hundreds of servers can be asked for with each new connection.
 */
static __always_inline long scan_line(__u32 step, struct search *search, int by_weight)
{
	const struct schedule *schedule = search->schedule;
	__u32 offset = schedule->offset, length = schedule->length, index = offset / SLOTS_PER_LINE + step;
	__u32 i, position = index * SLOTS_PER_LINE - offset;
	struct slot_line *line = bpf_map_lookup_elem(&slots, &index);
	struct candidate *best = &search->choice->best;
	__u64 base = schedule->cost_base, each = schedule->cost_inactive, more_active = schedule->cost_active - each;
	__u64 connections, cost, share;
	const struct server_load *load;
	__s32 weight;
	__u16 flags;

	if (!line)
		return 1;
	for (i = 0; i < SLOTS_PER_LINE; i++, position++) {
		load = position < length ? load_at(line->slot[i]) : NULL;
		if (!load)
			continue;
		weight = load->weight;
		if (weight <= 0 || load->flags & LOAD_OVERLOADED)
			continue;
		connections = load->connections;
		cost = base + each * (__u32)connections + more_active * (connections >> 32);
		share = weight;
		if (!by_weight) {
			/* Read again each time, for the same reason. */
			flags = *(const volatile __u16 *)&schedule->flags;
			if (!adapt_cost(flags, weight, connections >> 32, &cost))
				continue;
			share = flags & SCAN_PER_WEIGHT ? weight : 1;
		}
		if (best->cost * share <= cost * best->weight)
			continue;
		best->cost = cost;
		best->weight = share;
		best->server = line->slot[i];
	}
	return 0;
}

static long scan_step(__u32 step, struct search *search)
{
	return scan_line(step, search, 0);
}

static long scan_step_by_weight(__u32 step, struct search *search)
{
	return scan_line(step, search, 1);
}

static long sum_step(__u32 step, struct search *search)
{
	struct candidate other;

	if (look_at(slot_server(search->schedule, step), search->schedule, &other))
		search->choice->sum += other.weight;
	return 0;
}

/* The draws fall where the running sum of the weights reaches their marks. */
static long draw_step(__u32 step, struct search *search)
{
	struct candidate other;

	if (!look_at(slot_server(search->schedule, step), search->schedule, &other))
		return 0;
	search->choice->sum += other.weight;
	if (!search->choice->best.weight && search->choice->sum >= search->choice->mark)
		search->choice->best = other;
	if (!search->choice->second.weight && search->choice->sum >= search->choice->second_mark)
		search->choice->second = other;
	return search->choice->best.weight && search->choice->second.weight;
}

/* Both draws go from 0 up to and including the sum, as in the kernel: the first server has one chance more than its weight. */
static __always_inline void choose_of_two(struct search *search)
{
	struct choice *choice = search->choice;
	__u32 length = search->schedule->length;

	choice->sum = 0;
	choice->second.weight = 0;
	bpf_loop(length, sum_step, search, 0);
	choice->mark = (((__u64)bpf_get_prandom_u32() << 32) | bpf_get_prandom_u32()) % (choice->sum + 1);
	choice->second_mark = (((__u64)bpf_get_prandom_u32() << 32) | bpf_get_prandom_u32()) % (choice->sum + 1);
	choice->sum = 0;
	bpf_loop(length, draw_step, search, 0);
	if (choice->best.weight && choice->second.weight && is_cheaper(&choice->second, &choice->best, search->schedule->flags))
		choice->best = choice->second;
}

/* Whether some server has less than half of the active connections that its weight allows. */
static long spare_step(__u32 step, struct search *search)
{
	__u32 server = slot_server(search->schedule, step);
	struct server_load *load = load_at(server);

	if (!load || (__s64)(load->connections >> 32) * 2 >= load->weight)
		return 0;
	search->choice->spare = 1;
	return 1;
}

/* A server that an address was kept with has to give it up when it has too many connections while another one has few. */
static __always_inline int is_crowded(struct search *search, const struct candidate *server)
{
	if (server->active <= server->weight)
		return 0;
	search->choice->spare = 0;
	bpf_loop(search->schedule->length, spare_step, search, 0);
	return search->choice->spare;
}

static __always_inline int is_of_service(__u32 number, __u32 service)
{
	struct server *server = server_at(number);
	struct server_load *load = load_at(number);

	return server && load && server->flags & SERVER_AVAILABLE && load->service == service;
}

/* As in the kernel, the server that lblc kept may be over its threshold. */
static __noinline int kept_server(struct search *search, const struct locality *kept, __u32 service)
{
	__u32 number = kept->members[0];
	struct server_load *load = load_at(number);
	struct candidate candidate = { .server = number };

	if (!load || load->weight <= 0 || !is_of_service(number, service))
		return 0;
	candidate.weight = load->weight;
	candidate.active = load->connections >> 32;
	if (is_crowded(search, &candidate))
		return 0;
	search->choice->best = candidate;
	return 1;
}

struct set_walk {
	struct search *search;
	const struct locality *kept;
	__u32 service;
};

static long set_step(__u32 step, struct set_walk *walk)
{
	const struct schedule *schedule = walk->search->schedule;
	struct candidate other;
	__u32 number;

	if (step >= walk->kept->count || step >= MAX_REPLICAS)
		return 1;
	number = walk->kept->members[step];
	if (!is_of_service(number, walk->service))
		return 0;
	if (look_at(number, schedule, &other) && is_cheaper(&other, &walk->search->choice->best, schedule->flags))
		walk->search->choice->best = other;
	return 0;
}

/* The member with the greatest cost for its weight; thresholds are not asked. */
static long heaviest_step(__u32 step, struct set_walk *walk)
{
	struct choice *choice = walk->search->choice;
	struct server_load *load;
	struct candidate other;
	__u32 number;

	if (step >= walk->kept->count || step >= MAX_REPLICAS)
		return 1;
	number = walk->kept->members[step];
	load = load_at(number);
	if (!load || load->weight <= 0)
		return 0;
	other.active = load->connections >> 32;
	other.weight = load->weight;
	other.cost = (__u64)walk->search->schedule->cost_active * other.active +
		     (__u64)walk->search->schedule->cost_inactive * ((__u32)load->connections - other.active);
	if (!choice->second.weight || other.cost * choice->second.weight > choice->second.cost * other.weight) {
		choice->second = other;
		choice->start = step;
	}
	return 0;
}

static __noinline void set_remove(struct locality *kept, __u32 position)
{
	__u32 i;

	for (i = 0; i < MAX_REPLICAS - 1; i++) {
		if (i >= position)
			kept->members[i] = kept->members[i + 1];
	}
	kept->count--;
}

static __noinline void set_add(struct locality *kept, __u32 server, __u32 now)
{
	__u16 next, moved = server;
	__u32 i;

	for (i = 0; i < MAX_REPLICAS; i++) {
		if (i < kept->count && kept->members[i] == server)
			return;
	}
	/* One by one: all at once they would take the stack that the callers need. */
	for (i = 0; i < MAX_REPLICAS; i++) {
		next = *(volatile __u16 *)&kept->members[i];
		*(volatile __u16 *)&kept->members[i] = moved;
		moved = next;
	}
	if (kept->count < MAX_REPLICAS)
		kept->count++;
	kept->changed = now;
}

/* The least loaded server of the address's set, unless it is crowded. A set that has not changed for long loses its most loaded member. */
static __always_inline int kept_set(struct search *search, struct locality *kept, __u32 service, __u32 now)
{
	struct set_walk walk = { .search = search, .kept = kept, .service = service };
	struct choice *choice = search->choice;

	bpf_loop(MAX_REPLICAS, set_step, &walk, 0);
	if (kept->count > 1 && (__s32)(now - kept->changed - search->schedule->keep) > 0) {
		choice->second.weight = 0;
		bpf_loop(MAX_REPLICAS, heaviest_step, &walk, 0);
		if (choice->second.weight) {
			set_remove(kept, choice->start);
			kept->changed = now;
		}
	}
	if (choice->best.weight && !is_crowded(search, &choice->best))
		return 1;
	choice->best.weight = 0;
	return 0;
}

/* Not static: the kernel then verifies it once, and not again for every way that leads here. */
__noinline int choose_of_all(struct schedule *schedule)
{
	struct search search = { .schedule = schedule };
	struct candidate *best;
	__u32 lines, zero = 0;

	search.choice = bpf_map_lookup_elem(&choices, &zero);
	if (!schedule || !search.choice)
		return 0;
	best = &search.choice->best;
	/* Whatever comes is better. */
	best->cost = 1;
	best->weight = 0;
	lines = (schedule->offset % SLOTS_PER_LINE + schedule->length + SLOTS_PER_LINE - 1) / SLOTS_PER_LINE;
	if ((schedule->flags & (SCAN_FULL_ABOVE_WEIGHT | SCAN_GREATEST_WEIGHT | SCAN_IDLE_FIRST | SCAN_PER_WEIGHT)) == SCAN_PER_WEIGHT) {
		bpf_loop(lines, scan_step_by_weight, &search, 0);
		/* Or the compiler makes one call of both, which the kernel then cannot put in place. */
		asm volatile("" : : : "memory");
	} else {
		bpf_loop(lines, scan_step, &search, 0);
	}
	if (!best->weight)
		return 0;
	look_at(best->server, schedule, best);
	return 1;
}

static __always_inline void choose_by_locality(struct search *search, const struct service *service, __be32 virtual, __u32 now)
{
	struct locality_key key = { .service = service->index, .virtual = virtual };
	struct locality *kept = bpf_map_lookup_elem(&localities, &key);
	int is_set = search->schedule->flags & SCAN_KEEP_SET;
	struct choice *choice = search->choice;

	if (kept) {
		kept->used = now;
		if (is_set ? kept_set(search, kept, service->index, now) : kept_server(search, kept, service->index))
			return;
	}
	if (!choose_of_all(search->schedule))
		return;
	if (!kept) {
		choice->fresh.used = now;
		choice->fresh.changed = now;
		choice->fresh.count = 1;
		choice->fresh.members[0] = choice->best.server;
		bpf_map_update_elem(&localities, &key, &choice->fresh, BPF_ANY);
	} else if (is_set) {
		set_add(kept, choice->best.server, now);
	} else {
		kept->members[0] = choice->best.server;
	}
}

static __always_inline void choose_by_scan(struct search *search, const struct service *service, const struct conn_key *tuple, __u32 now)
{
	__u16 flags = search->schedule->flags;

	if (flags & (SCAN_KEEP_SERVER | SCAN_KEEP_SET))
		choose_by_locality(search, service, (__be32)(tuple->addresses >> 32), now);
	else if (flags & SCAN_TWO_DRAWS)
		choose_of_two(search);
	else
		choose_of_all(search->schedule);
}
