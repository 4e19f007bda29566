/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The SYN proxy. With cookies, the director makes the handshake with the client without remembering anything, and only when a client has
 * shown that it is there makes one with the server:
 *
 *     client                       director                          server
 *       SYN  ───────────────────────►
 *            ◄───────────────────────  SYN/ACK, number: cookie, window 0
 *       ACK of the cookie  ─────────►  (a connection)  SYN  ─────────►
 *            ◄── a byte from before,   ◄───────────────────  SYN/ACK
 *                the server's window
 *       ACK, perhaps with data  ────►  other numbers  ───────────────►
 *
 * A window of 0 lets the client wait for the server. What ends the waiting is one byte that the client has had already, its SYN/ACK's: TCP
 * takes the new window from it, and has to acknowledge it at once (RFC 9293, 3.10.7.4), which is the acknowledgement that the server waits
 * for, with the client's own window. From then on the server's numbers and the cookie's differ by the same amount.
 *
 * All of it needs the server's packets to come this way (NAT, full NAT). Where they do not (DR, TUN), and where the director itself is a server, the client
 * gets a SYN/ACK that acknowledges nonsense. A TCP that exists answers with a reset that quotes the nonsense, and sends its SYN again; then
 * it is known, and let in.
 */
#pragma once

#include "proxied.h"
#include "toa.h"

static __always_inline __u32 ingress_mtu(struct xdp_md *ctx)
{
	__u32 i, ingress = ingress_of(ctx);

	for (i = 0; i < MAX_PORTS; i++)
		if (settings.port_indexes[i] == ingress && settings.port_mtus[i])
			return settings.port_mtus[i];
	return ETH_DATA_LEN;
}

/*
 * The largest segment that the director announces for a server: what fits where the client's packets come from. With full NAT it leaves room
 * for the option that names the client, as it does in what servers announce themselves.
 */
static __always_inline __u32 announced_size(enum family family, struct xdp_md *ctx, const struct service *service)
{
	__u32 headers = sizeof(struct tcp_header) + (family == FAMILY_6 ? sizeof(struct ip6_header) : sizeof(struct iphdr));
	__u32 mtu = ingress_mtu(ctx);

	if (service->local_count)
		headers += toa_length(family);
	return (mtu > ETH_DATA_LEN ? ETH_DATA_LEN : mtu) - headers;
}

/* A SYN is answered, and forgotten. */
static __always_inline int answer_syn(enum family family, struct xdp_md *ctx, struct packet *packet, const struct service *service, __u32 now)
{
	__u32 first = bpf_ntohl(((struct tcp_header *)packet->l4)->sequence);
	int cookies = (service->flags & SERVICE_COOKIES) != 0;
	struct cookie_options said = { .scale = NO_SCALE };
	struct tcp_options options;
	__u32 cookie, bytes;

	if (cookies) {
		if (!read_options(ctx, plain_offset(family), &options))
			return pass(PASS_MALFORMED);
		said.segment = segment_index(options.segment);
		said.scale = options.scale == SCALE_UNSAID ? NO_SCALE : options.scale;
		said.sack = options.sack;
		if (!parse_segment(family, ctx, packet))
			return pass(PASS_MALFORMED);
		cookie = cookie_make(family, packet, first, said, now);
	} else {
		cookie = challenge_make(family, packet, now);
	}
	bytes = syn_bytes(said.sack, said.scale != NO_SCALE);
	if (!resize_segment(family, ctx, packet, bytes))
		return drop(DROP_NO_HEADROOM);
	if (cookies)
		write_tcp(packet, cookie, first + 1, TCP_SYN | TCP_ACK, 0, bytes);
	else
		write_tcp(packet, ~cookie, cookie, TCP_SYN | TCP_ACK, 0, bytes);
	write_syn_options(packet, announced_size(family, ctx, service), said.sack, said.scale != NO_SCALE, PROXY_SCALE);
	turn_around(family, packet);
	write_tcp_check(family, packet, bytes);
	count_reason(cookies ? ANSWER_COOKIE : ANSWER_CHALLENGE);
	return send_back(ctx);
}

