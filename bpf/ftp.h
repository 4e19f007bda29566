/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * FTP through NAT, as IPVS's ip_vs_ftp has it. A session's data goes by connections of its own, to or from ports that its ends tell each other
 * in words (ftp_text.h). Each is entered when it is agreed upon, in the state LISTEN, and goes to the session's server, to the port that was
 * named: for active FTP with both endpoints, since the server connects from its port before the session's; for passive FTP without a client
 * port, which the first SYN brings. A data connection keeps its session from expiring before itself, for nothing need be said while data flows.
 */
#pragma once

#include "ftp_text.h"
#include "reply_icmp.h"

#define DATA_KIND (CONN_TCP << META_PROTOCOL_SHIFT)

static __always_inline int is_data(const struct conn *conn, __u32 meta)
{
	return meta & META_FTP && conn->data;
}

/* In a session nobody is listened to before it is established. */
static __always_inline int is_heard(const struct conn *conn, __u32 meta)
{
	return (meta & (META_FTP | META_STATE)) == (META_FTP | STATE_ESTABLISHED) && !conn->data;
}

/* What another connection of the same client and virtual address is found by. False where this one is gone. */
static __always_inline int key_beside(enum family family, struct conn_key *key, const struct conn *conn, __u32 ports)
{
	if (family == FAMILY_6) {
		if (!conn_tuple(FAMILY_6, key, conn, DATA_KIND))
			return 0;
		key->ports = ports;
		find_fingerprint6((struct conn_key6 *)key);
	} else {
		*key = conn_key(conn->client, conn->virtual, (__be16)ports, (__be16)(ports >> 16), DATA_KIND);
	}
	return 1;
}

/* A data connection keeps the template of its session, as the session does. */
static __always_inline void hold_template(const struct admission *admission)
{
	struct conn *template = conn_by_number(admission->control);

	if (template)
		__sync_fetch_and_add(&template->control, 1);
}

static __always_inline struct admission *admission_of_data(const struct conn *session, const struct hop *from, __be16 port)
{
	__u32 zero = 0;
	struct admission *admission = bpf_map_lookup_elem(&admissions, &zero);

	if (!admission)
		return NULL;
	admission->server = session->server;
	admission->control = session->control;
	admission->event = 0;
	admission->now = now_jiffies();
	admission->local = 0;
	admission->data = (__u32)session->client_port << 16 | port;
	admission->from = *from;
	return admission;
}

/*
 * Enters a data connection before anything of it came, in the place of one that there was before: a port is used again when it is said
 * again. `from`: where the client's packets come from, which an IPv6 session knows itself. Out of line, and with the key elsewhere, for the
 * stack's sake.
 */
static __noinline int expect4(const struct conn *session, const struct hop *from, __u32 ports, __be16 port)
{
	struct admission *admission = admission_of_data(session, from, port);
	struct conn_line *line;
	struct conn_key *key;
	struct conn *before;
	__u32 zero = 0;

	key = bpf_map_lookup_elem(&keys6, &zero);
	if (!key || !admission)
		return 0;
	key_beside(FAMILY_4, key, session, ports);
	line = conn_line_of(FAMILY_4, key);
	before = line ? conn_find_apart(FAMILY_4, line, key) : NULL;
	hold_template(admission);
	if (before)
		end_conn(key, before);
	if (enter(key, admission))
		admission_cancel(admission);
	return 0;
}

static __noinline int expect6(const struct conn *session, __u32 ports, __be16 port)
{
	struct hop from = hop_to(session);
	struct admission *admission = admission_of_data(session, &from, port);
	struct conn_line *line;
	struct conn_key6 *key;
	struct conn *before;
	__u32 zero = 0;

	key = bpf_map_lookup_elem(&keys6, &zero);
	if (!key || !admission)
		return 0;
	if (!key_beside(FAMILY_6, &key->core, session, ports))
		return 0;
	line = conn_line_of(FAMILY_6, &key->core);
	before = line ? conn_find(FAMILY_6, line, &key->core) : NULL;
	hold_template(admission);
	if (before)
		end_conn6(key, before);
	if (enter6(admission))
		admission_cancel(admission);
	return 0;
}

