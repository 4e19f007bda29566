// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The driver of the packet-path bench. BPF_PROG_TEST_RUN repeats a program on one and the same frame: the packet of one flow, rewritten by
 * whatever ran before. So `drive` makes the frame anew each time, for the next flow, and jumps to the program that is measured. What it
 * costs is in the floor: `answer`, the program that sends back whatever it gets.
 */
#include <stddef.h>

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
	__u64 macs; /* both addresses as they lie in the Ethernet header */
	__u32 macs_rest;
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

#define IP_AT sizeof(struct ethhdr)
#define TCP_AT (IP_AT + sizeof(struct iphdr))

/*
 * Stores of natural width. Left to itself the compiler stores unaligned fields byte by byte, and a load that spans several stores still
 * under way waits for them; a packet that a network card wrote has none.
 */
static __always_inline void store16(void *at, __u16 value)
{
	*(volatile __u16 *)at = value;
}

static __always_inline void store32(void *at, __u32 value)
{
	*(volatile __u32 *)at = value;
}

static __always_inline void store64(void *at, __u64 value)
{
	*(volatile __u64 *)at = value;
}

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
	void *frame = (void *)(long)ctx->data;
	__u32 flow;

	if (frame + TCP_AT + sizeof(struct tcphdr) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	flow = control.next++ & control.flow_mask;
	if (control.scattered)
		flow = scatter(flow);
	flow += control.first_flow;
	store64(frame, control.macs);
	store32(frame + 8, control.macs_rest);
	store32(frame + IP_AT + offsetof(struct iphdr, ttl), control.ttl_protocol_check);
	store32(frame + IP_AT + offsetof(struct iphdr, saddr), bpf_htonl(FIRST_CLIENT + (flow & 0xffff)));
	store16(frame + TCP_AT + offsetof(struct tcphdr, source), bpf_htons(FIRST_PORT + (flow >> 16)));
	bpf_tail_call(ctx, &target, 0);
	return XDP_ABORTED;
}

SEC("xdp")
int answer(struct xdp_md *ctx __attribute__((unused)))
{
	return XDP_TX;
}

char _license[] SEC("license") = "Dual BSD/GPL";