/* The handshake with the server: the client's SYN once more, in the frame of its acknowledgement. */
static __always_inline int send_syn(enum family family, struct xdp_md *ctx, struct packet *packet, __u32 first, __u32 cookie, __u32 index)
{
	struct cookie_options said = cookie_options(cookie);
	int scaled = said.scale != NO_SCALE;
	__u32 bytes = syn_bytes(said.sack, scaled), window;
	struct server *server = server_at(index);

	if (!server || !(server->flags & SERVER_AVAILABLE))
		return drop(DROP_SERVER_DELETED);
	if (server->flags & SERVER_LOCAL)
		return drop(DROP_NO_NEXT_HOP);
	if (server->forwarding != FORWARD_MASQUERADE && server->forwarding != FORWARD_FULLNAT)
		return drop(DROP_NO_NEXT_HOP);
	/* The window of a SYN is never scaled. */
	window = bpf_ntohs(((struct tcp_header *)packet->l4)->window);
	if (scaled)
		window <<= said.scale;
	if (window > 0xffff)
		window = 0xffff;
	if (!resize_segment(family, ctx, packet, bytes))
		return drop(DROP_NO_HEADROOM);
	write_tcp(packet, first, 0, TCP_SYN, window, bytes);
	write_syn_options(packet, segment_size(said.segment), said.sack, scaled, said.scale);
	write_tcp_check(family, packet, bytes);
	count_reason(ANSWER_HANDSHAKE);
	return forward(family, ctx, packet, index, server, server->forwarding == FORWARD_FULLNAT ? REWRITE_APART : REWRITE_ENDPOINT);
}

static __noinline long proxied_remember(enum family family, const struct conn_key6 *tuple, __u32 first, __u32 cookie)
{
	struct proxied fresh = { .client_first = first, .cookie = cookie, .scaled = cookie_options(cookie).scale != NO_SCALE };
	struct proxied_key key = proxied_key_of(family, &tuple->core);

	return bpf_map_update_elem(&proxied, &key, &fresh, BPF_ANY);
}

/* An acknowledgement without a connection: with a right cookie it makes one. A client that probes the window sends its first number again. */
static __always_inline int open_proxied(enum family family, struct xdp_md *ctx, struct packet *packet, struct service *service, __u16 service_port,
					struct conn_key6 *key, __u32 now)
{
	const struct tcp_header *tcp = packet->l4;
	__u32 first = bpf_ntohl(tcp->sequence) - 1, cookie = bpf_ntohl(tcp->acknowledged) - 1;
	struct admission admission = { .event = TCP_SYN, .now = now, .server = NO_SERVER };
	int reason;

	if (!cookie_is_right(family, packet, first, cookie, now) && !cookie_is_right(family, packet, ++first, cookie, now))
		return pass(PASS_NO_CONNECTION);
	reason = refused_by_defence(family, packet, service, now);
	if (reason)
		return drop(reason);
	syn_proxy_key(family, key, packet, 0);
	reason = choose_server(family, ctx, packet, service, service_port, &key->core, &admission);
	if (reason == REJECT_NO_SERVER)
		return reject_no_server(family, ctx);
	if (reason)
		return drop(reason);
	if (proxied_remember(family, key, first, cookie))
		return drop(DROP_TABLE_FULL);
	return send_syn(family, ctx, packet, first, cookie, admission.server);
}

static __always_inline int syn_proxy_of(enum family family, struct xdp_md *ctx)
{
	struct conn_key6 *key;
	struct service *service;
	struct address6 client;
	struct packet packet;
	__u16 service_port;
	__u32 now, zero = 0;
	__u8 flags;

	key = bpf_map_lookup_elem(&keys6, &zero);
	if (!key || !parse_segment(family, ctx, &packet))
		return pass(PASS_MALFORMED);
	syn_proxy_key(family, key, &packet, 0);
	service = service_of(family, ctx, &packet, &key->core, &service_port);
	if (!service)
		return pass(PASS_NO_SERVICE);
	now = now_jiffies();
	flags = tcp_flags(packet.l4);
	if (flags & TCP_SYN)
		return flags & TCP_ACK ? pass(PASS_NO_CONNECTION) : answer_syn(family, ctx, &packet, service, now);
	if (service->flags & SERVICE_COOKIES)
		return open_proxied(family, ctx, &packet, service, service_port, key, now);
	if (!(flags & TCP_RST) || !challenge_is_right(family, &packet, bpf_ntohl(((struct tcp_header *)packet.l4)->sequence), now))
		return pass(PASS_NO_CONNECTION);
	client = client_address(family, &packet);
	make_known(&client, now);
	return drop(DROP_CLIENT_PROVEN);
}

SEC("xdp.frags")
int syn_proxy(struct xdp_md *ctx)
{
	return syn_proxy_of(FAMILY_4, ctx);
}

SEC("xdp.frags")
int syn_proxy6(struct xdp_md *ctx)
{
	return syn_proxy_of(FAMILY_6, ctx);
}

