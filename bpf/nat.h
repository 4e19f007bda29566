/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Network address translation (IPVS's masquerading): a request gets the server's address and port as destination, a reply the virtual ones
 * as source. Of later fragments only the address changes; they have no ports.
 */
#pragma once

#include "checksum.h"
#include "sctp.h"
#include "send.h"

/* What of a packet is given another address, or an address and a port. */
enum rewrite {
	REWRITE_NOTHING,
	REWRITE_ADDRESS,
	REWRITE_ENDPOINT,
	REWRITE_APART, /* by a program of its own: by full NAT both endpoints, and of FTP also what it says */
};

#define UDP_CHECK_OFFSET 6
#define TCP_CHECK_OFFSET 16

/* Bytes from the transport header to the packet's end. */
static __always_inline __u32 transport_length(enum family family, const struct packet *packet)
{
	if (family == FAMILY_6)
		return packet->length - (packet->l4 - (void *)packet->ip6);
	return packet->length - packet->ip->ihl * 4;
}

/* SCTP's checksum counts the ports and no address. `port` is its place in the header. */
static __always_inline void rewrite_sctp_check(enum family family, struct packet *packet, __u32 port, __u16 difference)
{
	__u32 *check = packet->l4 + SCTP_CHECK_OFFSET;

	if (difference && (void *)(check + 1) <= packet->end)
		*check ^= sctp_check_change(difference, transport_length(family, packet) - port);
}

/* A checksum of 0 says that a datagram has none; one that comes out as 0 is written as its other zero (RFC 768). */
static __always_inline void rewrite_l4_check(enum family family, struct packet *packet, __u32 change, __be16 *port, __be16 new_port)
{
	__u16 *check = packet->l4 + UDP_CHECK_OFFSET;

	if (packet_protocol(family, packet) == IPPROTO_TCP) {
		if (!has_tcp_header(packet))
			return;
		check = packet->l4 + TCP_CHECK_OFFSET;
		*check = checksum_changed_narrow(*check, change);
	} else if (packet_protocol(family, packet) == IPPROTO_SCTP) {
		rewrite_sctp_check(family, packet, (void *)port == packet->l4 ? 0 : sizeof(*port), *port ^ new_port);
	} else if (*check) {
		*check = checksum_changed_narrow(*check, change);
		if (!*check)
			*check = 0xffff;
	}
}

#define MUST_USE __attribute__((warn_unused_result))

/* Of the IPv4 header, by what the functions below return. */
static __always_inline void change_header_check(struct packet *packet, __u32 change)
{
	packet->ip->check = checksum_changed_narrow(packet->ip->check, change);
}

/* Returns what the header's checksum changes by, narrow: whoever sends the packet on writes it once. */
MUST_USE static __always_inline __u32 rewrite(struct packet *packet, __be32 *address, __be16 *port, __be32 new_address, __be16 new_port,
					      enum rewrite what)
{
	__u32 change = checksum_narrow(checksum_change(*address, new_address));

	*address = new_address;
	if (what == REWRITE_ENDPOINT) {
		rewrite_l4_check(FAMILY_4, packet, change + checksum_change_half(*port, new_port), port, new_port);
		*port = new_port;
	}
	return change;
}

/* What another address adds to the sum. */
static __always_inline __u64 checksum_change6(const struct address6 *before, const struct address6 *after)
{
	return checksum_change(before->word[0], after->word[0]) + checksum_change(before->word[1], after->word[1]) +
	       checksum_change(before->word[2], after->word[2]) + checksum_change(before->word[3], after->word[3]);
}

/* The header of IPv6 has no checksum. */
static __always_inline void rewrite6(struct packet *packet, struct address6 *address, __be16 *port, const struct address6 *new_address,
				     __be16 new_port, enum rewrite what)
{
	__u32 change = checksum_narrow(checksum_change6(address, new_address));

	*address = *new_address;
	if (what == REWRITE_ENDPOINT) {
		rewrite_l4_check(FAMILY_6, packet, change + checksum_change_half(*port, new_port), port, new_port);
		*port = new_port;
	}
}

MUST_USE static __always_inline __u32 rewrite_destination(enum family family, struct packet *packet, const struct server *server,
							  enum rewrite what)
{
	struct ports *ports = packet->l4;
	__be16 port = 0;

	if (what == REWRITE_ENDPOINT)
		port = server->port ? server->port : ports->destination;
	if (family == FAMILY_6) {
		rewrite6(packet, &packet->ip6->destination, &ports->destination, &server->address, port, what);
		return 0;
	}
	return rewrite(packet, &packet->ip->daddr, &ports->destination, server->address.word[0], port, what);
}

MUST_USE static __always_inline __u32 rewrite_source(struct packet *packet, __be32 address, __be16 port, enum rewrite what)
{
	struct ports *ports = packet->l4;

	return rewrite(packet, &packet->ip->saddr, &ports->source, address, port, what);
}

static __always_inline void rewrite_source6(struct packet *packet, const struct address6 *address, __be16 port, enum rewrite what)
{
	struct ports *ports = packet->l4;

	rewrite6(packet, &packet->ip6->source, &ports->source, address, port, what);
}

MUST_USE static __always_inline __u32 rewrite_client(struct packet *packet, __be32 address, __be16 port, enum rewrite what)
{
	struct ports *ports = packet->l4;

	return rewrite(packet, &packet->ip->daddr, &ports->destination, address, port, what);
}

static __always_inline void rewrite_client6(struct packet *packet, const struct address6 *address, __be16 port, enum rewrite what)
{
	struct ports *ports = packet->l4;

	rewrite6(packet, &packet->ip6->destination, &ports->destination, address, port, what);
}
