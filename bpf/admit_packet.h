/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet that no connection answers for. */
#pragma once

#include "admit_local.h"
#include "bypass.h"
#include "defence.h"
#include "icmp6.h"
#include "marks.h"

/*
 * Whether a packet makes its connection over: any does where the server was deleted, a SYN or INIT where the server is drained (both by IPVS's
 * expire_nodest_conn) or the connection is over (conn_reuse_mode), unless a template holds the client to its server.
 */
static __noinline int begins_anew(const struct conn *conn, __u32 meta, __u8 event)
{
	__u32 state = meta & META_STATE, protocol = meta & META_PROTOCOL, index = conn->server;
	int is_sctp = protocol == CONN_SCTP << META_PROTOCOL_SHIFT;
	int is_first = is_sctp ? event == SCTP_EVENT_INIT : event & TCP_SYN;
	struct server_load *load;

	if (settings.flags & SETTING_EXPIRE_NODEST) {
		if (!server_is_available(index))
			return 1;
		load = load_at(index);
		if (is_first && load && !load->weight)
			return 1;
	}
	if (!is_first || conn->control || !(settings.flags & SETTING_REUSE_CLOSED))
		return 0;
	/* Where FTP's data goes is said in their session. */
	if (meta & META_FTP && conn->data)
		return 0;
	if (is_sctp)
		return state == SCTP_CLOSED;
	if (state == STATE_TIME_WAIT || state == STATE_CLOSE)
		return 1;
	return state == STATE_FIN_WAIT && settings.flags & SETTING_REUSE_FIN_WAIT && !(meta & META_MASQUERADED);
}

/* A SYN begins a connection; by sloppy_tcp any segment does. A reset never. */
static __always_inline int tcp_may_begin(__u8 flags)
{
	return !(flags & TCP_RST) && (flags & TCP_SYN || settings.flags & SETTING_SLOPPY_TCP);
}

static __always_inline int may_begin(enum family family, const struct packet *packet, __u8 event)
{
	__u32 protocol = packet_protocol(family, packet);

	return protocol == IPPROTO_SCTP ? sctp_may_begin(packet) : protocol != IPPROTO_TCP || tcp_may_begin(event);
}

/* Out of line, for it needs more stack than there is beside all the others. */
static __noinline void end_conn(const struct conn_key *key, struct conn *conn)
{
	struct conn_place place;

	if (conn_place(FAMILY_4, key, &place))
		conn_remove(FAMILY_4, &place, key, conn);
}

static __noinline void end_conn6(const struct conn_key6 *key, struct conn *conn)
{
	struct conn_place place;

	if (conn_place(FAMILY_6, &key->core, &place))
		conn_remove(FAMILY_6, &place, &key->core, conn);
}

/* Out of line, for its key is too large for the stack of all the others. */
static __noinline void remember_fragment6(const struct ip6_header *ip6, __be32 id, __u32 server, enum rewrite what, __u32 local)
{
	struct fragment_way6 way = {
		.server = server, .rewrite = what, .local = what == REWRITE_APART ? local : 0, .since = now_jiffies()
	};
	struct fragment_key6 key = fragment_key6(ip6, id);

	bpf_map_update_elem(&fragments6, &key, &way, BPF_ANY);
}

static __noinline void remember_fragment4(const struct iphdr *ip, __u32 server, enum rewrite what, __u32 local)
{
	struct fragment_way way = {
		.server = server, .rewrite = what, .local = what == REWRITE_APART ? local : 0, .since = now_jiffies()
	};
	struct packet packet = { .ip = (struct iphdr *)ip };
	struct fragment_key key = fragment_key(&packet);

	bpf_map_update_elem(&fragments, &key, &way, BPF_ANY);
}

/* The other fragments of a datagram follow its first one, to the server and, with full NAT, from the same local address. */
static __always_inline void remember_fragment(enum family family, const struct packet *packet, __u32 server, enum rewrite what, __u32 local)
{
	if (family == FAMILY_6 && packet->fragment)
		remember_fragment6(packet->ip6, packet->fragment_id, server, what, local);
	if (family == FAMILY_4 && is_fragment(packet))
		remember_fragment4(packet->ip, server, what, local);
}

/*
 * The filter of virtual addresses also lets some others through: then a reply to one of them came the way of requests, and is led back to
 * its own here, where it turns out that no service is meant.
 */
static __always_inline int is_reply_source(enum family family, const struct packet *packet)
{
	if (family == FAMILY_6)
		return may_be_reply(fold(&packet->ip6->source), fold(&packet->ip6->destination));
	return may_be_reply(packet->ip->saddr, packet->ip->daddr);
}

