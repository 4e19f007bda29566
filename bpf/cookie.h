/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * SYN cookies: sequence numbers that only the director can have made, for this client and in the last minutes. They are not the kernel's
 * (bpf_tcp_raw_gen_syncookie()), whose check does not tell which segment size it holds and which have no room for window scaling and
 * selective acknowledgements; and the kernel's clock cannot be turned by a test. The hash is what the kernel uses, SipHash-2-4.
 *
 * From above: one bit of the minute, eight bits of the client's options, 23 bits of hash. Who guesses, and sees no answer, gets one of
 * eight million right.
 */
#pragma once

#include "schedule.h"

#define COOKIE_MINUTE_SHIFT 31
#define COOKIE_OPTIONS_SHIFT 23
#define COOKIE_HASH_MASK 0x7fffffU
#define COOKIE_SECONDS 60

/* A client's scale of its window is at most 14 (RFC 7323, 2.3). */
#define NO_SCALE 15

/* What is hashed: both addresses, the ports, the client's first sequence number, and what the cookie itself says. */
#define COOKIE_WORDS 6

struct cookie_words {
	__u64 word[COOKIE_WORDS];
	__u32 count;
	__u32 reserved;
};

/* What a cookie remembers of a client's SYN. */
struct cookie_options {
	__u32 segment; /* index into the segment sizes */
	__u32 scale;   /* or NO_SCALE */
	__u32 sack;
};

static __noinline __u64 cookie_sip_hash(const struct cookie_words *words)
{
	__u64 a = 0x736f6d6570736575ULL ^ settings.cookie_key[0], b = 0x646f72616e646f6dULL ^ settings.cookie_key[1];
	__u64 c = 0x6c7967656e657261ULL ^ settings.cookie_key[0], d = 0x7465646279746573ULL ^ settings.cookie_key[1];
	__u64 block;
	__u32 i;

	for (i = 0; i <= COOKIE_WORDS; i++) {
		/* The last block says how many bytes there were. */
		block = i < words->count && i < COOKIE_WORDS ? words->word[i] : (__u64)words->count << 59;
		d ^= block;
		SIP_ROUND(a, b, c, d);
		SIP_ROUND(a, b, c, d);
		a ^= block;
		if (i >= words->count)
			break;
	}
	c ^= 0xff;
	SIP_ROUND(a, b, c, d);
	SIP_ROUND(a, b, c, d);
	SIP_ROUND(a, b, c, d);
	SIP_ROUND(a, b, c, d);
	return a ^ b ^ c ^ d;
}

/* The cookie that says this, all but the minute's bit. Out of line, as are all words that are hashed: for the stack's sake. */
static __noinline __u32 cookie_of_minute4(const struct iphdr *ip, __u32 ports, __u32 first, __u32 said, __u32 minute)
{
	struct cookie_words words = { .count = 3 };

	words.word[0] = (__u64)ip->saddr << 32 | ip->daddr;
	words.word[1] = (__u64)ports << 32 | first;
	words.word[2] = (__u64)minute << 32 | said;
	return said << COOKIE_OPTIONS_SHIFT | ((__u32)cookie_sip_hash(&words) & COOKIE_HASH_MASK);
}

static __noinline __u32 cookie_of_minute6(const struct ip6_header *ip6, __u32 ports, __u32 first, __u32 said, __u32 minute)
{
	struct cookie_words words = { .count = 6 };

	words.word[0] = (__u64)ip6->source.word[0] << 32 | ip6->source.word[1];
	words.word[1] = (__u64)ip6->source.word[2] << 32 | ip6->source.word[3];
	words.word[2] = (__u64)ip6->destination.word[0] << 32 | ip6->destination.word[1];
	words.word[3] = (__u64)ip6->destination.word[2] << 32 | ip6->destination.word[3];
	words.word[4] = (__u64)ports << 32 | first;
	words.word[5] = (__u64)minute << 32 | said;
	return said << COOKIE_OPTIONS_SHIFT | ((__u32)cookie_sip_hash(&words) & COOKIE_HASH_MASK);
}

static __always_inline __u32 cookie_of_minute(enum family family, const struct packet *packet, __u32 first, __u32 said, __u32 minute)
{
	__u32 ports = *(const __u32 *)packet->l4;
	__u32 cookie = family == FAMILY_6 ? cookie_of_minute6(packet->ip6, ports, first, said, minute)
					  : cookie_of_minute4(packet->ip, ports, first, said, minute);

	return minute << COOKIE_MINUTE_SHIFT | cookie;
}

static __always_inline __u32 cookie_minute(__u32 now)
{
	return settings.hz ? now / (COOKIE_SECONDS * settings.hz) : 0;
}

/* `first` is the client's first sequence number. */
static __always_inline __u32 cookie_make(enum family family, const struct packet *packet, __u32 first, struct cookie_options options, __u32 now)
{
	__u32 said = options.segment << 5 | options.scale << 1 | options.sack;

	return cookie_of_minute(family, packet, first, said, cookie_minute(now));
}

/* Whether it was made here, for this client, in this minute or in the last. */
static __always_inline int cookie_is_right(enum family family, const struct packet *packet, __u32 first, __u32 cookie, __u32 now)
{
	__u32 said = cookie >> COOKIE_OPTIONS_SHIFT & 0xff, minute = cookie_minute(now);

	minute -= (minute ^ cookie >> COOKIE_MINUTE_SHIFT) & 1;
	return cookie_of_minute(family, packet, first, said, minute) == cookie;
}

static __always_inline struct cookie_options cookie_options(__u32 cookie)
{
	struct cookie_options options = {
		.segment = cookie >> (COOKIE_OPTIONS_SHIFT + 5) & 3,
		.scale = cookie >> (COOKIE_OPTIONS_SHIFT + 1) & 15,
		.sack = cookie >> COOKIE_OPTIONS_SHIFT & 1,
	};

	return options;
}

/*
 * The wrong acknowledgement that a client's own stack answers with a reset of this sequence number (RFC 9293, 3.10.7.3). The reset does not
 * say what the client's first number was, so that is not in it; the eighth of the options' bits is set, which no cookie above has.
 */
#define CHALLENGE_SAID 0x80

static __always_inline __u32 challenge_make(enum family family, const struct packet *packet, __u32 now)
{
	return cookie_of_minute(family, packet, 0, CHALLENGE_SAID, cookie_minute(now));
}

static __always_inline int challenge_is_right(enum family family, const struct packet *packet, __u32 answer, __u32 now)
{
	return (answer >> COOKIE_OPTIONS_SHIFT & 0xff) == CHALLENGE_SAID && cookie_is_right(family, packet, 0, answer, now);
}