static __always_inline void expect(enum family family, const struct conn *session, const struct hop *from, __be16 client_port,
				   __be16 virtual_port, __be16 port)
{
	__u32 ports = (__u32)virtual_port << 16 | client_port;

	if (family == FAMILY_6)
		expect6(session, ports, port);
	else
		expect4(session, from, ports, port);
}

static __always_inline __u32 data_port(enum family family, struct xdp_md *ctx, const struct packet *packet, __be32 address, int by_server)
{
	__u32 header = (((const struct tcp_header *)packet->l4)->words >> 4) * 4, length = transport_length(family, packet);

	if (length <= header)
		return 0;
	return read_data_port(ctx, l4_offset(packet), header << 16 | (length - header), family == FAMILY_4 ? bpf_ntohl(address) : 0, by_server);
}

/* The server connects from the port before its own, as RFC 959 has it; for the client it is the one before the session's. */
static __always_inline void hear_client(enum family family, struct xdp_md *ctx, struct packet *packet, const struct conn *session, __be16 port)
{
	__u32 said = data_port(family, ctx, packet, session->client, 0);
	struct hop from;

	if (!said)
		return;
	if (family == FAMILY_4)
		hop_of(ctx, packet->eth, &from);
	expect(family, session, &from, bpf_htons(said), bpf_htons(FTP_DATA_PORT), bpf_htons(bpf_ntohs(port) - 1));
}

static __always_inline void hear_server(enum family family, struct xdp_md *ctx, struct packet *packet, const struct conn *session,
					const struct hop *from)
{
	__u32 said = data_port(family, ctx, packet, session->virtual, 1);

	if (said)
		expect(family, session, from, 0, bpf_htons(said), bpf_htons(said));
}

/* A session is there as long as its data connections are. */
static __noinline void keep_session4(const struct conn *data)
{
	struct conn_line *line;
	struct conn_key key;
	struct conn *session;

	key_beside(FAMILY_4, &key, data, (__u32)bpf_htons(FTP_PORT) << 16 | data->data >> 16);
	line = conn_line_of(FAMILY_4, &key);
	session = line ? conn_find(FAMILY_4, line, &key) : NULL;
	if (session && !time_reached(session->expires, data->expires))
		session->expires = data->expires;
}

static __noinline void keep_session6(const struct conn *data)
{
	struct conn_line *line;
	struct conn_key6 key;
	struct conn *session;

	if (!key_beside(FAMILY_6, &key.core, data, (__u32)bpf_htons(FTP_PORT) << 16 | data->data >> 16))
		return;
	line = conn_line_of(FAMILY_6, &key.core);
	session = line ? conn_find(FAMILY_6, line, &key.core) : NULL;
	if (session && !time_reached(session->expires, data->expires))
		session->expires = data->expires;
}

/*
 * A client's packet of a session or of a data connection, whose state and time are kept, and whose hop is taken already. Nobody has changed
 * the connection since, or another server would get what is said to this one.
 */
static __always_inline int ftp_to_server(enum family family, struct xdp_md *ctx, struct packet *packet, const struct conn *conn)
{
	struct ports *ports = packet->l4;
	struct server *server = server_at(conn->server);
	__u32 meta = conn_meta(conn);
	__be16 port;

	if (!server || !(meta & META_FTP))
		return drop(DROP_TABLE_BUSY);
	port = server_port(conn, meta, server, ports->destination);
	if (is_heard(conn, meta))
		hear_client(family, ctx, packet, conn, port);
	else if (is_data(conn, meta) && family == FAMILY_6)
		keep_session6(conn);
	else if (is_data(conn, meta))
		keep_session4(conn);
	if (family == FAMILY_6)
		rewrite6(packet, &packet->ip6->destination, &ports->destination, &server->address, port, REWRITE_ENDPOINT);
	else
		change_header_check(packet, rewrite(packet, &packet->ip->daddr, &ports->destination, server->address.word[0], port, REWRITE_ENDPOINT));
	write_macs(packet->eth, server->destination_mac);
	return send_by(ctx, server->ifindex);
}

