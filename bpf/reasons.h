/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Why a packet did not simply go to its real server. The numbers are stable: metrics, the CLI and the manual use them.
 * docs/packet-reasons.md has the sentence for each; a test compares both lists.
 */
#pragma once

enum reason {
	/* Dropped. */
	DROP_TABLE_FULL = 1,
	DROP_TABLE_BUSY = 2,
	DROP_SERVER_DELETED = 3,
	DROP_NO_NEXT_HOP = 4,
	DROP_FRAGMENT_UNKNOWN = 5,
	DROP_REJECT_LIMITED = 7,
	DROP_REDIRECT_FAILED = 8,
	DROP_NO_HEADROOM = 9,
	DROP_NO_LOCAL_PORT = 10,
	DROP_CHECKSUM_SPLIT = 15,
	DROP_SOURCE_LIMIT = 17,
	DROP_AWAITING_SERVER = 18,
	DROP_CLIENT_PROVEN = 19,
	DROP_EVERY_NTH = 20,
	/* Answered with an ICMP error. */
	REJECT_NO_SERVER = 32,
	REJECT_TTL_EXCEEDED = 33,
	REJECT_TOO_BIG = 34,
	REJECT_IN_TUNNEL = 35,
	ANSWER_COOKIE = 40,
	ANSWER_CHALLENGE = 41,
	ANSWER_HANDSHAKE = 42,
	/* Handed to the director's own stack. */
	PASS_MALFORMED = 64,
	PASS_FOREIGN_MAC = 65,
	PASS_PROTOCOL = 66,
	PASS_NO_SERVICE = 67,
	PASS_NO_CONNECTION = 68,
	PASS_FTP_DATA = 69,
	PASS_LOCAL_SERVER = 70,
	PASS_ICMP = 71,
	PASS_BYPASS = 72,
	REASON_COUNT = 96,
};
