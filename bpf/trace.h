/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Looking without touching: what the tables say about a flow. `vipwright trace` runs a copy of the programs on copies of what they read;
 * this program finds in the tables that packets use what of them the copy needs.
 */
#pragma once

#include "conn_write.h"
#include "marks.h"

/* Argument and answer of the `locate` program. */
struct location {
	__u32 family; /* enum family */
	__u32 kind;   /* META_PROTOCOL, META_TEMPLATE and META_REPLY bits */
	struct address6 client; /* of a way back: the server */
	struct address6 virtual; /* of a way back: the client */
	__be16 client_port;
	__be16 virtual_port;
	__u32 found; /* answer: there is an entry, expired or not */
	__u32 room;  /* answer: a new one would find a place in the lines, the overflow map not counted */
	__u32 mark;  /* answer: the firewall mark that the rules give to such a packet */
	__u32 ifindex; /* where the packet would come in */
	__u32 reserved;
	struct conn6 entry; /* answer: a copy; of IPv4 its core alone */
};

static __always_inline int line_has_room(struct conn_line *line, __u32 now)
{
	struct conn *a = &line->slot[0], *b = &line->slot[1];

	return conn_is_free(a, conn_meta(a), now) || conn_is_free(b, conn_meta(b), now);
}

static __always_inline int locate_in(enum family family, struct location *request, const struct conn_key *key)
{
	__u32 now = now_jiffies();
	struct conn_place place;
	struct rest6 *rest;
	struct conn *conn;
	__u32 meta;

	if (!conn_place(family, key, &place))
		return 0;
	request->room = line_has_room(place.first, now) || line_has_room(place.second, now);
	conn = conn_find(family, place.first, key);
	if (!conn)
		return 0;
	meta = conn_meta(conn);
	request->entry.core = *conn;
	if (family == FAMILY_6) {
		rest = rest_of(conn);
		if (!rest)
			return 0;
		request->entry.rest = *rest;
	}
	/* Nobody must have taken the slot while it was copied. */
	return !((conn_meta(conn) ^ meta) & (META_GENERATION | META_VALID | META_BUSY));
}

SEC("syscall")
int locate(struct location *request)
{
	__u32 ports = (__u32)request->virtual_port << 16 | request->client_port;
	struct address6 client = request->client, virtual = request->virtual;
	struct conn_key6 key;
	__u32 mark;
	int found;

	if (request->family == FAMILY_6) {
		key = tuple6(&client, &virtual, ports, request->kind);
		find_fingerprint6(&key);
		found = locate_in(FAMILY_6, request, &key.core);
		mark = find_mark6(&key, request->ifindex);
	} else {
		key.core = conn_key(client.word[0], virtual.word[0], request->client_port, request->virtual_port, request->kind);
		found = locate_in(FAMILY_4, request, &key.core);
		mark = find_mark(&key.core, request->ifindex);
	}
	request->found = found;
	request->mark = mark;
	return 0;
}
