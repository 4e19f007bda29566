/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* New connections and persistence templates. */
#pragma once

#include "schedule.h"
#include "serve.h"

static __always_inline int server_is_available(__u32 index)
{
	struct server *server = bpf_map_lookup_elem(&servers, &index);

	return server && server->flags & SERVER_AVAILABLE;
}

/* A template whose server is gone gets a port that no packet has, as in IPVS; it lives on only while it controls connections. */
static __always_inline void template_invalidate(const struct conn_place *place, const struct conn_key *key, struct conn *template)
{
	if (conn_number(place, key, template))
		*(volatile __u32 *)&template->client_port = 0xffff0000U;
	else
		conn_remove(place, key, template);
}

/* The client's template, if it has one that still counts. */
static __always_inline struct conn *template_find(const struct conn_place *place, const struct conn_key *key, __u32 now)
{
	struct conn *template = conn_find(place->first, key);

	if (!template)
		return NULL;
	if (!server_is_available(template->server)) {
		template_invalidate(place, key, template);
		return NULL;
	}
	if (conn_expired(template, now) && !template->control) {
		conn_remove(place, key, template);
		return NULL;
	}
	return template;
}

static __always_inline int template_create(struct service *service, const struct conn_place *place, const struct conn_key *key,
					   const struct conn_key *tuple, struct admission *admission)
{
	struct conn *template;

	admission->server = schedule(service, tuple, admission->now);
	if (admission->server == NO_SERVER)
		return REJECT_NO_SERVER;
	template = conn_allocate(place, key, admission->now);
	if (!template)
		return DROP_TABLE_FULL;
	template->server = admission->server;
	template->control = 0;
	template->timeout = service->persistence_timeout;
	template->expires = admission->now + service->persistence_timeout;
	load_template_changed(admission->server, 1);
	conn_publish(template, key, STATE_NONE);
	return 0;
}

/*
 * The server of the client's network, or a freshly scheduled one with a new template. Using a template starts its time-out afresh. The
 * template's count of controlled connections goes up here, so that nobody takes its slot before the connection stands. Returns 0 or the
 * reason why there is no server.
 */
__noinline int choose_by_template(struct service *service, const struct conn_key *tuple, __u16 service_port, struct admission *admission)
{
	struct conn_place place;
	struct conn *template;
	struct conn_key key;
	int reason = 0;

	if (!service || !tuple || !admission)
		return DROP_TABLE_BUSY;
	key = conn_key((__u32)tuple->addresses & service->persistence_mask, (__u32)(tuple->addresses >> 32), 0, service_port,
		       tuple->kind | META_TEMPLATE);
	if (!conn_place(&key, &place) || !line_lock(place.first))
		return DROP_TABLE_BUSY;
	template = template_find(&place, &key, admission->now);
	if (!template) {
		reason = template_create(service, &place, &key, tuple, admission);
		template = reason ? NULL : conn_find(place.first, &key);
	}
	if (template) {
		admission->server = template->server;
		admission->control = conn_number(&place, &key, template);
		template->expires = admission->now + template->timeout;
		if (admission->control)
			__sync_fetch_and_add(&template->control, 1);
	}
	line_unlock(place.first);
	return reason;
}

/* Gives up what choose_by_template() reserved. */
static __always_inline void admission_cancel(const struct admission *admission)
{
	struct conn *template = conn_by_number(admission->control);

	if (template)
		__sync_fetch_and_sub(&template->control, 1);
}

static __always_inline int conn_create(const struct conn_place *place, const struct conn_key *key, const struct admission *admission)
{
	__u32 meta = key->kind == CONN_TCP << META_PROTOCOL_SHIFT ? meta_with_state(0, admission->state) : admission->state | META_INACTIVE;
	__u32 index = admission->server;
	struct server *server = bpf_map_lookup_elem(&servers, &index);
	struct conn *conn;
	int reason;

	conn = conn_allocate(place, key, admission->now);
	if (!conn)
		return DROP_TABLE_FULL;
	if (server && server->forwarding == FORWARD_MASQUERADE) {
		reason = reply_enter(key, admission, server, place->first);
		if (reason) {
			conn_give_back(place, key, conn);
			return reason;
		}
		meta |= META_MASQUERADED;
	}
	conn->server = admission->server;
	conn->control = admission->control;
	conn->timeout = 0;
	conn->expires = admission->now + settings.timeouts[admission->state & (STATE_COUNT - 1)];
	load_connection_added(admission->server, meta & META_INACTIVE ? LOAD_TOTAL : LOAD_TOTAL + LOAD_ACTIVE);
	count_connection(admission->server);
	conn_publish(conn, key, meta);
	return 0;
}

/*
 * Enters a connection to the chosen server. Another CPU may have been faster with the same one: then its server is the answer. Returns 0 or
 * the reason why there is no connection.
 */
__noinline int enter(const struct conn_key *key, struct admission *admission)
{
	struct conn_place place;
	struct conn *conn;
	int reason = 0;

	if (!key || !admission || !conn_place(key, &place) || !line_lock(place.first))
		return DROP_TABLE_BUSY;
	conn = conn_find(place.first, key);
	if (conn && conn_expired(conn, admission->now)) {
		conn_remove(&place, key, conn);
		conn = NULL;
	}
	if (conn) {
		admission->server = conn->server;
		admission_cancel(admission);
	} else {
		reason = conn_create(&place, key, admission);
	}
	line_unlock(place.first);
	return reason;
}
