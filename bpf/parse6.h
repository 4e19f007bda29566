/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From a frame to an IPv6 packet, its transport header behind however many extension headers. */
#pragma once

#include "parse.h"

#define NEXT_HOP_BY_HOP 0
#define NEXT_ROUTING 43
#define NEXT_FRAGMENT 44
#define NEXT_ICMP6 58
#define NEXT_DESTINATION 60

#define FRAGMENT6_OFFSET 0xfff8
#define FRAGMENT6_MORE 1

/* Hop-by-hop, routing and destination options begin like this; `length` is in units of eight bytes, the first not counted. */
struct extension {
	__u8 next;
	__u8 length;
	__u8 type;
	__u8 segments_left; /* of a routing header */
};

struct fragment_header {
	__u8 next;
	__u8 reserved;
	__be16 offset_and_more;
	__be32 id;
};

/* What the walk over the headers of a packet finds. */
struct headers {
	__u32 offset; /* of the transport header, in the frame */
	__u32 protocol;
	__be32 fragment_id;
	__u8 fragment;
	__u8 later_fragment;
	__u16 reserved;
};

/*
 * Walks from the IPv6 header at `offset` of the frame to what is no extension header, or to a fragment header that hides what follows, or to
 * a routing header that has not been through all its segments: this packet is not where it goes. False where the frame ends before.
 */
__noinline int walk_headers(struct xdp_md *ctx, __u32 offset, struct headers *found)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct fragment_header *fragment;
	const struct extension *extension;
	const struct ip6_header *ip6;
	__u32 i, next, limit = offset + MAX_EXTENSION_BYTES;

	if (!found || offset > MAX_EXTENSION_BYTES * 2)
		return 0;
	ip6 = data + offset;
	if ((void *)(ip6 + 1) > end)
		return 0;
	next = ip6->next;
	offset += sizeof(*ip6);
	found->fragment_id = 0;
	found->fragment = 0;
	found->later_fragment = 0;
	found->reserved = 0;
	for (i = 0; i < MAX_EXTENSION_HEADERS; i++) {
		if (offset > limit || offset > MAX_EXTENSION_BYTES * 4)
			return 0;
		if (next == NEXT_FRAGMENT && !found->fragment) {
			fragment = data + offset;
			if ((void *)(fragment + 1) > end)
				return 0;
			next = fragment->next;
			found->fragment_id = fragment->id;
			/* One that is both first and last is a whole packet (RFC 6946). */
			found->fragment = (fragment->offset_and_more & bpf_htons(FRAGMENT6_OFFSET | FRAGMENT6_MORE)) != 0;
			found->later_fragment = (fragment->offset_and_more & bpf_htons(FRAGMENT6_OFFSET)) != 0;
			offset += sizeof(*fragment);
			if (found->later_fragment)
				break;
			continue;
		}
		if (next != NEXT_HOP_BY_HOP && next != NEXT_ROUTING && next != NEXT_DESTINATION)
			break;
		extension = data + offset;
		if ((void *)(extension + 1) > end)
			return 0;
		if (next == NEXT_ROUTING && extension->segments_left)
			break;
		next = extension->next;
		offset += (extension->length + 1) * 8;
	}
	found->offset = offset;
	found->protocol = next;
	return 1;
}

/* Finds the IPv6 header. False for anything else. */
static __always_inline int parse_ipv6(struct xdp_md *ctx, struct packet *packet)
{
	void *data = (void *)(long)ctx->data;
	const __be16 *type = data + offsetof(struct ethhdr, h_proto);

	packet->end = (void *)(long)ctx->data_end;
	packet->eth = data;
	packet->ip6 = data + sizeof(struct ethhdr);
	if ((void *)(packet->ip6 + 1) > packet->end)
		return 0;
	return *type == bpf_htons(ETH_P_IPV6);
}

/* Checks what the stack would check of the header. A packet longer than 64 KiB says that it has no length. */
static __always_inline int parse_header6(struct xdp_md *ctx, struct packet *packet)
{
	__u32 length = bpf_ntohs(packet->ip6->payload_length) + sizeof(struct ip6_header);

	packet->length = length;
	/* Or the compiler concludes from this comparison what the verifier wants to see compared on its own. */
	asm volatile("" : "+r"(length));
	if (packet->ip6->version_and_class >> 4 != 6 || !packet->ip6->payload_length)
		return 0;
	return is_complete(ctx, packet, length);
}

