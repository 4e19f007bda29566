/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* New connections and persistence templates. */
#pragma once

#include "schedule.h"
#include "serve.h"

/* What a new connection is made of. */
struct admission {
	__u32 server;
	__u32 control; /* the template's number */
	int reason;    /* why there is none, or 0 */
};

/* A template whose server is gone gets a port that no packet has, as in IPVS; it lives on only while it controls connections. */
static __always_inline void template_invalidate(const struct conn_place *place, const struct conn_key *key, struct conn *template)
{
	if (conn_number(place, template))
		*(volatile __u32 *)&template->client_port = 0xffff0000U;
	else
		conn_remove(place, key, template);
}

static __always_inline int server_is_available(__u32 index)
{
	struct server *server = bpf_map_lookup_elem(&servers, &index);

	return server && server->flags & SERVER_AVAILABLE;
}

/*
 * The server of the client's network, or a freshly scheduled one with a new template. Using a template starts its time-out afresh. The
 * template's count of controlled connections goes up here, so that nobody takes its slot before the connection stands.
 */
static __always_inline void admit_by_template(struct service *service, const struct conn_key *tuple, __u16 virtual_port, __u32 now,
					      struct admission *admission)
{
	struct conn_key key = conn_key((__u32)tuple->addresses & service->persistence_mask, (__u32)(tuple->addresses >> 32), 0,
				       virtual_port, tuple->kind | META_TEMPLATE);
	struct conn_place place;
	struct conn *template;

	if (!conn_place(&key, &place) || !line_lock(place.first)) {
		admission->reason = DROP_TABLE_BUSY;
		return;
	}
	template = conn_find(&place, &key);
	if (template && !server_is_available(template->server)) {
		template_invalidate(&place, &key, template);
		template = NULL;
	}
	if (template && conn_expired(template, now) && !template->control) {
		conn_remove(&place, &key, template);
		template = NULL;
	}
	if (!template) {
		admission->server = schedule(service);
		if (admission->server == NO_SERVER) {
			admission->reason = REJECT_NO_SERVER;
			goto out;
		}
		template = conn_allocate(&place, &key, now);
		if (!template) {
			admission->reason = DROP_TABLE_FULL;
			goto out;
		}
		template->server = admission->server;
		template->control = 0;
		template->timeout = service->persistence_timeout;
		template->expires = now + template->timeout;
		load_template_changed(admission->server, 1);
		conn_publish(template, &key, STATE_NONE);
	}
	admission->server = template->server;
	admission->control = conn_number(&place, template);
	template->expires = now + template->timeout;
	if (admission->control)
		__sync_fetch_and_add(&template->control, 1);
out:
	line_unlock(place.first);
}

/* Gives up what admit_by_template() reserved. */
static __always_inline void admission_cancel(const struct admission *admission)
{
	struct conn *template = conn_by_number(admission->control);

	if (template)
		__sync_fetch_and_sub(&template->control, 1);
}

/* Enters the connection; another CPU may have been faster with the same one, then its entry is the answer. */
static __always_inline struct conn *admit(const struct conn_place *place, const struct conn_key *key, struct admission *admission,
					  __u32 state, __u32 now)
{
	__u32 meta = key->kind == CONN_TCP << META_PROTOCOL_SHIFT ? meta_with_state(0, state) : state | META_INACTIVE;
	struct conn *conn;

	if (!line_lock(place->first)) {
		admission->reason = DROP_TABLE_BUSY;
		return NULL;
	}
	conn = conn_find(place, key);
	if (conn && !conn_expired(conn, now)) {
		line_unlock(place->first);
		admission_cancel(admission);
		return conn;
	}
	if (conn)
		conn_remove(place, key, conn);
	conn = conn_allocate(place, key, now);
	if (conn) {
		conn->server = admission->server;
		conn->control = admission->control;
		conn->timeout = 0;
		conn->expires = now + settings.timeouts[state & (STATE_COUNT - 1)];
		load_connection_added(admission->server, meta & META_INACTIVE ? LOAD_TOTAL : LOAD_TOTAL + LOAD_ACTIVE);
		count_connection(admission->server);
		conn_publish(conn, key, meta);
	} else {
		admission->reason = DROP_TABLE_FULL;
	}
	line_unlock(place->first);
	return conn;
}
