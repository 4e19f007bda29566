/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ICMP errors that come back to the director about what its tunnels took away (RFC 2003, 4; RFC 2473, 8). As in IPVS the tunnel's headers come
 * off, what the way takes is remembered, and whose packet it was is told. IPVS does so for IPv4 in IPv4; here each family may be in each.
 */
#pragma once

#include "icmp6.h"
#include "route.h"

/* What is known of an error when the headers outside are read. */
struct tunnel_error {
	struct address6 server; /* where the tunnel ends, by what the error quotes */
	struct address6 source; /* and where it begins */
	__u32 offset;           /* in the frame: of the header that comes next */
	__u32 end;              /* and of the IP packet's end */
	__u32 outer;            /* enum family: of the error, and of the tunnel */
	__u32 inner;            /* of what the tunnel carried */
	__u32 protocol;         /* of the tunnel, as IP knows it */
	__u32 forwarding;       /* and as we do */
	__u32 type;
	__u32 code;
	__u32 mtu;        /* of a way that is too narrow; else 0 */
	__u32 by_server;  /* the end of the tunnel sent it, no router on the way there */
	__be16 port;      /* of GUE: where the tunnel ends */
};

static __always_inline int read_error4(struct xdp_md *ctx, struct tunnel_error *error)
{
	const struct icmp_header *icmp;
	const struct iphdr *ip;
	struct packet packet;

	if (!parse_ipv4(ctx, &packet) || !parse_lengths(ctx, &packet) || is_fragment(&packet) || packet.ip->protocol != IPPROTO_ICMP)
		return 0;
	icmp = packet.l4;
	ip = (void *)(icmp + 1);
	if (!is_icmp_error(icmp->type) || (void *)(ip + 1) > packet.end)
		return 0;
	/* The director sends tunnels no options. An error goes to whom the quoted packet came from, or it is none. */
	if (ip->version != 4 || ip->ihl != sizeof(*ip) / 4 || ip->frag_off & bpf_htons(IP_OFFSET) || ip->saddr != packet.ip->daddr)
		return 0;
	*error = (struct tunnel_error){
		.server.word[0] = ip->daddr,
		.source.word[0] = ip->saddr,
		.offset = sizeof(*packet.eth) + packet.ip->ihl * 4 + sizeof(*icmp) + sizeof(*ip),
		.end = sizeof(*packet.eth) + packet.length,
		.outer = FAMILY_4,
		.protocol = ip->protocol,
		.type = icmp->type,
		.code = icmp->code,
		.by_server = packet.ip->saddr == ip->daddr,
	};
	if (icmp->type == ICMP_UNREACHABLE && icmp->code == ICMP_CODE_TOO_BIG)
		error->mtu = MIN_PATH_MTU > (bpf_ntohl(icmp->rest) & 0xffff) ? MIN_PATH_MTU : bpf_ntohl(icmp->rest) & 0xffff;
	return 1;
}

static __always_inline int read_error6(struct xdp_md *ctx, struct tunnel_error *error)
{
	const struct icmp_header *icmp;
	const struct ip6_header *ip6;
	struct packet packet;

	if (!parse_lengths6(ctx, &packet) || packet.fragment || packet.later_fragment || packet.protocol != NEXT_ICMP6)
		return 0;
	icmp = packet.l4;
	ip6 = (void *)(icmp + 1);
	if (icmp->type >= ICMP6_INFORMATION || (void *)(ip6 + 1) > packet.end)
		return 0;
	if (ip6->version_and_class >> 4 != 6 || !is_same_address(&ip6->source, &packet.ip6->destination))
		return 0;
	*error = (struct tunnel_error){
		.server = ip6->destination,
		.source = ip6->source,
		.offset = packet.l4_offset + sizeof(*icmp) + sizeof(*ip6),
		.end = sizeof(*packet.eth) + packet.length,
		.outer = FAMILY_6,
		.protocol = ip6->next,
		.type = icmp->type,
		.code = icmp->code,
		.by_server = is_same_address(&packet.ip6->source, &ip6->destination),
	};
	if (icmp->type == ICMP6_TOO_BIG)
		error->mtu = IPV6_MIN_MTU > bpf_ntohl(icmp->rest) ? IPV6_MIN_MTU : bpf_ntohl(icmp->rest);
	return 1;
}

/* Which family a tunnel carries, by IP's number for it; 0 for neither. */
static __always_inline __u32 carried_family(__u32 protocol)
{
	return protocol == IPPROTO_IPIP ? FAMILY_4 : protocol == IPPROTO_IPV6 ? FAMILY_6 : 0;
}