/* Whether eight bytes of transport header are there. */
static __always_inline int has_transport6(const struct packet *packet, __u32 offset)
{
	return packet->length >= offset - sizeof(struct ethhdr) + 8 && packet->l4 + 8 <= packet->end;
}

/* Where TCP or UDP follows at once, as in nearly every packet. */
static __always_inline int parse_plain6(struct packet *packet)
{
	packet->protocol = packet->ip6->next;
	packet->fragment = 0;
	packet->later_fragment = 0;
	packet->l4 = packet->ip6 + 1;
	return has_transport6(packet, sizeof(struct ethhdr) + sizeof(struct ip6_header));
}

/* The whole way to the transport header. Of a later fragment only the addresses count: what stands for its transport header is none. */
static __always_inline int parse_lengths6(struct xdp_md *ctx, struct packet *packet)
{
	struct headers headers = {};
	__u32 offset;

	if (!parse_ipv6(ctx, packet) || !parse_header6(ctx, packet) || !walk_headers(ctx, sizeof(struct ethhdr), &headers))
		return 0;
	offset = headers.offset;
	if (offset > MAX_EXTENSION_BYTES * 4)
		return 0;
	packet->protocol = headers.protocol;
	packet->fragment_id = headers.fragment_id;
	packet->fragment = headers.fragment;
	packet->later_fragment = headers.later_fragment;
	packet->l4_offset = headers.offset;
	packet->l4 = packet->ip6;
	if (packet->later_fragment)
		return 1;
	/* Linux 6.1 forgets what a number was compared with once it has been put away: where it is added it is bounded for good. */
	asm volatile("" : "+r"(offset));
	packet->l4 = (void *)packet->eth + (offset & (MAX_EXTENSION_BYTES * 8 - 1));
	return has_transport6(packet, headers.offset);
}

static __always_inline struct fragment_key6 fragment_key6(const struct ip6_header *ip6, __be32 id)
{
	struct fragment_key6 key = { .source = ip6->source, .destination = ip6->destination, .id = id };

	return key;
}

/* The two halves of an address in a packet, a step each. */
static __always_inline __u64 half_of(const struct address6 *address, __u32 half)
{
	return ((const __u64 *)address)[half];
}

/* fold() of an address in a packet. */
static __always_inline __be32 packet_fold(const struct address6 *address)
{
	__u64 both = half_of(address, 0) ^ half_of(address, 1);

	return (__be32)both ^ (__be32)(both >> 32);
}

/* As much of a key as packets need that find their connection by the fingerprint. */
static __always_inline struct conn_key packet_tuple6(const struct packet *packet, __u32 kind)
{
	const __be32 *client = packet->ip6->source.word, *virtual = packet->ip6->destination.word;
	const __be32 words[HASH6_WORDS] = {
		client[0], client[1], client[2], client[3], virtual[0], virtual[1], virtual[2], virtual[3], *(const __u32 *)packet->l4, kind,
	};
	struct conn_key key = { .ports = *(const __u32 *)packet->l4, .kind = kind, .fingerprint = fingerprint6(words) };

	return key;
}

/* Whatever the order of its words. */
static __always_inline __u64 sum_of_address(const struct address6 *address)
{
	return (__u64)address->word[0] + address->word[1] + address->word[2] + address->word[3];
}

/* The whole key, for everyone who is not in a hurry. */
static __noinline void read_key6(struct conn_key6 *key, const struct ip6_header *ip6, const struct ports *ports, __u32 kind)
{
	*key = tuple6(&ip6->source, &ip6->destination, *(const __u32 *)ports, kind);
	find_fingerprint6(key);
}

static __always_inline void packet_key6(struct conn_key6 *key, const struct packet *packet, __u32 kind)
{
	read_key6(key, packet->ip6, packet->l4, conn_protocol(packet->protocol) << META_PROTOCOL_SHIFT | kind);
}
