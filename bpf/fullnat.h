/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Full NAT: a request gets the server's endpoint as destination and a local one as source; a reply to the local endpoint gets the virtual one
 * as source and the client's as destination. What a connection is, its state and its time are those of a masqueraded one: the programs that
 * it shares with NAT have kept them, counted the packet and taken its hop before they jump here.
 */
#pragma once

#include "proxied.h"
#include "toa.h"

/* What of its connection a packet to the server needs, read while nobody changed it. FTP's ways through here lead on to programs of their own. */
struct both_ends {
	struct conn *conn; /* NULL for a later fragment */
	__u32 server;
	__u32 local;
	__u32 meta;
};

static __always_inline int find_ends(enum family family, struct conn_key *key, struct both_ends *ends)
{
	struct conn *conn = conn_find_any(family, key);

	if (!conn)
		return 0;
	ends->conn = conn;
	ends->meta = conn_meta(conn);
	ends->server = conn->server;
	ends->local = *(const volatile __u32 *)&conn->local;
	return ends->meta & META_FULLNAT && !((conn_meta(conn) ^ ends->meta) & (META_GENERATION | META_VALID | META_BUSY));
}

/* The connection that a way back leads to; it may have changed hands since. */
static __always_inline struct conn *way_conn(enum family family, const struct conn_key *key, struct conn *reply)
{
	const struct conn_key *origin;
	__u32 number = *(volatile __u32 *)reply_number(family, reply);
	struct conn *conn;
	__u32 meta;

	if (number & NUMBER_OVERFLOW) {
		origin = family == FAMILY_6 ? bpf_map_lookup_elem(&overflow_ways6, &number) : bpf_map_lookup_elem(&overflow_ways, &number);
		conn = origin ? overflow_entry(family, origin) : NULL;
	} else {
		conn = conn_numbered(family, number);
	}
	if (!conn)
		return NULL;
	meta = conn_meta(conn);
	if ((meta & (META_VALID | META_BUSY | META_FULLNAT)) != (META_VALID | META_FULLNAT))
		return NULL;
	return local_port(conn->local) == (__be16)(key->ports >> 16) ? conn : NULL;
}

/* The server's first answer behind the handshake says that it knows the client; its SYN leaves room for the option that says it. */
static __always_inline void note_answer(enum family family, struct packet *packet, struct conn *conn, __u8 flags)
{
	if (flags & TCP_SYN)
		lower_mss(packet, toa_length(family));
	else if (flags & TCP_ACK && !(flags & TCP_RST) && !(conn_meta(conn) & META_ANSWERED))
		__sync_fetch_and_or(&conn->meta, META_ANSWERED);
}

/* A SYN is for a server that does not know the client any more, also where the connection before has not expired here. */
static __always_inline void note_request(enum family family, struct packet *packet, const struct both_ends *ends)
{
	if (packet_protocol(family, packet) != IPPROTO_TCP || !has_tcp_header(packet))
		return;
	if (tcp_flags(packet->l4) & TCP_SYN && ends->meta & META_ANSWERED && ends->conn)
		__sync_fetch_and_and(&ends->conn->meta, ~META_ANSWERED);
	disown_toa(packet);
}

static __always_inline int to_server(enum family family, struct xdp_md *ctx, struct packet *packet, const struct both_ends *ends,
				     enum rewrite what)
{
	struct local_address *from = local_address_of(ends->local);
	struct address6 client = {};
	struct ports *ports;
	struct server *server;
	__u32 change, index = ends->server;
	__be16 port = 0;
	int with_toa = 0;

	server = server_at(index);
	if (!server || !from)
		return drop(DROP_SERVER_DELETED);
	if (family == FAMILY_6)
		client = packet->ip6->source;
	else
		client.word[0] = packet->ip->saddr;
	if (what == REWRITE_ENDPOINT) {
		ports = packet->l4;
		port = ports->source;
		note_request(family, packet, ends);
		with_toa = !(ends->meta & META_ANSWERED) && takes_toa(family, packet, server);
	}
	change = rewrite_destination(family, packet, server, what);
	if (family == FAMILY_6) {
		rewrite_source6(packet, &from->address, local_port(ends->local), what);
	} else {
		change += rewrite_source(packet, from->address.word[0], local_port(ends->local), what);
		change_header_check(packet, change);
	}
	write_macs(packet->eth, server->destination_mac);
	if (with_toa)
		add_toa(family, ctx, &client, port);
	return send_by(ctx, server->ifindex);
}