/* A client's segment of a connection that was made by the SYN proxy. */
static __always_inline int serve_proxied(enum family family, struct xdp_md *ctx)
{
	struct conn_key6 *key;
	struct proxied *proxied;
	struct packet packet;
	struct conn_place place;
	struct conn *conn;
	__u32 meta, zero = 0, now = now_jiffies();
	__u8 flags;
	int verdict;

	key = bpf_map_lookup_elem(&keys6, &zero);
	if (!key || !parse_any(family, ctx, &packet))
		return pass(PASS_MALFORMED);
	syn_proxy_key(family, key, &packet, 0);
	if (!conn_place(family, &key->core, &place))
		return XDP_DROP;
	conn = conn_find(family, place.first, &key->core);
	proxied = conn ? proxied_of(family, conn) : NULL;
	if (!proxied)
		return drop(DROP_TABLE_BUSY);
	flags = tcp_flags(packet.l4);
	if (!proxied->answered) {
		/* Whoever sends now sends again what got lost, or asks for a window: the server is asked again, too. */
		if ((flags & (TCP_SYN | TCP_RST | TCP_ACK)) != TCP_ACK || !parse_segment(family, ctx, &packet))
			return drop(DROP_AWAITING_SERVER);
		return send_syn(family, ctx, &packet, proxied->client_first, proxied->cookie, conn->server);
	}
	meta = conn_meta(conn);
	if (!to_servers_numbers(ctx, &packet, proxied) || !parse_any(family, ctx, &packet))
		return pass(PASS_MALFORMED);
	remember_fragment(family, &packet, conn->server, rewrite_of(meta), conn->local);
	verdict = serve(family, ctx, &packet, conn, meta, flags, now);
	return verdict == VERDICT_STALE ? drop(DROP_TABLE_BUSY) : verdict;
}

SEC("xdp.frags")
int proxied_program(struct xdp_md *ctx)
{
	return serve_proxied(FAMILY_4, ctx);
}

SEC("xdp.frags")
int proxied6_program(struct xdp_md *ctx)
{
	return serve_proxied(FAMILY_6, ctx);
}

SEC("xdp.frags")
int proxied_reply(struct xdp_md *ctx)
{
	struct way_back back;
	struct packet packet;
	struct conn_line *line;
	struct reply *reply;
	struct conn_key6 key;
	struct conn *conn;
	__u8 flags;

	if (!parse_any(FAMILY_4, ctx, &packet))
		return XDP_PASS;
	syn_proxy_key(FAMILY_4, &key, &packet, META_REPLY);
	line = conn_line_of(FAMILY_4, &key.core);
	reply = line ? (struct reply *)conn_find(FAMILY_4, line, &key.core) : NULL;
	if (!reply)
		return XDP_PASS;
	back = (struct way_back){ .virtual = reply->virtual, .virtual_port = reply->virtual_port, .to = reply_hop(reply) };
	conn = reply_conn(&key.core, &back);
	if (!conn)
		return XDP_PASS;
	flags = tcp_flags(packet.l4);
	if (!proxied_answer(ctx, conn) || !parse_any(FAMILY_4, ctx, &packet))
		return drop(DROP_AWAITING_SERVER);
	if (!serve_reply(&packet, conn, flags, now_jiffies()))
		return drop(DROP_TABLE_BUSY);
	remember_reply_fragment(&packet, conn->server, &back);
	return send_to_client(ctx, &packet, &back, REWRITE_ENDPOINT);
}

SEC("xdp.frags")
int proxied_reply6(struct xdp_md *ctx)
{
	__u32 slot, zero = 0;
	struct conn_key6 *key = bpf_map_lookup_elem(&keys6, &zero);
	const struct ports *ports;
	struct way_back6 back;
	struct packet packet;
	struct conn_line *line;
	struct reply6 *reply;
	struct conn *conn;
	__u8 flags;

	if (!key || !parse_any(FAMILY_6, ctx, &packet))
		return XDP_PASS;
	syn_proxy_key(FAMILY_6, key, &packet, META_REPLY);
	line = conn_line_of(FAMILY_6, &key->core);
	reply = line ? (struct reply6 *)conn_find(FAMILY_6, line, &key->core) : NULL;
	if (!reply)
		return XDP_PASS;
	if (!read_lead6(reply, &back, &slot))
		return XDP_PASS;
	ports = packet.l4;
	conn = reply_conn6(&packet.ip6->destination, ports->destination, &back, key->core.kind & META_FLOW, slot);
	if (!conn)
		return XDP_PASS;
	back.to = hop_to(conn);
	flags = tcp_flags(packet.l4);
	if (!proxied_answer6(ctx, conn) || !parse_any(FAMILY_6, ctx, &packet))
		return drop(DROP_AWAITING_SERVER);
	if (!serve_reply(&packet, conn, flags, now_jiffies()))
		return drop(DROP_TABLE_BUSY);
	if (packet.fragment)
		remember_reply_fragment6(packet.ip6, packet.fragment_id, conn->server, &back);
	return send_to_client6(ctx, &packet, &back, REWRITE_ENDPOINT);
}
