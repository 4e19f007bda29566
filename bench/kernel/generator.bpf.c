// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Both ends of the kernel bench. `generate`, run by BPF_PROG_TEST_RUN with live frames, makes every frame that of the next flow and sends it
 * out of the client's interface. `receive` counts what arrives at the real server, and drops it before the kernel makes a socket buffer of
 * it: that would take longer than all the rest.
 */
#include <stddef.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define FIRST_CLIENT 0x0a080100u /* 10.8.1.0 */
#define FIRST_PORT 1024
#define PORTS_PER_CLIENT 0x8000
#define TTL 64

/* Set by the bench between runs. */
struct control {
	__u64 macs; /* both addresses as they lie in the Ethernet header */
	__u32 macs_rest;
	__u32 interface;
	__u32 next;
	__u32 flow_mask; /* flows - 1 */
	__u32 first_flow;
	__u32 header_sum; /* of the IP header's halves, without source and checksum */
	__u32 segment_sum; /* of the pseudo header's and TCP's, without source, its port and checksum */
	__u64 received;
};

struct control control SEC(".data.control");

static __always_inline __u16 folded(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~((sum & 0xffff) + (sum >> 16));
}

SEC("xdp")
int generate(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct tcphdr *tcp = (void *)(ip + 1);
	__u32 flow, sum;
	__be32 client;

	if ((void *)(tcp + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	flow = control.first_flow + (control.next++ & control.flow_mask);
	client = bpf_htonl(FIRST_CLIENT + flow / PORTS_PER_CLIENT);
	*(__u64 *)eth = control.macs;
	*(__u32 *)((void *)eth + 8) = control.macs_rest;
	ip->ttl = TTL;
	ip->saddr = client;
	sum = (client & 0xffff) + (client >> 16);
	ip->check = folded(control.header_sum + sum);
	tcp->source = bpf_htons(FIRST_PORT + flow % PORTS_PER_CLIENT);
	tcp->check = folded(control.segment_sum + sum + tcp->source);
	return bpf_redirect(control.interface, 0);
}

SEC("xdp")
int receive(struct xdp_md *ctx __attribute__((unused)))
{
	control.received++;
	return XDP_DROP;
}

char _license[] SEC("license") = "Dual BSD/GPL";
