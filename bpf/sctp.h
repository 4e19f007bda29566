/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * SCTP (RFC 9260): what IPVS reads of a packet, its state table, and the checksum of a packet whose port is another.
 */
#pragma once

#include "parse.h"

/* The common header: ports, verification tag, checksum. Chunks follow. */
#define SCTP_HEADER 12
#define SCTP_CHECK_OFFSET 8
#define SCTP_CHUNK_HEADER 4

/* No chunk is shown behind a chunk longer than this, which only a COOKIE ECHO could be. */
#define SCTP_COOKIE_MAX 4096

/* Types of chunks. */
#define CHUNK_ABORT 6
#define CHUNK_COOKIE_ECHO 10
#define CHUNK_COOKIE_ACK 11

/* Event of each chunk type, four bits each; types from 16 on are data. */
#define EVENT_AT(type, event) ((__u64)(event) << (4 * (type)))
#define EVENTS                                                                                                               \
	(EVENT_AT(1, SCTP_EVENT_INIT) | EVENT_AT(2, SCTP_EVENT_INIT_ACK) | EVENT_AT(6, SCTP_EVENT_ABORT) |                          \
	 EVENT_AT(7, SCTP_EVENT_SHUTDOWN) | EVENT_AT(8, SCTP_EVENT_SHUTDOWN_ACK) | EVENT_AT(9, SCTP_EVENT_ERROR) |                   \
	 EVENT_AT(10, SCTP_EVENT_COOKIE_ECHO) | EVENT_AT(11, SCTP_EVENT_COOKIE_ACK) | EVENT_AT(14, SCTP_EVENT_SHUTDOWN_COMPLETE))

static __always_inline __u8 sctp_event_of_chunk(__u8 type)
{
	return type < 16 ? EVENTS >> (4 * type) & 15 : SCTP_EVENT_DATA;
}

/*
 * What a packet is to the state table: its first chunk; an ABORT that is bundled behind a COOKIE ECHO or COOKIE ACK goes before these. False
 * for a packet that shows no chunk.
 */
static __always_inline int sctp_read_event(const struct packet *packet, __u8 *event)
{
	const __u8 *chunk = packet->l4 + SCTP_HEADER;
	__u32 length;

	if ((const void *)(chunk + SCTP_CHUNK_HEADER) > packet->end)
		return 0;
	*event = sctp_event_of_chunk(chunk[0]);
	if (chunk[0] != CHUNK_COOKIE_ECHO && chunk[0] != CHUNK_COOKIE_ACK)
		return 1;
	length = (__u32)chunk[2] << 8 | chunk[3];
	if (length < SCTP_CHUNK_HEADER || length > SCTP_COOKIE_MAX)
		return 1;
	chunk += (length + 3) & ~3U;
	if ((const void *)(chunk + SCTP_CHUNK_HEADER) <= packet->end && chunk[0] == CHUNK_ABORT)
		*event = SCTP_EVENT_ABORT;
	return 1;
}

/* An INIT begins an association; by sloppy_sctp anything does. An ABORT never. Decided by the first chunk alone, as the kernel does. */
static __always_inline int sctp_may_begin(const struct packet *packet)
{
	const __u8 *chunk = packet->l4 + SCTP_HEADER;
	__u8 first;

	if ((const void *)(chunk + SCTP_CHUNK_HEADER) > packet->end)
		return 0;
	first = sctp_event_of_chunk(chunk[0]);
	return first != SCTP_EVENT_ABORT && (first == SCTP_EVENT_INIT || settings.flags & SETTING_SLOPPY_SCTP);
}

#define SCTP_ROW(no, i1, in, cs, cr, cw, co, ce, es, ss, sr, sa, rj, cl)                                                        \
	((__u64)(no) | (__u64)(i1) << 4 | (__u64)(in) << 8 | (__u64)(cs) << 12 | (__u64)(cr) << 16 | (__u64)(cw) << 20 |            \
	 (__u64)(co) << 24 | (__u64)(ce) << 28 | (__u64)(es) << 32 | (__u64)(ss) << 36 | (__u64)(sr) << 40 | (__u64)(sa) << 44 |     \
	 (__u64)(rj) << 48 | (__u64)(cl) << 52)

#define NO SCTP_NONE
#define I1 SCTP_INIT1
#define IN SCTP_INIT
#define CS SCTP_COOKIE_SENT
#define CR SCTP_COOKIE_REPLIED
#define CW SCTP_COOKIE_WAIT
#define CO SCTP_COOKIE
#define CE SCTP_COOKIE_ECHOED
#define ES SCTP_ESTABLISHED
#define SS SCTP_SHUTDOWN_SENT
#define SR SCTP_SHUTDOWN_RECEIVED
#define SA SCTP_SHUTDOWN_ACK_SENT
#define RJ SCTP_REJECTED
#define CL SCTP_CLOSED

