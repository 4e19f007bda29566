// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The packet path of a director: IPVS's semantics for TCP, UDP and SCTP. `balance` is what a port runs; it answers for established IPv4
 * connections alone and jumps to the other programs for everything else (those of IPv6 are in director6.h). `sweep` is run by the director.
 * "xdp.frags": long frames may come in several buffers. All headers lie in the first; what lies behind it is only counted and moved.
 */
#include "admit_packet.h"
#include "reply.h"

char _license[] SEC("license") = "Dual BSD/GPL";

SEC("xdp.frags")
int balance(struct xdp_md *ctx)
{
	struct packet packet;
	struct conn_line *line;
	struct conn_key key;
	struct conn *conn;
	__u32 now, meta;
	__u8 flags = 0;
	int verdict;

	if (!parse_ipv4(ctx, &packet)) {
		if (parse_ipv6(ctx, &packet))
			return jump(ctx, TAIL_BALANCE6);
		return settings.flags & SETTING_TAGGED ? jump(ctx, TAIL_TAGGED) : XDP_PASS;
	}
	if (!may_be_virtual(packet.ip->daddr))
		return settings.flags & SETTING_EVERY_ADDRESS ? jump(ctx, TAIL_STRAY) :
		       may_be_reply(packet.ip->saddr, packet.ip->daddr) ? answer(ctx, &packet) : XDP_PASS;
	if (!is_for_us(packet.eth))
		return pass(PASS_FOREIGN_MAC);
	if (is_fragment(&packet))
		return jump(ctx, TAIL_FRAGMENT);
	if (!parse_lengths(ctx, &packet))
		return pass(PASS_MALFORMED);
	if (packet.ip->protocol == IPPROTO_TCP) {
		if (!has_tcp_header(&packet))
			return pass(PASS_MALFORMED);
		flags = tcp_flags(packet.l4);
		if (flags & TCP_SYN)
			return jump(ctx, TAIL_ADMIT);
		key = packet_key(&packet, CONN_TCP, 0);
	} else if (packet.ip->protocol == IPPROTO_UDP) {
		key = packet_key(&packet, CONN_UDP, 0);
	} else {
		return jump(ctx, TAIL_ICMP);
	}
	line = conn_line_of(FAMILY_4, &key);
	if (!line)
		return XDP_PASS;
	conn = conn_find(FAMILY_4, line, &key);
	if (!conn)
		return jump(ctx, TAIL_ADMIT);
	meta = conn_meta(conn);
	now = now_jiffies();
	if (conn_expired(conn, now))
		return jump(ctx, TAIL_ADMIT);
	verdict = serve(FAMILY_4, ctx, &packet, conn, meta, flags, now);
	return verdict == VERDICT_STALE ? jump(ctx, TAIL_ADMIT) : verdict;
}

/* The whole way, for packets that `balance` found no connection for, SYNs, and first fragments. */
SEC("xdp.frags")
int admit_program(struct xdp_md *ctx)
{
	struct packet packet;
	struct conn_line *line;
	struct conn_key key;
	struct conn *conn;
	__u32 now, meta;
	__u8 event;
	int verdict;

	if (!parse_ipv4(ctx, &packet) || !parse_lengths(ctx, &packet))
		return XDP_PASS;
	if (!read_event(FAMILY_4, &packet, &event))
		return pass(PASS_MALFORMED);
	key = packet_key(&packet, conn_protocol(packet.ip->protocol), 0);
	line = conn_line_of(FAMILY_4, &key);
	if (!line)
		return XDP_PASS;
	now = now_jiffies();
	conn = conn_find(FAMILY_4, line, &key);
	if (conn && !conn_expired(conn, now)) {
		meta = conn_meta(conn);
		if (!begins_anew(conn, meta, event)) {
			if (loses_checksum(FAMILY_4, &packet, conn->server))
				return drop(DROP_CHECKSUM_SPLIT);
			remember_fragment(FAMILY_4, &packet, conn->server, rewrite_unread(meta), conn->local);
			verdict = serve(FAMILY_4, ctx, &packet, conn, meta, event, now);
			return verdict == VERDICT_STALE ? drop(DROP_TABLE_BUSY) : verdict;
		}
		end_conn(&key, conn);
	} else if (!conn && is_proxied(FAMILY_4, &packet, &key, now)) {
		return jump(ctx, TAIL_PROXIED);
	} else if (is_expected(FAMILY_4, &packet, &key, event, now)) {
		return jump(ctx, TAIL_FTP);
	}
	return admit_packet(FAMILY_4, ctx, &packet, &key, event, now);
}

