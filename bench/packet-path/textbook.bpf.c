// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The balancer of the tutorials, as well as it can be written in their way: connections in a BPF_MAP_TYPE_LRU_HASH, services in a hash, round
 * robin by a counter, statistics per CPU, direct routing by rewriting the Ethernet addresses. It knows IPv4 and TCP and UDP without options
 * and fragments; it has no states, no time-outs, no weights and no connection counts.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/types.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define SERVERS 4

struct flow {
	__be32 source;
	__be32 destination;
	__be16 source_port;
	__be16 destination_port;
	__u32 protocol;
};

struct service {
	__be32 address;
	__be16 port;
	__u16 protocol;
};

struct backend {
	__u8 destination_mac[6];
	__u8 source_mac[6];
};

struct counters {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1 << 21);
	__type(key, struct flow);
	__type(value, __u32);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct service);
	__type(value, __u64); /* connections so far: the round-robin counter */
} virtual_services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SERVERS);
	__type(key, __u32);
	__type(value, struct backend);
} backends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SERVERS);
	__type(key, __u32);
	__type(value, struct counters);
} backend_counters SEC(".maps");

char _license[] SEC("license") = "Dual BSD/GPL";

/* A backend for a new connection; its number is remembered for the connection's next packets. */
static __always_inline __u32 *assign(const struct flow *flow, __u32 *chosen)
{
	struct service key = { .address = flow->destination, .port = flow->destination_port, .protocol = flow->protocol };
	__u64 *turn = bpf_map_lookup_elem(&virtual_services, &key);

	if (!turn)
		return NULL;
	*chosen = __sync_fetch_and_add(turn, 1) % SERVERS;
	bpf_map_update_elem(&flows, flow, chosen, BPF_ANY);
	return chosen;
}

SEC("xdp")
int textbook(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	__be16 *ports = (void *)(ip + 1);
	struct counters *counters;
	struct backend *backend;
	struct flow flow = {};
	__u32 *server, chosen;

	if ((void *)(ports + 2) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5)
		return XDP_PASS;
	if (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP)
		return XDP_PASS;
	flow.source = ip->saddr;
	flow.destination = ip->daddr;
	flow.source_port = ports[0];
	flow.destination_port = ports[1];
	flow.protocol = ip->protocol;
	server = bpf_map_lookup_elem(&flows, &flow);
	if (!server)
		server = assign(&flow, &chosen);
	if (!server)
		return XDP_PASS;
	backend = bpf_map_lookup_elem(&backends, server);
	counters = bpf_map_lookup_elem(&backend_counters, server);
	if (!backend || !counters)
		return XDP_PASS;
	counters->packets++;
	counters->bytes += bpf_ntohs(ip->tot_len);
	__builtin_memcpy(eth, backend->destination_mac, 12);
	return XDP_TX;
}
