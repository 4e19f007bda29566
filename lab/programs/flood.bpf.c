// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The lab's flood. The kernel sends a frame as often as BPF_PROG_TEST_RUN is told to ("live frames"), and this program makes each one the SYN
 * of another source: a random address of 11.0.0.0/8, port and sequence number, and the checksums that go with them. The frame's memory comes
 * back with whatever its receivers have made of it, so each is written anew.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "checksum.h"

#define FIRST_SOURCE 0x0b000000u
#define SOURCES 0x01000000u
#define FIRST_PORT 1024
#define WORDS_OF_SYN 7

/* A SYN, from its Ethernet header to the end of TCP's and two bytes of padding. */
__u64 syn[WORDS_OF_SYN] SEC(".data.syn");

char _license[] SEC("license") = "Dual BSD/GPL";

SEC("xdp")
int flood(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	struct tcphdr *tcp = (void *)(ip + 1);
	__be32 source, sequence;
	__u64 change, *words = data;
	__be16 port;
	__u32 i;

	if ((void *)(words + WORDS_OF_SYN) > end)
		return XDP_ABORTED;
	for (i = 0; i < WORDS_OF_SYN; i++)
		words[i] = syn[i];
	source = bpf_htonl(FIRST_SOURCE + bpf_get_prandom_u32() % SOURCES);
	port = bpf_htons(FIRST_PORT + bpf_get_prandom_u32() % (65536 - FIRST_PORT));
	sequence = bpf_get_prandom_u32();
	change = checksum_change(ip->saddr, source);
	ip->check = checksum_changed(ip->check, change);
	change += checksum_change_half(tcp->source, port) + checksum_change(tcp->seq, sequence);
	tcp->check = checksum_changed(tcp->check, change);
	ip->saddr = source;
	tcp->source = port;
	tcp->seq = sequence;
	return XDP_TX;
}
