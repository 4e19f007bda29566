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
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define FIRST_CLIENT 0x0b000000u /* 11.0.0.0 */
#define LAST_SERVER 0x0a020004u /* 10.2.0.4 */
#define SERVERS 4
#define FIRST_PORT 1024

/* Whose packets these are. The bench reads the numbers from the type information. */
enum traffic {
	REQUESTS = 0,  /* from clients to the virtual address */
	REQUESTS6 = 1, /* over IPv6 */
	REPLIES = 2,   /* from servers to clients; flows went to the servers in turn, to the last one first */
};

/* Everything of a frame that the measured programs change, and which flow is next; the bench writes it between runs. */
struct control {
	__u64 macs; /* both addresses as they lie in the Ethernet header */
	__u32 macs_rest;
	__u32 ttl_protocol_check; /* these three fields as they lie in the IP header; of IPv6 length, next header and hop limit */
	__u32 next;
	__u32 flow_mask; /* flows - 1 */
	__u32 first_flow;
	__u32 scattered;
	__u32 shift; /* half the bits of a flow's number */
	__u32 traffic; /* enum traffic */
	__u32 unwrap; /* the program puts headers before the packet, which are taken off again; where it does not, the step costs as much */
	__s32 length; /* of the frame as it comes */
	__be32 virtual_address;
	__u32 ports; /* as they lie in the TCP header; the client's is written by flow */
	__u64 client6; /* the upper half of every client's IPv6 address, as it lies in a packet */
};

struct control control SEC(".data.control");

/* The compiler writes type information only for what is used. */
const enum traffic traffic SEC(".rodata.traffic") = REQUESTS;

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target SEC(".maps");

#define IP_AT sizeof(struct ethhdr)
#define TCP_AT (IP_AT + sizeof(struct iphdr))
#define TCP6_AT (IP_AT + sizeof(struct ipv6hdr))

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

static __always_inline void write_ethernet(void *frame, __be16 type)
{
	store64(frame, control.macs);
	store32(frame + 8, control.macs_rest);
	store16(frame + offsetof(struct ethhdr, h_proto), type);
}

static __always_inline void write_addresses(void *frame, __be32 source, __be32 destination)
{
	store32(frame + IP_AT + offsetof(struct iphdr, ttl), control.ttl_protocol_check);
	store32(frame + IP_AT + offsetof(struct iphdr, saddr), source);
	store32(frame + IP_AT + offsetof(struct iphdr, daddr), destination);
}

static __always_inline void write_ports(void *tcp, __be16 source, __be16 destination)
{
	store16(tcp + offsetof(struct tcphdr, source), source);
	store16(tcp + offsetof(struct tcphdr, dest), destination);
}

/* The frame of a flow's next packet. */
static __always_inline void write_frame(void *frame, __u32 flow)
{
	__be32 client = bpf_htonl(FIRST_CLIENT + (flow & 0xffff));
	__be16 port = bpf_htons(FIRST_PORT + (flow >> 16));

	write_ethernet(frame, bpf_htons(ETH_P_IP));
	if (control.traffic == REPLIES) {
		write_addresses(frame, bpf_htonl(LAST_SERVER - flow % SERVERS), client);
		write_ports(frame + TCP_AT, (__be16)(control.ports >> 16), port);
	} else {
		write_addresses(frame, client, control.virtual_address);
		write_ports(frame + TCP_AT, port, (__be16)(control.ports >> 16));
	}
}

static __always_inline void write_frame6(void *frame, __u32 flow)
{
	void *source = frame + IP_AT + offsetof(struct ipv6hdr, saddr);

	write_ethernet(frame, bpf_htons(ETH_P_IPV6));
	store32(frame + IP_AT + offsetof(struct ipv6hdr, payload_len), control.ttl_protocol_check);
	store64(source, control.client6);
	store64(source + 8, bpf_cpu_to_be64(FIRST_CLIENT + (flow & 0xffff)));
	write_ports(frame + TCP6_AT, bpf_htons(FIRST_PORT + (flow >> 16)), (__be16)(control.ports >> 16));
}

SEC("xdp.frags")
int drive(struct xdp_md *ctx)
{
	void *frame, *end;
	__u64 length;
	__u32 flow;

	frame = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (control.unwrap) {
		length = end - frame;
		/* Or the compiler would subtract from the pointers, which the verifier forbids. */
		asm volatile("" : "+r"(length));
		if (bpf_xdp_adjust_head(ctx, (int)length - control.length))
			return XDP_ABORTED;
		frame = (void *)(long)ctx->data;
		end = (void *)(long)ctx->data_end;
	}
	flow = control.next++ & control.flow_mask;
	if (control.scattered)
		flow = scatter(flow);
	flow += control.first_flow;
	if (control.traffic == REQUESTS6) {
		if (frame + TCP6_AT + sizeof(struct tcphdr) > end)
			return XDP_ABORTED;
		write_frame6(frame, flow);
	} else {
		if (frame + TCP_AT + sizeof(struct tcphdr) > end)
			return XDP_ABORTED;
		write_frame(frame, flow);
	}
	asm volatile("" : : : "memory");
	bpf_tail_call_static(ctx, &target, 0);
	return XDP_ABORTED;
}

SEC("xdp.frags")
int answer(struct xdp_md *ctx __attribute__((unused)))
{
	return XDP_TX;
}

char _license[] SEC("license") = "Dual BSD/GPL";