static __always_inline int jump_to_reply(enum family family, struct xdp_md *ctx)
{
	return family == FAMILY_6 ? jump(ctx, TAIL_REPLY6) : jump(ctx, TAIL_REPLY);
}

/* A firewall mark goes before address and port. */
static __always_inline struct service *service_of(enum family family, struct xdp_md *ctx, const struct packet *packet,
						  const struct conn_key *key, __u16 *service_port)
{
	const struct ports *ports = packet->l4;
	__u32 index = NO_SERVICE;

	*service_port = 0;
	if (settings.mark_rules & 0xffff) {
		if (family == FAMILY_6)
			index = marked_service6((const struct conn_key6 *)key, ingress_of(ctx));
		else
			index = marked_service(key, ingress_of(ctx));
	}
	if (index == NO_SERVICE && family == FAMILY_6)
		index = find_service6(&packet->ip6->destination, ports->destination, packet->protocol, service_port);
	else if (index == NO_SERVICE)
		index = find_service(packet->ip->daddr, ports->destination, packet->ip->protocol, service_port);
	return service_at(index);
}

/* One-packet scheduling: the connection lives for this packet, which is long enough to reach or leave a threshold. */
static __always_inline void count_one_packet(const struct admission *admission)
{
	count_connection(admission->server);
	load_connection_added(admission->server, LOAD_TOTAL);
	load_connection_removed(admission->server, LOAD_TOTAL);
	admission_cancel(admission);
}

static __always_inline int is_masqueraded(__u32 index)
{
	struct server *server = server_at(index);

	return server && server->forwarding == FORWARD_MASQUERADE;
}

/* Finds or makes the connection's server. Returns 0 or the reason why there is none. */
static __always_inline int choose_server(enum family family, struct xdp_md *ctx, const struct packet *packet, struct service *service,
					 __u16 service_port, const struct conn_key *key, struct admission *admission)
{
	int reason = 0;

	if (!(service->flags & SERVICE_PERSISTENT))
		admission->server = schedule(service, key, admission->now);
	else if (family == FAMILY_6)
		reason = choose_by_template6(service, (const struct conn_key6 *)key, service_port, admission);
	else
		reason = choose_by_template(service, key, service_port, admission);
	if (reason)
		return reason;
	if (admission->server == NO_SERVER)
		return REJECT_NO_SERVER;
	reason = choose_local(family, service, key, admission);
	if (reason) {
		admission_cancel(admission);
		return reason;
	}
	/* FTP's data goes to the port that the client asks for. */
	if (service_port && service_port != ((const struct ports *)packet->l4)->destination && is_masqueraded(admission->server))
		admission->data = ((const struct ports *)packet->l4)->destination;
	if (service->flags & SERVICE_ONE_PACKET && packet_protocol(family, packet) == IPPROTO_UDP) {
		/* Nothing would remember where the answer to a local port belongs. */
		if (admission->local)
			return DROP_NO_LOCAL_PORT;
		count_one_packet(admission);
		return 0;
	}
	if (settings.flags & SETTING_MASQUERADE)
		hop_of(ctx, packet->eth, &admission->from);
	reason = family == FAMILY_6 ? enter6(admission) : enter(key, admission);
	if (reason)
		admission_cancel(admission);
	return reason;
}

/* Out of line for the key's sake. */
static __noinline int is_proxied6(struct conn_key6 *key, const struct ip6_header *ip6, const struct ports *ports, __u32 now)
{
	struct conn_line *line;
	struct conn *conn;

	read_key6(key, ip6, ports, CONN_TCP << META_PROTOCOL_SHIFT | META_PROXIED);
	line = conn_line_of(FAMILY_6, &key->core);
	conn = line ? conn_find(FAMILY_6, line, &key->core) : NULL;
	/* The key is wanted again as it was. */
	read_key6(key, ip6, ports, CONN_TCP << META_PROTOCOL_SHIFT);
	return conn && !conn_expired(conn, now);
}

static __noinline int is_proxied4(const struct conn_key *plain, __u32 now)
{
	struct conn_key key = conn_key((__be32)plain->addresses, (__be32)(plain->addresses >> 32), (__be16)plain->ports,
				       (__be16)(plain->ports >> 16), CONN_TCP << META_PROTOCOL_SHIFT | META_PROXIED);
	struct conn_line *line = conn_line_of(FAMILY_4, &key);
	struct conn *conn = line ? conn_find(FAMILY_4, line, &key) : NULL;

	return conn && !conn_expired(conn, now);
}