/* The first SYN of a connection that a session expects makes it one like all others. Somebody else may have been faster: then it comes again. */
static __always_inline int open_expected(enum family family, struct xdp_md *ctx, const struct packet *packet, struct conn_key *key,
					 struct conn *expected, __u32 client_port)
{
	struct conn_key6 *key6 = (struct conn_key6 *)key;
	struct admission admission = { .event = TCP_SYN, .now = now_jiffies() };
	int reason;

	if (!expected || conn_expired(expected, admission.now) || !is_data(expected, conn_meta(expected)))
		return drop(DROP_TABLE_BUSY);
	admission.server = expected->server;
	admission.control = expected->control;
	admission.data = expected->data;
	if (family == FAMILY_6)
		admission.from = hop_to(expected);
	else
		hop_of(ctx, packet->eth, &admission.from);
	hold_template(&admission);
	if (family == FAMILY_6) {
		end_conn6(key6, expected);
		key->ports |= client_port;
		find_fingerprint6(key6);
		reason = enter6(&admission);
	} else {
		end_conn(key, expected);
		*key = conn_key((__be32)key->addresses, (__be32)(key->addresses >> 32), client_port, (__be16)(key->ports >> 16), key->kind);
		reason = enter(key, &admission);
	}
	if (reason) {
		admission_cancel(&admission);
		return drop(reason);
	}
	return jump(ctx, family == FAMILY_6 ? TAIL_ADMIT6 : TAIL_ADMIT);
}

/* Out of line for its key's sake. */
static __noinline struct conn *session_of(const struct conn_key *key, const struct way_back *back)
{
	return reply_conn(key, back);
}

/* What the server of a session says to its client. */
static __always_inline int ftp_to_client(struct xdp_md *ctx, struct packet *packet, const struct conn_key *key, const struct reply *reply)
{
	struct way_back back = { .virtual = reply->virtual, .virtual_port = reply->virtual_port, .to = reply_hop(reply) };
	__u32 meta = conn_meta((const struct conn *)reply);
	struct conn *conn = session_of(key, &back);

	if (!conn || ((conn_meta((const struct conn *)reply) ^ meta) & (META_GENERATION | META_VALID | META_BUSY)))
		return XDP_PASS;
	if (!serve_reply(packet, conn, tcp_flags(packet->l4), now_jiffies()))
		return XDP_PASS;
	if (is_heard(conn, conn_meta(conn)))
		hear_server(FAMILY_4, ctx, packet, conn, &back.to);
	remember_reply_fragment(packet, conn->server, &back);
	return send_to_client(ctx, packet, &back, REWRITE_ENDPOINT);
}

SEC("xdp.frags")
int ftp_program(struct xdp_md *ctx)
{
	struct conn_line *line;
	struct packet packet;
	struct conn_key *key;
	struct conn *conn;
	__u32 client_port, zero = 0;

	key = bpf_map_lookup_elem(&keys6, &zero);
	if (!key || !parse_any(FAMILY_4, ctx, &packet) || packet.ip->protocol != IPPROTO_TCP)
		return XDP_DROP;
	*key = packet_key(&packet, CONN_TCP, 0);
	line = conn_line_of(FAMILY_4, key);
	conn = line ? conn_find_apart(FAMILY_4, line, key) : NULL;
	if (conn && !conn_expired(conn, now_jiffies()))
		return ftp_to_server(FAMILY_4, ctx, &packet, conn);
	*key = packet_key(&packet, CONN_TCP, META_REPLY);
	line = conn_line_of(FAMILY_4, key);
	conn = line ? conn_find_apart(FAMILY_4, line, key) : NULL;
	if (conn)
		return ftp_to_client(ctx, &packet, key, (const struct reply *)conn);
	client_port = key->ports & 0xffff;
	*key = conn_key(packet.ip->saddr, packet.ip->daddr, 0, (__be16)(key->ports >> 16), DATA_KIND);
	line = conn_line_of(FAMILY_4, key);
	conn = line ? conn_find_apart(FAMILY_4, line, key) : NULL;
	return open_expected(FAMILY_4, ctx, &packet, key, conn, client_port);
}