/* An ICMP error about a reply: the server knows the quoted packet as one to the local endpoint. */
static __always_inline int error_to_server(struct xdp_md *ctx, struct packet *packet)
{
	struct local_address *from;
	struct quoted_ends quoted;
	struct both_ends ends;
	struct server *server;
	struct conn_key key;
	__u32 index;

	if (!icmp_quoted_key(packet, 0, &key) || !find_ends(FAMILY_4, &key, &ends))
		return drop(DROP_TABLE_BUSY);
	from = local_address_of(ends.local);
	index = ends.server;
	server = server_at(index);
	if (!server || !from)
		return drop(DROP_SERVER_DELETED);
	quoted = ends_of_server(&key, server);
	quoted.destination = from->address.word[0];
	quoted.destination_port = local_port(ends.local);
	if (!rewrite_quoted(packet, &quoted, ends.meta & META_PROXIED ? numbers_difference(ends.conn, FAMILY_4) : 0))
		return drop(DROP_TABLE_BUSY);
	return to_server(FAMILY_4, ctx, packet, &ends, REWRITE_ADDRESS);
}

SEC("xdp.frags")
int fullnat_program(struct xdp_md *ctx)
{
	struct fragment_key where;
	struct fragment_way *way;
	struct both_ends ends = {};
	struct packet packet;
	struct conn_key key;

	if (!parse_ipv4(ctx, &packet) || !parse_header(ctx, &packet))
		return XDP_DROP;
	if (is_later_fragment(&packet)) {
		where = fragment_key(&packet);
		way = bpf_map_lookup_elem(&fragments, &where);
		if (!way)
			return drop(DROP_FRAGMENT_UNKNOWN);
		ends = (struct both_ends){ .server = way->server, .local = way->local };
		return to_server(FAMILY_4, ctx, &packet, &ends, REWRITE_ADDRESS);
	}
	/* Said once more than the other programs did, for the verifier. */
	asm volatile("" : : "r"(&packet) : "memory");
	if (packet.l4 + 8 > packet.end)
		return XDP_DROP;
	if (packet.ip->protocol == IPPROTO_ICMP)
		return error_to_server(ctx, &packet);
	key = packet_key(&packet, conn_protocol(packet.ip->protocol), 0);
	if (!find_ends(FAMILY_4, &key, &ends))
		return ends.meta & META_FTP ? jump(ctx, TAIL_FTP) : drop(DROP_TABLE_BUSY);
	return to_server(FAMILY_4, ctx, &packet, &ends, REWRITE_ENDPOINT);
}

SEC("xdp.frags")
int fullnat_reply_program(struct xdp_md *ctx)
{
	struct way_back back;
	struct packet packet;
	struct conn_line *line;
	struct reply *reply;
	struct conn_key key;
	struct conn *conn;
	int renumbered;
	__u8 event = 0;
	__u32 meta;

	if (!parse_ipv4(ctx, &packet) || !parse_lengths(ctx, &packet))
		return XDP_PASS;
	if (!read_event(FAMILY_4, &packet, &event))
		return XDP_PASS;
	key = packet_key(&packet, conn_protocol(packet.ip->protocol), META_REPLY);
	line = conn_line_of(FAMILY_4, &key);
	reply = line ? (struct reply *)conn_find(FAMILY_4, line, &key) : NULL;
	if (!reply)
		return XDP_PASS;
	meta = conn_meta((struct conn *)reply);
	conn = way_conn(FAMILY_4, &key, (struct conn *)reply);
	if (!conn)
		return XDP_PASS;
	back = (struct way_back){
		.virtual = conn->virtual,
		.client = conn->client,
		.virtual_port = conn->virtual_port,
		.client_port = conn->client_port,
		.to = reply_hop(reply),
	};
	if ((conn_meta((struct conn *)reply) ^ meta) & (META_GENERATION | META_VALID | META_BUSY))
		return XDP_PASS;
	renumbered = (conn_meta(conn) & META_PROXIED) != 0;
	if (renumbered && (!proxied_answer(ctx, conn) || !parse_any(FAMILY_4, ctx, &packet)))
		return drop(DROP_AWAITING_SERVER);
	/* A reply with other numbers is nobody's. */
	if (!serve_reply(&packet, conn, event, now_jiffies()))
		return renumbered ? drop(DROP_TABLE_BUSY) : XDP_PASS;
	if (packet.ip->protocol == IPPROTO_TCP)
		note_answer(FAMILY_4, &packet, conn, event);
	remember_reply_fragment(&packet, conn->server, &back);
	return send_to_client(ctx, &packet, &back, REWRITE_ENDPOINT);
}
