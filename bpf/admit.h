/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* New connections and persistence templates. */
#pragma once

#include "schedule.h"
#include "serve.h"

static __always_inline int server_is_available(__u32 index)
{
	struct server *server = server_at(index);

	return server && server->flags & SERVER_AVAILABLE;
}

/* By expire_quiescent_template a server of weight 0 attracts nobody. */
static __always_inline int server_attracts(__u32 index)
{
	struct server_load *load;

	if (!server_is_available(index))
		return 0;
	if (!(settings.flags & SETTING_EXPIRE_QUIESCENT))
		return 1;
	load = load_at(index);
	return load && load->weight > 0;
}

/* A template whose server is gone gets a port that no packet has, as in IPVS; it lives on only while it controls connections. */
static __always_inline void template_invalidate(enum family family, const struct conn_place *place, const struct conn_key *key,
						struct conn *template)
{
	if (conn_number(family, place, key, template))
		*(volatile __u32 *)&template->client_port = 0xffff0000U;
	else
		conn_remove(family, place, key, template);
}

/* The client's template, if it has one that still counts. */
static __always_inline struct conn *template_find(enum family family, const struct conn_place *place, const struct conn_key *key, __u32 now)
{
	struct conn *template = conn_find(family, place->first, key);

	if (!template)
		return NULL;
	if (!server_attracts(template->server)) {
		template_invalidate(family, place, key, template);
		return NULL;
	}
	if (conn_expired(template, now) && !template->control) {
		conn_remove(family, place, key, template);
		return NULL;
	}
	return template;
}

static __always_inline int template_create(enum family family, struct service *service, const struct conn_place *place,
					   const struct conn_key *key, const struct conn_key *tuple, struct admission *admission)
{
	struct conn *template;

	admission->server = schedule(service, tuple, admission->now);
	if (admission->server == NO_SERVER)
		return REJECT_NO_SERVER;
	template = conn_allocate(family, place, key, admission->now);
	if (!template)
		return DROP_TABLE_FULL;
	template->server = admission->server;
	template->control = 0;
	template->timeout = service->persistence_timeout;
	template->expires = admission->now + service->persistence_timeout;
	load_template_changed(admission->server, 1);
	conn_publish(family, template, key, STATE_NONE);
	return 0;
}

/* What the template of the client's network is found by. */
static __always_inline void template_key(enum family family, struct conn_key6 *key, const struct service *service,
					 const struct conn_key *tuple, __u16 service_port)
{
	const __u64 *rest = ((const struct conn_key6 *)tuple)->rest;
	const __be32 *mask = service->persistence_mask.word;
	__u32 kind = tuple->kind | META_TEMPLATE;
	__be32 client = (__be32)tuple->addresses, virtual = (__be32)(tuple->addresses >> 32);
	__u64 virtual_rest = ~0ULL;

	/* As in IPVS: FTP's holds for all ports. */
	if (service_port == bpf_htons(FTP_PORT) && (tuple->kind & META_PROTOCOL) == CONN_TCP << META_PROTOCOL_SHIFT)
		service_port = 0;
	/* As in IPVS: a template of a mark is of every protocol, and has the mark for its virtual address. */
	if (service->flags & SERVICE_MARKED) {
		kind = CONN_IP << META_PROTOCOL_SHIFT | META_TEMPLATE;
		virtual = service->mark;
		virtual_rest = 0;
	}
	if (family == FAMILY_6) {
		client ^= (__be32)rest[0] ^ (__be32)(rest[0] >> 32) ^ (__be32)rest[1];
		key->core.ports = (__u32)service_port << 16;
		key->core.kind = kind;
		key->rest[0] = rest[0] & ((__u64)mask[3] << 32 | mask[2]);
		key->rest[1] = rest[1] & (virtual_rest << 32 | mask[1]);
		key->rest[2] = rest[2] & virtual_rest;
		client = (client & mask[0]) ^ (__be32)key->rest[0] ^ (__be32)(key->rest[0] >> 32) ^ (__be32)key->rest[1];
		key->core.addresses = (__u64)virtual << 32 | client;
		find_fingerprint6(key);
	} else {
		key->core = conn_key(client & mask[0], virtual, 0, service_port, kind);
	}
}

static __always_inline int choose_by_template_of(enum family family, struct service *service, const struct conn_key *tuple,
						 __u16 service_port, struct admission *admission)
{
	struct conn_place place;
	struct conn *template;
	struct conn_key6 key;
	int reason = 0;

	template_key(family, &key, service, tuple, service_port);
	if (!conn_place(family, &key.core, &place) || !line_lock(place.first))
		return DROP_TABLE_BUSY;
	template = template_find(family, &place, &key.core, admission->now);
	if (!template) {
		reason = template_create(family, service, &place, &key.core, tuple, admission);
		template = reason ? NULL : conn_find(family, place.first, &key.core);
	}
	if (template) {
		admission->server = template->server;
		admission->control = conn_number(family, &place, &key.core, template);
		template->expires = admission->now + template->timeout;
		if (admission->control)
			__sync_fetch_and_add(&template->control, 1);
	}
	line_unlock(place.first);
	return reason;
}

