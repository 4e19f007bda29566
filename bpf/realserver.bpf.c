// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The real server's end of a tunnel, for hosts without a tunnel device: takes the outer headers off packets that a director sent to this
 * host, and the stack goes on with what was inside as if it had come alone.
 *
 * It runs at tc ingress and not at XDP, because there the kernel keeps the books: a partial checksum goes on pointing at the inner header,
 * what a card has verified of the outer packet is forgotten, and segments that were put together stay together.
 *
 * Whoever can make a host take packets out of tunnels can send it anything under any source address. So only what was told is taken:
 * one kind of tunnel, to an address of this host, from a director, to a virtual address. Everything else goes on untouched.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define PACKET_FOR_US 0 /* skb->pkt_type: PACKET_HOST */
#define IP_FRAGMENT 0x3fff /* more fragments, or an offset */
#define IP_OFFSET 0x1fff
#define ECN_MASK 3
#define ECN_CE 3
/* enum bpf_adj_room_flags since Linux 6.3, where the header of Debian 12 does not have them yet. */
#define ADJ_ROOM_DECAP_L3_IPV4 (1ULL << 7)
#define ADJ_ROOM_DECAP_L3_IPV6 (1ULL << 8)

enum decap_tunnel {
	DECAP_IPIP,
	DECAP_GUE,
	DECAP_GRE,
};

/* What an address is to us. */
enum decap_role {
	ROLE_DIRECTOR,
	ROLE_HOST, /* an address of this host, at which tunnels end */
	ROLE_VIP,
};

/* What became of packets of our kind of tunnel to this host. */
enum decap_count {
	DECAP_TAKEN,
	DECAP_STRANGER, /* not from a director */
	DECAP_NOT_VIRTUAL, /* the inner destination is no virtual address */
	DECAP_FRAGMENT, /* a piece of an outer packet: its other pieces are not here */
	DECAP_MALFORMED,
	DECAP_CONGESTION, /* marked outside, but the inner packet's ends do not know such marks: dropped (RFC 6040) */
	DECAP_REFUSED, /* the kernel would not change the packet */
	DECAP_COUNTS,
};

struct decap_settings {
	__be16 port; /* GUE's */
	__u8 tunnel;
	__u8 any_director;
};

/* IPv4 addresses as ::ffff:a.b.c.d. */
struct decap_address {
	__u32 words[4];
	__u32 role;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct decap_settings);
} decap_settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct decap_address);
	__type(value, __u32);
} decap_addresses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DECAP_COUNTS);
	__type(key, __u32);
	__type(value, __u64);
} decap_counts SEC(".maps");

/* An IP header of either family, in terms of either. */
struct header {
	struct decap_address source;
	struct decap_address destination;
	__u32 length; /* of the header */
	__u32 total; /* of the packet */
	__u8 protocol;
	__u8 ecn;
	__u16 fragment; /* 0 for a whole packet */
};

struct gre {
	__be16 flags;
	__be16 protocol;
};

struct gue {
	struct udphdr udp;
	__u8 version_and_length; /* and, between them, whether it is a control message */
	__u8 protocol;
	__be16 flags;
};

static __always_inline void count(__u32 what)
{
	__u64 *number = bpf_map_lookup_elem(&decap_counts, &what);

	if (number)
		(*number)++;
}

static __always_inline int leave(__u32 why)
{
	count(why);
	return TC_ACT_UNSPEC;
}

static __always_inline int is(struct decap_address *address, __u32 role)
{
	address->role = role;
	return bpf_map_lookup_elem(&decap_addresses, address) != NULL;
}

static __always_inline int read_ipv4(struct __sk_buff *skb, __u32 at, struct header *header)
{
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5)
		return 0;
	header->source.words[2] = header->destination.words[2] = bpf_htonl(0xffff);
	header->source.words[3] = ip.saddr;
	header->destination.words[3] = ip.daddr;
	header->length = ip.ihl * 4;
	header->total = bpf_ntohs(ip.tot_len);
	header->protocol = ip.protocol;
	header->ecn = ip.tos & ECN_MASK;
	header->fragment = bpf_ntohs(ip.frag_off) & IP_FRAGMENT;
	return header->total >= header->length;
}

/* Extension headers stand in the way of a tunnel: such a packet is none of ours. */
static __always_inline int read_ipv6(struct __sk_buff *skb, __u32 at, struct header *header)
{
	struct ipv6hdr ip;

	if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) || ip.version != 6)
		return 0;
	__builtin_memcpy(header->source.words, &ip.saddr, sizeof(ip.saddr));
	__builtin_memcpy(header->destination.words, &ip.daddr, sizeof(ip.daddr));
	header->length = sizeof(ip);
	header->total = sizeof(ip) + bpf_ntohs(ip.payload_len);
	header->protocol = ip.nexthdr;
	header->ecn = ip.flow_lbl[0] >> 4 & ECN_MASK;
	return 1;
}

static __always_inline int read_header(struct __sk_buff *skb, __u32 at, __be16 family, struct header *header)
{
	__builtin_memset(header, 0, sizeof(*header));
	if (family == bpf_htons(ETH_P_IP))
		return read_ipv4(skb, at, header);
	return family == bpf_htons(ETH_P_IPV6) && read_ipv6(skb, at, header);
}