/* ICMP to a virtual address: errors follow the connection they quote, everything else is the director's. SCTP comes by here too. */
SEC("xdp.frags")
int icmp_program(struct xdp_md *ctx)
{
	const struct icmp_header *icmp;
	struct packet packet;
	struct server *server;
	struct conn_key key;
	struct conn *conn;
	struct quoted_ends ends;
	enum rewrite what;
	__u32 index, meta;

	if (!parse_ipv4(ctx, &packet) || !parse_lengths(ctx, &packet))
		return XDP_PASS;
	if (packet.ip->protocol == IPPROTO_SCTP)
		return jump(ctx, TAIL_ADMIT);
	if (packet.ip->protocol != IPPROTO_ICMP)
		return pass(PASS_PROTOCOL);
	icmp = packet.l4;
	if (!is_icmp_error(icmp->type))
		return pass(PASS_ICMP);
	conn = icmp_quoted_key(&packet, 0, &key) ? conn_find_any(FAMILY_4, &key) : NULL;
	if (!conn || conn_expired(conn, now_jiffies()))
		return settings.flags & SETTING_TUNNEL ? jump(ctx, TAIL_TUNNEL_ERROR) : pass(PASS_ICMP);
	index = conn->server;
	server = server_at(index);
	if (!server || !(server->flags & SERVER_AVAILABLE))
		return drop(DROP_SERVER_DELETED);
	meta = conn_meta(conn);
	what = rewrite_unread(meta);
	if (what != REWRITE_ENDPOINT)
		return forward(FAMILY_4, ctx, &packet, index, server, what);
	ends = ends_of_server(&key, server);
	ends.source_port = server_port(conn, meta, server, ends.source_port);
	if (!rewrite_quoted(&packet, &ends, meta & META_PROXIED ? numbers_difference(conn, FAMILY_4) : 0))
		return pass(PASS_ICMP);
	return forward(FAMILY_4, ctx, &packet, index, server, REWRITE_ADDRESS);
}

/* The first fragment has the ports and goes the usual way; the server it went to is remembered for the others. */
SEC("xdp.frags")
int fragment_program(struct xdp_md *ctx)
{
	struct fragment_key where;
	struct packet packet;
	struct server *server;
	struct fragment_way *way;
	__u32 index;

	if (!parse_ipv4(ctx, &packet))
		return XDP_PASS;
	if (packet.ip->protocol == IPPROTO_ICMP)
		return pass(PASS_ICMP);
	if (!has_ports(packet.ip->protocol))
		return pass(PASS_PROTOCOL);
	if (!is_later_fragment(&packet))
		return jump(ctx, TAIL_ADMIT);
	if (!parse_header(ctx, &packet))
		return pass(PASS_MALFORMED);
	where = fragment_key(&packet);
	way = bpf_map_lookup_elem(&fragments, &where);
	if (way ? way->virtual : is_reply_source(FAMILY_4, &packet))
		return jump(ctx, TAIL_REPLY);
	if (!way)
		return drop(DROP_FRAGMENT_UNKNOWN);
	index = way->server;
	server = server_at(index);
	if (!server || !(server->flags & SERVER_AVAILABLE))
		return drop(DROP_SERVER_DELETED);
	return forward(FAMILY_4, ctx, &packet, index, server, rewrite_of_later(way->rewrite));
}