/* Reads what lies between the IP headers, as write_between() writes it. False where the director has sent no such tunnel. */
static __always_inline int read_between(struct xdp_md *ctx, struct tunnel_error *error)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 offset = error->offset;
	const struct gue_header *gue;
	const struct gre_header *gre;

	if (offset > MAX_EXTENSION_BYTES * 2)
		return 0;
	gue = data + offset;
	gre = data + offset;
	if ((void *)(gue + 1) > end)
		return 0;
	if (error->protocol == IPPROTO_UDP) {
		error->forwarding = FORWARD_GUE;
		error->port = gue->destination;
		error->inner = gue->version_and_length ? 0 : carried_family(gue->protocol);
		offset += sizeof(*gue);
	} else if (error->protocol == IPPROTO_GRE) {
		error->forwarding = FORWARD_GRE;
		error->inner = gre->protocol == bpf_htons(ETH_P_IP) ? FAMILY_4 : gre->protocol == bpf_htons(ETH_P_IPV6) ? FAMILY_6 : 0;
		offset += gre->flags & bpf_htons(GRE_CHECKSUM) ? sizeof(*gre) : offsetof(struct gre_header, check);
	} else {
		error->forwarding = FORWARD_IPIP;
		error->inner = carried_family(error->protocol);
	}
	error->offset = offset;
	return error->inner != 0;
}

/* What went to the server of a connection that is not over. */
static __always_inline __u32 server_of(enum family family, const struct conn_key *key)
{
	struct conn_line *line = conn_line_of(family, key);
	struct conn *conn = line ? conn_find(family, line, key) : NULL;

	return conn && !conn_expired(conn, now_jiffies()) ? conn->server : NO_SERVER;
}

/*
 * The server of the packet inside, which begins at `offset` and ends at `limit` at the latest; and into `way` whose packet it was. This and what
 * follows is verified once, on its own, not for every kind of tunnel.
 */
__noinline __u32 carried_server4(struct xdp_md *ctx, __u32 offset, __u32 limit, struct bpf_fib_lookup *way)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct ports *ports;
	const struct iphdr *ip;
	struct conn_key key;

	if (!way || offset > MAX_EXTENSION_BYTES * 2)
		return NO_SERVER;
	ip = data + offset;
	if ((void *)(ip + 1) > end)
		return NO_SERVER;
	ports = (void *)ip + ip->ihl * 4;
	if (ip->version != 4 || ip->ihl < sizeof(*ip) / 4 || ip->frag_off & bpf_htons(IP_OFFSET) || !has_ports(ip->protocol))
		return NO_SERVER;
	/* As much of it as the error to the client quotes. */
	if ((void *)ports + ICMP_QUOTED_BYTES > end || offset + ip->ihl * 4 + ICMP_QUOTED_BYTES > limit)
		return NO_SERVER;
	way->family = AF_INET;
	way->ipv4_src = ip->daddr;
	way->ipv4_dst = ip->saddr;
	key = conn_key(ip->saddr, ip->daddr, ports->source, ports->destination, conn_protocol(ip->protocol) << META_PROTOCOL_SHIFT);
	return server_of(FAMILY_4, &key);
}

__noinline __u32 carried_server6(struct xdp_md *ctx, __u32 offset, __u32 limit, struct bpf_fib_lookup *way)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct ip6_header *ip6;
	struct headers headers = {};
	const struct ports *ports;
	struct conn_key6 *key;
	__u32 zero = 0;

	key = bpf_map_lookup_elem(&keys6, &zero);
	if (!way || !key || offset > MAX_EXTENSION_BYTES * 2 || !walk_headers(ctx, offset, &headers))
		return NO_SERVER;
	if (headers.later_fragment || headers.offset > MAX_EXTENSION_BYTES * 4 || !has_ports(headers.protocol))
		return NO_SERVER;
	ip6 = data + offset;
	ports = data + headers.offset;
	if ((void *)(ip6 + 1) > end || (void *)ports + ICMP_QUOTED_BYTES > end || headers.offset + ICMP_QUOTED_BYTES > limit)
		return NO_SERVER;
	if (ip6->version_and_class >> 4 != 6)
		return NO_SERVER;
	way->family = AF_INET6;
	__builtin_memcpy(way->ipv6_src, &ip6->destination, sizeof(ip6->destination));
	__builtin_memcpy(way->ipv6_dst, &ip6->source, sizeof(ip6->source));
	read_key6(key, ip6, ports, conn_protocol(headers.protocol) << META_PROTOCOL_SHIFT);
	return server_of(FAMILY_6, &key->core);
}

/* That server, if the packet was sent to it by a tunnel such as the error quotes. */
static __always_inline struct server *tunnelled_server(const struct tunnel_error *error, __u32 index)
{
	struct server *server = server_at(index);

	if (!server || !(server->flags & SERVER_AVAILABLE) || server->forwarding != error->forwarding || server->family != error->outer)
		return NULL;
	if (!is_same_address(&server->address, &error->server) || !is_same_address(&server->tunnel_source, &error->source))
		return NULL;
	return server->forwarding != FORWARD_GUE || server->tunnel_port == error->port ? server : NULL;
}

