// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The driver of the packet-path bench. BPF_PROG_TEST_RUN repeats a program on one and the same frame: the packet of one flow, rewritten by
 * whatever ran before. So `drive` makes the frame anew each time, for the next flow, and jumps to the program that is measured. What it
 * costs is in the floor: `answer`, the program that sends back whatever it gets.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define FIRST_CLIENT 0x0b000000u /* 11.0.0.0 */
#define FIRST_PORT 1024

/* Everything of a frame that the measured programs change, and which flow is next; the bench writes it between runs. */
struct control {
	__u8 macs[12];
	__u32 ttl_protocol_check; /* these three fields as they lie in the IP header */
	__u32 next;
	__u32 flow_mask; /* flows - 1 */
	__u32 first_flow;
	__u32 scattered;
	__u32 shift; /* half the bits of a flow's number */
};

struct control control SEC(".data.control");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target SEC(".maps");

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

/*
 * A permutation of a power of two of flows in which no step follows from the one before: a constant stride, however wide, is what
 * processors foresee. Multiplying by an odd number and folding the upper half of the bits into the lower can both be undone.
 */
static __always_inline __u32 scatter(__u32 flow)
{
	flow = flow * 0x9e3779b1u & control.flow_mask;
	flow ^= flow >> (control.shift & 31);
	flow = flow * 0x85ebca6bu & control.flow_mask;
	return flow ^ flow >> (control.shift & 31);
}

SEC("xdp")
int drive(struct xdp_md *ctx)
{
	struct frame *frame = (void *)(long)ctx->data;
	__u32 flow;

	if ((void *)(frame + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	flow = control.next++ & control.flow_mask;
	if (control.scattered)
		flow = scatter(flow);
	flow += control.first_flow;
	__builtin_memcpy(&frame->eth, control.macs, sizeof(control.macs));
	__builtin_memcpy(&frame->ip.ttl, &control.ttl_protocol_check, sizeof(control.ttl_protocol_check));
	frame->ip.saddr = bpf_htonl(FIRST_CLIENT + (flow & 0xffff));
	frame->tcp.source = bpf_htons(FIRST_PORT + (flow >> 16));
	bpf_tail_call(ctx, &target, 0);
	return XDP_ABORTED;
}

SEC("xdp")
int answer(struct xdp_md *ctx __attribute__((unused)))
{
	return XDP_TX;
}

char _license[] SEC("license") = "Dual BSD/GPL";