/* Rows in the order of enum sctp_event, one table for each direction in the order of enum direction. */
static const __u64 sctp_rows[4][16] = {
	[DIRECTION_INPUT_ONLY] = {
		[SCTP_EVENT_DATA] = SCTP_ROW(ES, I1, IN, CS, CR, ES, CO, CE, ES, SS, SR, SA, RJ, CL),
		[SCTP_EVENT_INIT] = SCTP_ROW(I1, IN, IN, IN, IN, IN, CO, CE, ES, SS, SR, SA, IN, IN),
		[SCTP_EVENT_INIT_ACK] = SCTP_ROW(CE, CE, CE, CE, CE, CE, CO, CE, ES, SS, SR, SA, RJ, CL),
		[SCTP_EVENT_COOKIE_ECHO] = SCTP_ROW(ES, ES, ES, ES, ES, ES, CO, CE, ES, SS, SR, SA, RJ, CL),
		[SCTP_EVENT_COOKIE_ACK] = SCTP_ROW(ES, I1, IN, ES, ES, CW, ES, ES, ES, SS, SR, SA, RJ, CL),
		[SCTP_EVENT_SHUTDOWN] = SCTP_ROW(SR, I1, IN, CS, CR, CW, CO, CE, SR, SS, SR, SA, RJ, CL),
		[SCTP_EVENT_SHUTDOWN_ACK] = SCTP_ROW(CL, IN, IN, CS, CR, CW, CO, CE, CL, CL, SR, CL, RJ, CL),
		[SCTP_EVENT_SHUTDOWN_COMPLETE] = SCTP_ROW(CL, CL, CL, CL, CL, CW, CO, CE, ES, SS, CL, CL, RJ, CL),
		[SCTP_EVENT_ERROR] = SCTP_ROW(CL, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL),
		[SCTP_EVENT_ABORT] = SCTP_ROW(CL, CL, CL, CL, CL, RJ, CL, CL, CL, CL, CL, CL, CL, CL),
	},
	[DIRECTION_INPUT] = {
		[SCTP_EVENT_DATA] = SCTP_ROW(ES, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL),
		[SCTP_EVENT_INIT] = SCTP_ROW(I1, IN, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, IN, IN),
		[SCTP_EVENT_INIT_ACK] = SCTP_ROW(CW, CW, CW, CS, CR, CO, CO, CE, ES, SS, SR, SA, RJ, CL),
		[SCTP_EVENT_COOKIE_ECHO] = SCTP_ROW(CR, IN, IN, CR, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL),
		[SCTP_EVENT_COOKIE_ACK] = SCTP_ROW(ES, I1, IN, CS, CR, CW, CO, ES, ES, SS, SR, SA, RJ, CL),
		[SCTP_EVENT_SHUTDOWN] = SCTP_ROW(SR, I1, IN, CS, CR, CW, CO, CE, SR, SS, SR, SA, RJ, CL),
		[SCTP_EVENT_SHUTDOWN_ACK] = SCTP_ROW(CL, IN, IN, CS, CR, CW, CO, CE, ES, CL, SR, CL, RJ, CL),
		[SCTP_EVENT_SHUTDOWN_COMPLETE] = SCTP_ROW(CL, CL, CL, CS, CR, CW, CO, CE, ES, SS, SR, CL, RJ, CL),
		[SCTP_EVENT_ERROR] = SCTP_ROW(CL, I1, IN, CS, CR, CW, CO, CL, ES, SS, SR, SA, RJ, CL),
		[SCTP_EVENT_ABORT] = SCTP_ROW(CL, CL, CL, CL, CL, RJ, CL, CL, CL, CL, CL, CL, CL, CL),
	},
	[DIRECTION_OUTPUT] = {
		[SCTP_EVENT_DATA] = SCTP_ROW(ES, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL),
		[SCTP_EVENT_INIT] = SCTP_ROW(CW, CW, CW, CW, CW, CW, CW, CW, ES, CW, CW, CW, CW, CW),
		[SCTP_EVENT_INIT_ACK] = SCTP_ROW(CS, CS, CS, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL),
		[SCTP_EVENT_COOKIE_ECHO] = SCTP_ROW(CE, CE, CE, CE, CE, CE, CE, CE, ES, SS, SR, SA, RJ, CL),
		[SCTP_EVENT_COOKIE_ACK] = SCTP_ROW(ES, ES, ES, ES, ES, ES, ES, ES, ES, SS, SR, SA, RJ, CL),
		[SCTP_EVENT_SHUTDOWN] = SCTP_ROW(SS, SS, SS, SS, SS, SS, SS, SS, SS, SS, SR, SA, RJ, CL),
		[SCTP_EVENT_SHUTDOWN_ACK] = SCTP_ROW(SA, SA, SA, SA, SA, CW, CO, CE, ES, SA, SA, SA, RJ, CL),
		[SCTP_EVENT_SHUTDOWN_COMPLETE] = SCTP_ROW(CL, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL),
		[SCTP_EVENT_ERROR] = SCTP_ROW(CL, CL, CL, CL, CL, CW, CO, CE, ES, SS, SR, SA, RJ, CL),
		[SCTP_EVENT_ABORT] = SCTP_ROW(CL, RJ, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL),
	},
};

