/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What both ends of an FTP session say about their data connections (RFC 959, RFC 2428). The client says where the server shall connect to:
 *
 *     PORT 10,0,0,1,195,80            EPRT |1|10.0.0.1|50000|
 *
 * or asks where the server waits, and gets for an answer:
 *
 *     227 Entering Passive Mode (10,2,0,1,195,80).
 *     229 Entering Extended Passive Mode (|||50000|)
 *
 * Only the answer to PASV names an address that is not the client's own: the virtual one takes its place. The line keeps its length, and so no
 * sequence number has to change: what the address needs more it takes from the words before it, which mean nothing (RFC 1123, 4.1.2.6), and
 * what it needs less becomes blanks.
 */
#pragma once

#include "segment.h"

/* The text lies behind so many bytes that come before it in the packet: what is written back is as long as that. */
#define TEXT_BEGIN 16

/* Code or command, and the blank behind it. */
#define CODE_BYTES 4
#define COMMAND_BYTES 5

/* An address in its longest form, and the character before it. */
#define WRITTEN_BYTES 16

#define NUMBERS_OF_ENDPOINT 6
#define NUMBERS_OF_ADDRESS 4
/* The delimiters around a port in EPRT and 229 are the third and the fourth. The bracket before them counts as well. */
#define MARKS_BEFORE_PORT 4
#define MARKS_AROUND_PORT 5

#define LETTERS(a, b, c, d) bpf_htonl((a) << 24 | (b) << 16 | (c) << 8 | (d))
#define LOWER_CASE LETTERS(0x20, 0x20, 0x20, 0x20)

/* The text of a segment, and how far it is read. Places in it are those in the chunk. */
struct ftp_text {
	struct chunk *chunk;
	__u32 offset; /* of the chunk's beginning in the frame */
	__u32 end;
	__u32 from;   /* where reading begins */
	__u32 count;  /* of numbers, or of marks, that were read */
	__u32 number;
	__u32 digits;
	__u32 mark;
	__u32 address; /* host order, as the port */
	__u32 port;
	__u32 address_begin;
	__u32 address_end;
};

/* Reads the beginning of what a segment carries, whose TCP header begins at `offset` of the frame. False where that is nothing. */
static __always_inline int read_text(struct xdp_md *ctx, __u32 offset, __u32 header, __u32 length, struct ftp_text *text)
{
	__u32 zero = 0;

	*text = (struct ftp_text){ .chunk = bpf_map_lookup_elem(&chunks, &zero) };
	if (!text->chunk || header < sizeof(struct tcp_header) || length < COMMAND_BYTES)
		return 0;
	if (length > FTP_TEXT_BYTES)
		length = FTP_TEXT_BYTES;
	text->offset = offset + header - TEXT_BEGIN;
	text->end = TEXT_BEGIN + length;
	return !bpf_xdp_load_bytes(ctx, text->offset, text->chunk, TEXT_BEGIN + length);
}

/* Four letters of it, in lower case. */
static __always_inline __u32 first_letters(const struct ftp_text *text)
{
	return (__u32)text->chunk->word[TEXT_BEGIN / 8] | LOWER_CASE;
}

static __always_inline __u8 *letter_at(const struct ftp_text *text, __u32 at)
{
	return &text->chunk->byte[at & (CHUNK_BYTES - 1)];
}

static __always_inline int is_digit(__u8 letter)
{
	return letter >= '0' && letter <= '9';
}

/* The next letter of six numbers with commas between them. Whatever is none of that begins anew. */
static long read_endpoint_letter(__u32 step, struct ftp_text *text)
{
	__u32 at = text->from + step;
	__u8 letter;

	if (at >= text->end)
		return 1;
	letter = *letter_at(text, at);
	if (is_digit(letter)) {
		if (!text->count && !text->digits)
			text->address_begin = at;
		text->number = text->number * 10 + letter - '0';
		text->digits++;
		return 0;
	}
	if (!text->digits || text->digits > 3 || text->number > 255) {
		text->count = 0;
	} else {
		if (text->count < NUMBERS_OF_ADDRESS)
			text->address = text->address << 8 | text->number;
		else
			text->port = text->port << 8 | text->number;
		text->count++;
		if (text->count == NUMBERS_OF_ADDRESS)
			text->address_end = at;
		if (text->count == NUMBERS_OF_ENDPOINT)
			return 1;
		if (letter != ',')
			text->count = 0;
	}
	text->number = 0;
	text->digits = 0;
	return 0;
}

/* An address and a port, both of six numbers. */
static __always_inline int read_endpoint(struct ftp_text *text, __u32 from)
{
	text->from = from;
	bpf_loop(FTP_TEXT_BYTES, read_endpoint_letter, text, 0);
	text->port &= 0xffff;
	return text->count == NUMBERS_OF_ENDPOINT && text->port;
}

/* The next letter of a port with marks around it, which may be any character: the first one says which. */
static long read_port_letter(__u32 step, struct ftp_text *text)
{
	__u32 at = text->from + step;
	__u8 letter;

	if (at >= text->end)
		return 1;
	letter = *letter_at(text, at);
	if (!text->count) {
		text->count = letter == '(';
		return 0;
	}
	if (text->count == 1)
		text->mark = letter;
	if (letter == text->mark) {
		text->count++;
		return text->count == MARKS_AROUND_PORT;
	}
	if (text->count < MARKS_BEFORE_PORT)
		return 0;
	if (!is_digit(letter) || text->digits > 4)
		return 1;
	text->port = text->port * 10 + letter - '0';
	text->digits++;
	return 0;
}