/*
 * The server of the client's network, or a freshly scheduled one with a new template. Using a template starts its time-out afresh. The
 * template's count of controlled connections goes up here, so that nobody takes its slot before the connection stands. Returns 0 or the
 * reason why there is no server.
 */
__noinline int choose_by_template(struct service *service, const struct conn_key *tuple, __u16 service_port, struct admission *admission)
{
	return service && tuple && admission ? choose_by_template_of(FAMILY_4, service, tuple, service_port, admission) : DROP_TABLE_BUSY;
}

__noinline int choose_by_template6(struct service *service, const struct conn_key6 *tuple, __u16 service_port, struct admission *admission)
{
	return service && tuple && admission ? choose_by_template_of(FAMILY_6, service, &tuple->core, service_port, admission)
					     : DROP_TABLE_BUSY;
}

/* Gives up what choose_by_template() reserved. */
static __always_inline void admission_cancel(const struct admission *admission)
{
	struct conn *template = conn_by_number(admission->control);

	if (template)
		__sync_fetch_and_sub(&template->control, 1);
}

/* Makes the connection of a claimed slot; of the line's first one it unlocks the line. Where that fails the slot is given back. */
static __always_inline int conn_create(enum family family, const struct conn_place *place, const struct conn_key *key,
				       struct admission *admission, struct conn *conn)
{
	struct server *server = server_at(admission->server);
	int reason, has_way_back;
	__u32 meta;

	has_way_back = server && (server->forwarding == FORWARD_MASQUERADE || admission->local);
	if (admission->data && !admission->event)
		meta = STATE_LISTEN | META_INACTIVE;
	else
		meta = first_meta(key->kind, admission->event, has_way_back ? DIRECTION_INPUT : DIRECTION_INPUT_ONLY);
	if (has_way_back) {
		admission->number = conn_number(family, place, key, conn);
		if (family == FAMILY_6)
			reason = reply_enter6((const struct conn_key6 *)key, admission, server, place->first);
		else
			reason = reply_enter(key, admission, server, place->first);
		if (reason) {
			conn_give_back(family, place, key, conn);
			return reason;
		}
		meta |= admission->local ? META_MASQUERADED | META_FULLNAT : META_MASQUERADED;
		if (!admission->local && (admission->data || is_ftp_session(key)))
			meta |= META_FTP;
	}
	if (has_way_back && family == FAMILY_6)
		remember_hop(conn, &admission->from);
	conn->server = admission->server;
	conn->control = admission->control;
	conn->local = admission->local | admission->data;
	conn->expires = admission->now + timeout_at(server, timeout_index(meta));
	load_connection_added(admission->server, meta & META_INACTIVE ? LOAD_TOTAL : LOAD_TOTAL + LOAD_ACTIVE);
	/* As in IPVS: what a session leads to is part of it. */
	if (!(admission->data >> 16))
		count_connection(admission->server);
	if (admission->local)
		local_count(admission->local, 1);
	conn_publish(family, conn, key, conn == &place->first->slot[0] ? meta | META_LOCK : meta);
	return 0;
}

static __always_inline int enter_into(enum family family, const struct conn_key *key, struct admission *admission)
{
	struct conn_place place;
	struct conn *conn;
	int reason;

	if (!conn_place(family, key, &place))
		return DROP_TABLE_BUSY;
	conn = line_take(family, place.first, key);
	if (!conn) {
		if (!line_lock(place.first))
			return DROP_TABLE_BUSY;
		conn = conn_find(family, place.first, key);
		if (conn && !conn_expired(conn, admission->now)) {
			admission->server = conn->server;
			admission->local = conn->local;
			admission_cancel(admission);
			line_unlock(place.first);
			return 0;
		}
		if (conn)
			conn_remove(family, &place, key, conn);
		conn = conn_allocate(family, &place, key, admission->now);
		if (!conn) {
			line_unlock(place.first);
			return DROP_TABLE_FULL;
		}
	}
	/* The lock lies in the first slot: whoever publishes that one unlocks the line. */
	reason = conn_create(family, &place, key, admission, conn);
	if (reason || conn != &place.first->slot[0])
		line_unlock(place.first);
	return reason;
}

/*
 * Enters a connection to the chosen server. Another CPU may have been faster with the same one: then its server is the answer. Returns 0 or
 * the reason why there is no connection.
 */
__noinline int enter(const struct conn_key *key, struct admission *admission)
{
	return key && admission ? enter_into(FAMILY_4, key, admission) : DROP_TABLE_BUSY;
}

/* That of `keys6`. Linux 6.1 takes no argument of a global function for the key of a map, and there is no stack for a copy. */
__noinline int enter6(struct admission *admission)
{
	__u32 zero = 0;
	struct conn_key6 *key = bpf_map_lookup_elem(&keys6, &zero);

	return key && admission ? enter_into(FAMILY_6, &key->core, admission) : DROP_TABLE_BUSY;
}