#undef NO
#undef I1
#undef IN
#undef CS
#undef CR
#undef CW
#undef CO
#undef CE
#undef ES
#undef SS
#undef SR
#undef SA
#undef RJ
#undef CL

static __always_inline __u32 sctp_next_state(__u32 state, __u8 event, enum direction direction)
{
	__u32 row = (direction << 4 | event) & 63;

	if (event >= SCTP_EVENT_COUNT)
		return state;
	/* Or the compiler, which knows more of the event than the verifier does, leaves out the mask. */
	asm volatile("" : "+r"(row));
	return ((const __u64 *)sctp_rows)[row & 63] >> (4 * state) & 15;
}

/* Of CRC32c (RFC 9260, appendix A), bits reflected: the highest is the coefficient of x^0. */
#define CRC32C_POLYNOMIAL 0x82f63b78U

/* x^(8 * digit * 16^place) modulo the polynomial: what so many bytes behind it make of a remainder. */
static const __u32 crc32c_powers[4][16] = {
	{
		0x80000000, 0x00800000, 0x00008000, 0x00000080, 0x82f63b78, 0xfbc3faf9, 0x8b277743, 0x52a0c93f,
		0x6ea2d55c, 0x1c08b7d6, 0xf56e0ef4, 0x34019664, 0xa66805eb, 0x7a1f6b24, 0xe75d06aa, 0xc94ec098,
	},
	{
		0x80000000, 0x18b8ea18, 0x510ac59a, 0xb2dea967, 0xb82be955, 0x36c41f1c, 0x19b29a35, 0xc9e90b9e,
		0xb8fdb1e7, 0xe55ef1f3, 0x1fe0b5c3, 0xe0553f1e, 0x18e4a304, 0x2b830011, 0x56993a31, 0x0246e2e6,
	},
	{
		0x80000000, 0x88e56f72, 0x74c360a4, 0x631bb273, 0xe4172b16, 0x71892b1b, 0x835305c9, 0x196b1eae,
		0x0d65762a, 0xafc81338, 0xb5a50ab7, 0xf373c3ac, 0x5f60970f, 0xd46d3063, 0x3a5275ea, 0x02331c01,
	},
	{
		0x80000000, 0x35d73a62, 0x28461564, 0x43eefc9f, 0xbf455269, 0x5edcdeb9, 0x65059450, 0x4e6f41a4,
		0xe2ea32dc, 0xf5b95b32, 0x695a4c87, 0xf204502c, 0x9a4f01b6, 0x941a0916, 0x4303cb97, 0x4c3d3d65,
	},
};

/* Read, not masked: the verifier of newer kernels follows both values of a mask that is all ones or none, bit after bit. */
static const __u32 crc32c_remainders[2] = { 0, CRC32C_POLYNOMIAL };

static __always_inline __u32 crc32c_times(__u32 a, __u32 b)
{
	__u32 i, product = 0;

#pragma clang loop unroll(disable)
	for (i = 0; i < 32; i++) {
		product ^= b & -(a >> 31);
		a <<= 1;
		b = (b >> 1) ^ crc32c_remainders[b & 1];
	}
	return product;
}

/*
 * How the checksum changes with 16 bits of the packet, `bytes` from their first one to the packet's end. CRC32c is linear: the difference of
 * two packets' checksums is the remainder of the packets' difference, and the zeros behind that are one multiplication for each digit of
 * their number. The payload is not looked at. Not static: the kernel then verifies it once, and not again for every way that leads here.
 */
__noinline __u32 sctp_check_change(__u32 difference, __u32 bytes)
{
	__u32 place, digit, change = difference;

#pragma clang loop unroll(disable)
	for (place = 0; place < 4; place++) {
		/* A digit of 0 stands for 1, which changes nothing: without a branch the verifier walks this way once. */
		digit = bytes >> (4 * place) & 15;
		change = crc32c_times(change, crc32c_powers[place][digit]);
	}
	return change;
}