/* A port alone. `marks`: 1 where the first mark is what comes next, 0 where a bracket does. */
static __always_inline int read_port(struct ftp_text *text, __u32 from, __u32 marks)
{
	text->from = from;
	text->count = marks;
	bpf_loop(FTP_TEXT_BYTES, read_port_letter, text, 0);
	return text->count == MARKS_AROUND_PORT && text->port && text->port <= 0xffff;
}

/* Writes an address from its end on, then the character that stood before the old one, then blanks until that is gone. */
static long write_address_letter(__u32 step, struct ftp_text *text)
{
	__u32 at = text->address_end - 1 - step;
	__u8 letter;

	if (at < TEXT_BEGIN + CODE_BYTES - 1)
		return 1;
	if (text->count > NUMBERS_OF_ADDRESS) {
		if (at + 1 < text->address_begin)
			return 1;
		letter = ' ';
	} else if (!text->digits || text->number) {
		letter = '0' + text->number % 10;
		text->number /= 10;
		text->digits = 1;
	} else {
		letter = text->count == NUMBERS_OF_ADDRESS ? text->mark : ',';
		text->number = text->address & 255;
		text->address >>= 8;
		text->digits = 0;
		text->count++;
	}
	*letter_at(text, at) = letter;
	return 0;
}

/* Puts an address in the place of the one that read_endpoint() found. False where the line is too short for it. */
static __always_inline int write_address(struct ftp_text *text, __u32 address)
{
	text->mark = *letter_at(text, text->address_begin - 1);
	text->number = address & 255;
	text->address = address >> 8;
	text->digits = 0;
	text->count = 1;
	bpf_loop(WRITTEN_BYTES, write_address_letter, text, 0);
	return text->count > NUMBERS_OF_ADDRESS && *letter_at(text, TEXT_BEGIN + CODE_BYTES - 1) == ' ';
}

/* Copies what was written into the frame, and keeps the checksum right. What lies at an odd place counts with its bytes swapped. */
static __always_inline void put_back(struct xdp_md *ctx, __u32 tcp_offset, const struct ftp_text *text)
{
	__u32 at = (text->address_end - WRITTEN_BYTES) & (CHUNK_BYTES - 1), offset = text->offset + at, i;
	__u32 before[WRITTEN_BYTES / 4], after[WRITTEN_BYTES / 4];
	struct tcp_header *tcp;
	__u64 sum = 0;
	__u16 change;

	if (at > CHUNK_BYTES - WRITTEN_BYTES || bpf_xdp_load_bytes(ctx, offset, before, sizeof(before)))
		return;
	if (bpf_xdp_store_bytes(ctx, offset, &text->chunk->byte[at], WRITTEN_BYTES) || bpf_xdp_load_bytes(ctx, offset, after, sizeof(after)))
		return;
#pragma unroll
	for (i = 0; i < WRITTEN_BYTES / 4; i++)
		sum += checksum_change(before[i], after[i]);
	change = ~checksum_fold(sum);
	if ((offset - tcp_offset) & 1)
		change = change << 8 | change >> 8;
	/* The limit is for the verifier, which knows it of this copy alone. */
	asm volatile("" : "+r"(tcp_offset));
	if (tcp_offset > MAX_TCP_OFFSET)
		return;
	tcp = (void *)(long)ctx->data + tcp_offset;
	if ((void *)(tcp + 1) > (void *)(long)ctx->data_end)
		return;
	tcp->check = checksum_changed(tcp->check, change);
}

/*
 * The port that is said for data, or 0: by a client where the server shall connect to, or in a server's answer where it waits. The TCP header
 * lies at `offset` of the frame; `bytes`: its length << 16 | that of what follows. `address`: the client's, for no other will do in PORT, or the
 * virtual one that takes the place of the server's in 227; 0 over IPv6, where there are neither. Out of line and verified once.
 */
__noinline __u32 read_data_port(struct xdp_md *ctx, __u32 offset, __u32 bytes, __u32 address, __u32 by_server)
{
	__u32 from = TEXT_BEGIN + (by_server ? CODE_BYTES : COMMAND_BYTES), four;
	struct ftp_text text;

	if (!read_text(ctx, offset, bytes >> 16, bytes & 0xffff, &text) || *letter_at(&text, from - 1) != ' ')
		return 0;
	four = first_letters(&text);
	if (address && four == (by_server ? LETTERS('2', '2', '7', ' ') : LETTERS('p', 'o', 'r', 't'))) {
		if (!read_endpoint(&text, from))
			return 0;
		if (text.address == address)
			return text.port;
		if (!by_server)
			return 0;
		if (write_address(&text, address))
			put_back(ctx, offset, &text);
		return text.port;
	}
	if (four != (by_server ? LETTERS('2', '2', '9', ' ') : LETTERS('e', 'p', 'r', 't')))
		return 0;
	return read_port(&text, from, !by_server) ? text.port : 0;
}