/* From now on packets that are too long for the way are answered here. The director lets it be forgotten. Returns what a client may send. */
static __always_inline __u32 learn_mtu(const struct tunnel_error *error, struct server *server)
{
	__u32 headers = (error->outer == FAMILY_6 ? sizeof(struct ip6_header) : sizeof(struct iphdr)) + between_headers(server);
	__u32 mtu = error->mtu - headers;

	if (error->inner == FAMILY_6 && mtu < IPV6_MIN_MTU)
		mtu = IPV6_MIN_MTU;
	if (server->mtu && server->mtu <= mtu)
		return server->mtu;
	server->path_mtu = mtu;
	server->mtu = mtu;
	return mtu;
}

/*
 * In the words of the client's family. What is wrong between director and server, unless it is the port, is of the host to a client of the
 * other family (RFC 2473, 8.3), as are errors in headers that the client has not written.
 */
static __always_inline void translate_error(struct tunnel_error *error)
{
	int is_expired = error->type == (error->outer == FAMILY_6 ? ICMP6_TIME_EXCEEDED : ICMP_TIME_EXCEEDED);
	int is_unreachable = error->type == (error->outer == FAMILY_6 ? ICMP6_UNREACHABLE : ICMP_UNREACHABLE);
	int is_port = is_unreachable && error->code == (error->outer == FAMILY_6 ? ICMP6_CODE_PORT : ICMP_CODE_PORT);

	if (error->inner == FAMILY_4) {
		if (error->outer == FAMILY_4)
			return;
		error->type = error->mtu ? ICMP_UNREACHABLE : is_expired ? ICMP_TIME_EXCEEDED : ICMP_UNREACHABLE;
		error->code = error->mtu ? ICMP_CODE_TOO_BIG : is_expired ? error->code : is_port ? ICMP_CODE_PORT : ICMP_CODE_HOST;
		return;
	}
	if (error->outer == FAMILY_6 && (error->mtu || is_expired || is_unreachable))
		return;
	error->type = error->mtu ? ICMP6_TOO_BIG : is_expired ? ICMP6_TIME_EXCEEDED : ICMP6_UNREACHABLE;
	error->code = error->mtu ? 0 : is_expired ? error->code : is_port ? ICMP6_CODE_PORT : ICMP6_CODE_ADDRESS;
}

/*
 * Makes the frame one with the client's packet alone, as if it had just come from the hop that leads to the client: so it is answered. Where
 * the kernel knows no way to him, or does not route, whoever reported the error does: but not if that is the server itself. Then nothing is
 * done, and the client hears of it by its next packet if that is too long.
 */
__noinline int lead_back(struct xdp_md *ctx, const struct tunnel_error *error, struct bpf_fib_lookup *way)
{
	struct scratch *scratch;
	struct ethhdr *eth;
	__u32 zero = 0, excess;
	int is_known;

	if (!error || !way)
		return 0;
	excess = (__u32)bpf_xdp_get_buff_len(ctx) - error->end;
	scratch = bpf_map_lookup_elem(&scratches, &zero);
	is_known = find_route(ctx, way) == BPF_FIB_LKUP_RET_SUCCESS;
	eth = (void *)(long)ctx->data;
	if (!scratch || (void *)(eth + 1) > (void *)(long)ctx->data_end || (!is_known && error->by_server))
		return 0;
	if (!is_known) {
		way->ifindex = 0;
		__builtin_memcpy(way->dmac, eth->h_source, ETH_ALEN);
		__builtin_memcpy(way->smac, eth->h_dest, ETH_ALEN);
	}
	if (bpf_xdp_adjust_tail(ctx, -(int)excess) || bpf_xdp_adjust_head(ctx, (int)(error->offset - sizeof(*eth))))
		return 0;
	eth = (void *)(long)ctx->data;
	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return 0;
	__builtin_memcpy(eth->h_source, way->dmac, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, way->smac, ETH_ALEN);
	eth->h_proto = error->inner == FAMILY_6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
	scratch->icmp_port = way->ifindex;
	return 1;
}

SEC("xdp.frags")
int tunnel_error_program(struct xdp_md *ctx)
{
	struct bpf_fib_lookup way = { .l4_protocol = IPPROTO_ICMP };
	struct tunnel_error error;
	struct server *server;
	__u32 index;

	if (!(read_error4(ctx, &error) || read_error6(ctx, &error)) || !read_between(ctx, &error))
		return pass(PASS_ICMP);
	if (error.inner == FAMILY_6)
		index = carried_server6(ctx, error.offset, error.end, &way);
	else
		index = carried_server4(ctx, error.offset, error.end, &way);
	server = tunnelled_server(&error, index);
	if (!server)
		return pass(PASS_ICMP);
	translate_error(&error);
	if (error.mtu)
		error.mtu = learn_mtu(&error, server);
	if (!lead_back(ctx, &error, &way))
		return pass(PASS_ICMP);
	return reject(ctx, FROM_DESTINATION, REJECT_IN_TUNNEL, error.type, error.code, error.mtu);
}
