// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The peer of the packet-path bench: a direct-routing balancer as one writes it with the kernel's ready-made maps. An LRU hash of
 * connections, a hash of services, an array of servers, statistics in per-CPU arrays, round robin by an atomic cursor. It spares itself what
 * we do beyond that: connection states, time-outs, counts of active connections, thresholds, persistence, fragments, ICMP. The LRU order
 * takes the place of time-outs.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define SERVERS_PER_SERVICE 16
#define IP_FRAGMENT 0x3fff

struct flow {
	__be32 client;
	__be32 virtual;
	__be16 client_port;
	__be16 virtual_port;
	__u32 protocol;
};

struct placement {
	__u32 service;
	__u32 server;
};

struct service_key {
	__be32 address;
	__be16 port;
	__u16 protocol;
};

struct service {
	__u32 number;
	__u32 server_count;
	__u64 cursor;
	__u32 servers[SERVERS_PER_SERVICE];
};

struct server {
	__u8 destination_mac[ETH_ALEN];
	__u8 source_mac[ETH_ALEN];
};

struct counters {
	__u64 connections;
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1 << 18); /* by the bench */
	__type(key, struct flow);
	__type(value, struct placement);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct service_key);
	__type(value, struct service);
} services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct server);
} servers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct counters);
} service_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct counters);
} server_counters SEC(".maps");

static __always_inline void count(void *map, __u32 index, __u32 bytes, int is_new)
{
	struct counters *counters = bpf_map_lookup_elem(map, &index);

	if (!counters)
		return;
	counters->connections += is_new;
	counters->packets++;
	counters->bytes += bytes;
}

/* Round robin over the service's servers; false when the packet is for no service. */
static __always_inline int place(const struct flow *flow, struct placement *placement)
{
	struct service_key key = { .address = flow->virtual, .port = flow->virtual_port, .protocol = (__u16)flow->protocol };
	struct service *service = bpf_map_lookup_elem(&services, &key);

	if (!service || !service->server_count)
		return 0;
	placement->service = service->number;
	placement->server =
		service->servers[__sync_fetch_and_add(&service->cursor, 1) % service->server_count & (SERVERS_PER_SERVICE - 1)];
	bpf_map_update_elem(&flows, flow, placement, BPF_ANY);
	return 1;
}

static __always_inline void decrease_ttl(struct iphdr *ip)
{
	__u32 check = ip->check;

	check += bpf_htons(0x0100);
	ip->check = (__u16)(check + (check >= 0xffff));
	ip->ttl--;
}

SEC("xdp.frags")
int textbook(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct tcphdr *tcp = (void *)(ip + 1);
	struct placement fresh, *placement;
	struct server *server;
	struct flow flow;
	int is_new = 0;

	if ((void *)(tcp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	if (ip->ihl != 5 || ip->protocol != IPPROTO_TCP || ip->frag_off & bpf_htons(IP_FRAGMENT) || ip->ttl <= 1)
		return XDP_PASS;
	flow.client = ip->saddr;
	flow.virtual = ip->daddr;
	flow.client_port = tcp->source;
	flow.virtual_port = tcp->dest;
	flow.protocol = IPPROTO_TCP;
	placement = bpf_map_lookup_elem(&flows, &flow);
	if (!placement) {
		if (!place(&flow, &fresh))
			return XDP_PASS;
		placement = &fresh;
		is_new = 1;
	}
	server = bpf_map_lookup_elem(&servers, &placement->server);
	if (!server)
		return XDP_DROP;
	count(&service_counters, placement->service, bpf_ntohs(ip->tot_len), is_new);
	count(&server_counters, placement->server, bpf_ntohs(ip->tot_len), is_new);
	decrease_ttl(ip);
	__builtin_memcpy(eth->h_dest, server->destination_mac, ETH_ALEN);
	__builtin_memcpy(eth->h_source, server->source_mac, ETH_ALEN);
	return XDP_TX;
}

char _license[] SEC("license") = "Dual BSD/GPL";