/* Whether a segment that belongs to no plain connection belongs to one that the SYN proxy made. */
static __always_inline int is_proxied(enum family family, const struct packet *packet, struct conn_key *key, __u32 now)
{
	if (!(settings.flags & SETTING_PROXIED) || packet_protocol(family, packet) != IPPROTO_TCP)
		return 0;
	if (family == FAMILY_6)
		return is_proxied6((struct conn_key6 *)key, packet->ip6, packet->l4, now);
	return is_proxied4(key, now);
}

/* Out of line for the key's sake, as above, and verified once. */
__noinline int is_expected4(const struct conn_key *plain, __u32 now)
{
	struct conn_line *line;
	struct conn_key key;
	struct conn *conn;

	if (!plain)
		return 0;
	key = conn_key((__be32)plain->addresses, (__be32)(plain->addresses >> 32), 0, (__be16)(plain->ports >> 16), CONN_TCP << META_PROTOCOL_SHIFT);
	line = conn_line_of(FAMILY_4, &key);
	conn = line ? conn_find(FAMILY_4, line, &key) : NULL;
	return conn && !conn_expired(conn, now);
}

/* The key is that of `keys6`, and is wanted again as it was. */
__noinline int is_expected6(__u32 now)
{
	struct conn_line *line;
	struct conn_key6 *key;
	struct conn *conn;
	__u32 ports, zero = 0;

	key = bpf_map_lookup_elem(&keys6, &zero);
	if (!key)
		return 0;
	ports = key->core.ports;
	key->core.ports = ports & 0xffff0000;
	find_fingerprint6(key);
	line = conn_line_of(FAMILY_6, &key->core);
	conn = line ? conn_find(FAMILY_6, line, &key->core) : NULL;
	key->core.ports = ports;
	find_fingerprint6(key);
	return conn && !conn_expired(conn, now);
}

/* Whether an FTP session expects this connection: from its client, to this port, but nobody knows from which. */
static __always_inline int is_expected(enum family family, const struct packet *packet, struct conn_key *key, __u8 event, __u32 now)
{
	if (!(settings.flags & SETTING_FTP) || packet_protocol(family, packet) != IPPROTO_TCP || !(event & TCP_SYN))
		return 0;
	return family == FAMILY_6 ? is_expected6(now) : is_expected4(key, now);
}

/* A packet without a connection: whose service starts one, or gives it to the stack. */
static __always_inline int admit_packet(enum family family, struct xdp_md *ctx, struct packet *packet, const struct conn_key *key,
					__u8 event, __u32 now)
{
	const struct ports *ports = packet->l4;
	struct admission admission = { .event = event, .now = now, .server = NO_SERVER };
	struct service *service;
	struct server *server;
	enum rewrite what;
	__u16 service_port;
	int reason, is_ftp_data;

	service = service_of(family, ctx, packet, key, &service_port);
	if (!service)
		return is_reply_source(family, packet) ? jump_to_reply(family, ctx) : pass(PASS_NO_SERVICE);
	/* FTP's data, without persistence: nobody knows which server it is for. */
	is_ftp_data = service_port && service_port != ports->destination;
	if (is_ftp_data && !(service->flags & SERVICE_PERSISTENT))
		return pass(PASS_NO_SERVICE);
	if (!is_ftp_data && packet_protocol(family, packet) == IPPROTO_TCP && service->flags & (SERVICE_COOKIES | SERVICE_CHALLENGE) &&
	    is_proxys(family, packet, service, event, now))
		return jump(ctx, family == FAMILY_6 ? TAIL_SYN_PROXY6 : TAIL_SYN_PROXY);
	if (!may_begin(family, packet, event))
		return pass(PASS_NO_CONNECTION);
	if (ports->source == bpf_htons(FTP_DATA_PORT))
		return pass(PASS_FTP_DATA);
	reason = refused_by_defence(family, packet, service, now);
	if (reason)
		return drop(reason);
	reason = choose_server(family, ctx, packet, service, service_port, key, &admission);
	if (reason == REJECT_NO_SERVER)
		reason = bypass(family, ctx, packet, service, key, &admission);
	if (reason == REJECT_NO_SERVER)
		return reject_no_server(family, ctx);
	if (reason)
		return drop(reason);
	server = server_at(admission.server);
	if (!server)
		return drop(DROP_SERVER_DELETED);
	if (loses_checksum(family, packet, admission.server))
		return drop(DROP_CHECKSUM_SPLIT);
	what = admission.data			       ? REWRITE_APART :
	       server->forwarding == FORWARD_MASQUERADE ? REWRITE_ENDPOINT :
	       server->forwarding == FORWARD_FULLNAT	? REWRITE_APART :
							  REWRITE_NOTHING;
	remember_fragment(family, packet, admission.server, what, admission.local);
	return forward(family, ctx, packet, admission.server, server, what);
}