/* What a masqueraded server sends to somebody: to a client whose connection it answers, or on its own account. */
SEC("xdp.frags")
int reply_program(struct xdp_md *ctx)
{
	struct way_back back;
	struct packet packet;
	struct conn_line *line;
	struct reply *reply;
	struct conn_key key;
	struct conn *conn;
	__u32 meta;
	__u8 event;

	if (!parse_ipv4(ctx, &packet) || !is_for_us(packet.eth) || !parse_header(ctx, &packet))
		return XDP_PASS;
	if (is_later_fragment(&packet))
		return reply_fragment(ctx, &packet);
	if (!parse_lengths(ctx, &packet))
		return XDP_PASS;
	if (packet.ip->protocol == IPPROTO_ICMP)
		return jump(ctx, TAIL_REPLY_ICMP);
	if (!has_ports(packet.ip->protocol) || !read_event(FAMILY_4, &packet, &event))
		return XDP_PASS;
	key = packet_key(&packet, conn_protocol(packet.ip->protocol), META_REPLY);
	line = conn_line_of(FAMILY_4, &key);
	reply = line ? (struct reply *)conn_find(FAMILY_4, line, &key) : NULL;
	if (!reply)
		return settings.flags & SETTING_PROXIED && packet.ip->protocol == IPPROTO_TCP ? jump(ctx, TAIL_PROXIED_REPLY) : XDP_PASS;
	meta = conn_meta((struct conn *)reply);
	if (meta & (META_FULLNAT | META_FTP))
		return meta & META_FULLNAT ? jump(ctx, TAIL_FULLNAT_REPLY) : jump(ctx, TAIL_FTP);
	back = (struct way_back){ .virtual = reply->virtual, .virtual_port = reply->virtual_port, .to = reply_hop(reply) };
	conn = reply_conn(&key, &back);
	if (!conn || ((conn_meta((struct conn *)reply) ^ meta) & (META_GENERATION | META_VALID | META_BUSY)))
		return XDP_PASS;
	if (is_part_of_sctp(FAMILY_4, &packet) && ((const struct ports *)packet.l4)->source != back.virtual_port)
		return drop(DROP_CHECKSUM_SPLIT);
	if (!serve_reply(&packet, conn, event, now_jiffies()))
		return XDP_PASS;
	remember_reply_fragment(&packet, conn->server, &back);
	return send_to_client(ctx, &packet, &back, REWRITE_ENDPOINT);
}

/*
 * A packet to an address that no virtual service names, where firewall marks are given to such packets too. Replies come first, as IPVS has
 * them first. Whatever no connection, no fragment and no mark claims goes on to the stack.
 */
SEC("xdp.frags")
int stray_program(struct xdp_md *ctx)
{
	struct fragment_key where;
	struct fragment_way *way;
	struct packet packet;
	struct conn_line *line;
	struct conn_key key;
	int from_server;

	if (!parse_ipv4(ctx, &packet) || !is_for_us(packet.eth))
		return XDP_PASS;
	if (is_later_fragment(&packet)) {
		where = fragment_key(&packet);
		way = bpf_map_lookup_elem(&fragments, &where);
		if (!way)
			return XDP_PASS;
		return way->virtual ? jump(ctx, TAIL_REPLY) : jump(ctx, TAIL_FRAGMENT);
	}
	if (!parse_lengths(ctx, &packet))
		return XDP_PASS;
	from_server = may_be_reply(packet.ip->saddr, packet.ip->daddr);
	if (packet.ip->protocol == IPPROTO_ICMP)
		return from_server ? jump(ctx, TAIL_REPLY) : jump(ctx, TAIL_ICMP);
	if (!has_ports(packet.ip->protocol))
		return XDP_PASS;
	if (from_server) {
		key = packet_key(&packet, conn_protocol(packet.ip->protocol), META_REPLY);
		line = conn_line_of(FAMILY_4, &key);
		if (line && conn_find(FAMILY_4, line, &key))
			return jump(ctx, TAIL_REPLY);
	}
	return jump(ctx, TAIL_ADMIT);
}

/* Answers with the ICMP error that the scratch area says. */
SEC("xdp.frags")
int reject_program(struct xdp_md *ctx)
{
	__u32 zero = 0;
	struct packet packet;
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &zero);
	__u32 port;

	if (!scratch)
		return XDP_DROP;
	port = scratch->icmp_port;
	scratch->icmp_port = 0;
	if (!icmp_allowed(scratch, now_jiffies()))
		return drop(DROP_REJECT_LIMITED);
	return parse_ipv6(ctx, &packet) ? icmp_reply6(ctx, scratch, port) : icmp_reply(ctx, scratch, port);
}

#include "director6.h"
#include "syn_proxy.h"
#include "reply_icmp.h"
#include "tunnel_error.h"
#include "ftp6.h"
#include "sweep.h"
#include "trace.h"
#include "local_out.h"

/* The compiler writes type information only for what is used; this names the numbers and records
 * that the director reads from it. */
struct vocabulary {
	enum tail tail;
	enum conn_protocol protocol;
	enum conn_state state;
	enum sctp_state sctp_state;
	enum meta meta;
	enum family family;
	enum server_flag server_flag;
	enum forwarding forwarding;
	enum load_flag load_flag;
	enum schedule_kind schedule_kind;
	enum schedule_flag schedule_flag;
	enum service_flag service_flag;
	enum settings_flag settings_flag;
	enum sweep_kind sweep_kind;
	enum near_service near_service;
	enum reason reason;
	struct reply reply;
	struct reply6 reply6;
};

const struct vocabulary vocabulary SEC(".rodata.vocabulary") = {};
