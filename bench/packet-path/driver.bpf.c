// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What BPF_PROG_TEST_RUN repeats: builds the next packet and jumps to the program that is measured. Repeating one packet would hide every
 * cache miss, and a program that forwards changes the packet, so it has to be built afresh. The floor is this program with a target that
 * does nothing.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define PACKET_BYTES 64
/* Odd, so that multiplying by it visits every number below a power of two once: neighbours in time are strangers in memory. */
#define STRIDE 0x9e3779b1U
#define PORTS_PER_CLIENT_BITS 12
#define FIRST_CLIENT 0x0a000000U
#define FIRST_PORT 4096
#define SOURCE_ADDRESS 26
#define SOURCE_PORT 34

struct plan {
	__u64 next;          /* packets built so far */
	__u32 flow_mask;     /* flows - 1; a power of two less one */
	__u32 first_flow;
	__u8 packet[PACKET_BYTES]; /* the packet, but for client address and port */
};

struct plan plan SEC(".data.plan");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target SEC(".maps");

char _license[] SEC("license") = "Dual BSD/GPL";

SEC("xdp")
int driver(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	__u32 flow = plan.first_flow + (((__u32)plan.next * STRIDE) & plan.flow_mask);

	if (data + PACKET_BYTES > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	plan.next++;
	__builtin_memcpy(data, plan.packet, PACKET_BYTES);
	*(__be32 *)(data + SOURCE_ADDRESS) = bpf_htonl(FIRST_CLIENT + (flow >> PORTS_PER_CLIENT_BITS));
	*(__be16 *)(data + SOURCE_PORT) = bpf_htons(FIRST_PORT + (flow & ((1 << PORTS_PER_CLIENT_BITS) - 1)));
	bpf_tail_call(ctx, &target, 0);
	return XDP_ABORTED;
}

/* The floor. */
SEC("xdp")
int empty(struct xdp_md *ctx __attribute__((unused)))
{
	return XDP_TX;
}