/* True for a packet of the tunnel's protocol (and port). */
static __always_inline int is_ours(struct __sk_buff *skb, const struct header *outer, const struct decap_settings *settings)
{
	__be16 port;

	if (settings->tunnel == DECAP_GRE)
		return outer->protocol == IPPROTO_GRE;
	if (settings->tunnel == DECAP_IPIP)
		return outer->protocol == IPPROTO_IPIP || outer->protocol == IPPROTO_IPV6;
	/* Only the first piece of a datagram says where it goes. */
	if (outer->protocol != IPPROTO_UDP || outer->fragment & IP_OFFSET)
		return 0;
	if (bpf_skb_load_bytes(skb, ETH_HLEN + outer->length + offsetof(struct udphdr, dest), &port, sizeof(port)))
		return 0;
	return port == settings->port;
}

static __always_inline __be16 family_of(__u8 protocol)
{
	return protocol == IPPROTO_IPIP ? bpf_htons(ETH_P_IP) : protocol == IPPROTO_IPV6 ? bpf_htons(ETH_P_IPV6) : 0;
}

/*
 * The bytes between the two IP headers, and what comes behind them as an Ethernet type; 0 where that cannot be told, which goes for every
 * option and version that nobody agreed upon. A checksum of the outer datagram is not looked at: the inner packet has its own (RFC 6936).
 */
static __always_inline __be16 read_between(struct __sk_buff *skb, const struct header *outer, __u8 tunnel, __u32 *between)
{
	__u32 at = ETH_HLEN + outer->length;
	struct gre gre;
	struct gue gue;

	if (tunnel == DECAP_IPIP) {
		*between = 0;
		return family_of(outer->protocol);
	}
	if (tunnel == DECAP_GRE) {
		*between = sizeof(gre);
		return bpf_skb_load_bytes(skb, at, &gre, sizeof(gre)) || gre.flags ? 0 : gre.protocol;
	}
	*between = sizeof(gue);
	if (bpf_skb_load_bytes(skb, at, &gue, sizeof(gue)) || gue.version_and_length || gue.flags)
		return 0;
	return family_of(gue.protocol);
}

/* Adds up the lengths: nothing of the inner packet may lie outside of the outer one. */
static __always_inline int fits(const struct header *outer, __u32 between, const struct header *inner)
{
	return outer->length + between + inner->total <= outer->total;
}

/* Removes the outer headers. The lengths of segments that were put together are those of the inner packet's already. */
static __always_inline int take_off(struct __sk_buff *skb, const struct header *outer, __u32 between, __be16 family)
{
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO;

	if (family != (__be16)skb->protocol)
		flags |= family == bpf_htons(ETH_P_IP) ? ADJ_ROOM_DECAP_L3_IPV4 : ADJ_ROOM_DECAP_L3_IPV6;
	if (bpf_skb_adjust_room(skb, -(__s32)(outer->length + between), BPF_ADJ_ROOM_MAC, flags))
		return 0;
	return !bpf_skb_store_bytes(skb, offsetof(struct ethhdr, h_proto), &family, sizeof(family), 0);
}

SEC("tc")
int decapsulate(struct __sk_buff *skb)
{
	struct decap_settings *settings;
	struct header outer, inner;
	__u32 zero = 0, between;
	__be16 family;

	settings = bpf_map_lookup_elem(&decap_settings, &zero);
	if (!settings || skb->pkt_type != PACKET_FOR_US || !read_header(skb, ETH_HLEN, skb->protocol, &outer))
		return TC_ACT_UNSPEC;
	if (!is_ours(skb, &outer, settings) || !is(&outer.destination, ROLE_HOST))
		return TC_ACT_UNSPEC;
	if (!settings->any_director && !is(&outer.source, ROLE_DIRECTOR))
		return leave(DECAP_STRANGER);
	if (outer.fragment)
		return leave(DECAP_FRAGMENT);
	family = read_between(skb, &outer, settings->tunnel, &between);
	if (!family || !read_header(skb, ETH_HLEN + outer.length + between, family, &inner) || !fits(&outer, between, &inner))
		return leave(DECAP_MALFORMED);
	if (!is(&inner.destination, ROLE_VIP))
		return leave(DECAP_NOT_VIRTUAL);
	if (outer.ecn == ECN_CE && !inner.ecn) {
		count(DECAP_CONGESTION);
		return TC_ACT_SHOT;
	}
	if (!take_off(skb, &outer, between, family))
		return leave(DECAP_REFUSED);
	if (outer.ecn == ECN_CE)
		bpf_skb_ecn_set_ce(skb);
	count(DECAP_TAKEN);
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "Dual BSD/GPL";

/* The compiler writes type information only for what is used; this names the numbers that the loader reads from it. */
struct vocabulary {
	enum decap_tunnel tunnel;
	enum decap_role role;
	enum decap_count count;
};

const struct vocabulary vocabulary SEC(".rodata.vocabulary") = {};
