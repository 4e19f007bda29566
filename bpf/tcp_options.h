/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* TCP's header as it lies in a packet, and the options behind it that the SYN proxy has to do with. */
#pragma once

#include "parse6.h"

#define TCP_OPTION_END 0
#define TCP_OPTION_NONE 1
#define TCP_OPTION_SEGMENT 2
#define TCP_OPTION_SCALE 3
#define TCP_OPTION_SACK_PERMITTED 4
#define TCP_OPTION_SACK 5

/* Options and paddings that are looked at. */
#define MAX_OPTIONS 24
/* The farthest from the frame's beginning that a TCP header may begin here. */
#define MAX_TCP_OFFSET 2048
#define MAX_SACK_BLOCKS 4
#define MAX_SCALE 14

/* The kernel's own header has its flags as bit fields. */
struct tcp_header {
	__be16 source;
	__be16 destination;
	__be32 sequence;
	__be32 acknowledged;
	__u8 words; /* length of the header in 32-bit words, in the upper half */
	__u8 flags;
	__be16 window;
	__u16 check;
	__be16 urgent;
};

struct tcp_options {
	__u32 segment; /* largest segment; 0: not said */
	__u32 scale;   /* of the window; -1: not said */
	__u32 sack;    /* selective acknowledgements are permitted */
	__u32 sack_at; /* where the blocks of selective acknowledgements begin in the frame; 0: there are none */
	__u32 sack_blocks;
};

#define SCALE_UNSAID ((__u32)-1)

static __always_inline void read_option(const __u8 *at, const void *end, __u32 offset, struct tcp_options *found)
{
	__u8 kind = at[0], length = at[1];

	if (kind == TCP_OPTION_SACK_PERMITTED && length == 2) {
		found->sack = 1;
	} else if (kind == TCP_OPTION_SACK) {
		found->sack_at = offset + 2;
		found->sack_blocks = (length - 2) / 8;
	} else if ((const void *)(at + 4) <= end && kind == TCP_OPTION_SEGMENT && length == 4) {
		found->segment = (__u32)at[2] << 8 | at[3];
	} else if ((const void *)(at + 3) <= end && kind == TCP_OPTION_SCALE && length == 3) {
		found->scale = at[2] > MAX_SCALE ? MAX_SCALE : at[2];
	}
}

/* Reads the options of the TCP header at `offset` of the frame. False where it is not whole. */
__noinline int read_options(struct xdp_md *ctx, __u32 offset, struct tcp_options *found)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct tcp_header *tcp;
	const __u8 *at;
	__u32 i, limit;

	if (!found || offset > MAX_TCP_OFFSET)
		return 0;
	found->segment = 0;
	found->scale = SCALE_UNSAID;
	found->sack = 0;
	found->sack_at = 0;
	found->sack_blocks = 0;
	tcp = data + offset;
	if ((void *)(tcp + 1) > end)
		return 0;
	limit = offset + (tcp->words >> 4) * 4;
	offset += sizeof(*tcp);
	for (i = 0; i < MAX_OPTIONS; i++) {
		if (offset > MAX_TCP_OFFSET + 60 || offset >= limit)
			break;
		at = data + offset;
		if ((void *)(at + 1) > end || *at == TCP_OPTION_END)
			break;
		if (*at == TCP_OPTION_NONE) {
			offset++;
			continue;
		}
		if ((void *)(at + 2) > end || at[1] < 2 || offset + at[1] > limit)
			break;
		read_option(at, end, offset, found);
		offset += at[1];
	}
	return 1;
}
