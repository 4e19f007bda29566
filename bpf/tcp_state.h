/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * IPVS's TCP state tables. A row per event, four bits per state, so that the tables are constants in the code. INPUT_ONLY is for a director
 * that sees the client's side alone (DR and TUN); INPUT and OUTPUT are for one that sees both (NAT).
 */
#pragma once

#include "conn.h"
#include "parse.h"
#include "sctp.h"

#define ROW(no, es, ss, sr, fw, tw, cl, cw, la, li, sa)                                                                            \
	((__u64)(no) | (__u64)(es) << 4 | (__u64)(ss) << 8 | (__u64)(sr) << 12 | (__u64)(fw) << 16 | (__u64)(tw) << 20 |             \
	 (__u64)(cl) << 24 | (__u64)(cw) << 28 | (__u64)(la) << 32 | (__u64)(li) << 36 | (__u64)(sa) << 40)

#define NO STATE_NONE
#define ES STATE_ESTABLISHED
#define SS STATE_SYN_SENT
#define SR STATE_SYN_RECV
#define FW STATE_FIN_WAIT
#define TW STATE_TIME_WAIT
#define CL STATE_CLOSE
#define CW STATE_CLOSE_WAIT
#define LA STATE_LAST_ACK
#define LI STATE_LISTEN
#define SA STATE_SYNACK

/*                         NO  ES  SS  SR  FW  TW  CL  CW  LA  LI  SA */
#define INPUT_ONLY_SYN ROW(SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SR)
#define INPUT_ONLY_FIN ROW(CL, FW, SS, TW, FW, TW, CL, CW, LA, LI, TW)
#define INPUT_ONLY_ACK ROW(ES, ES, SS, ES, FW, TW, CL, CW, CL, LI, ES)
#define INPUT_ONLY_RST ROW(CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, CL)
#define INPUT_SYN ROW(SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SR)
#define INPUT_FIN ROW(CL, CW, SS, TW, TW, TW, CL, CW, LA, LI, TW)
#define INPUT_ACK ROW(ES, ES, SS, ES, FW, TW, CL, CW, CL, LI, ES)
#define INPUT_RST ROW(CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, SR)
#define OUTPUT_SYN ROW(SS, ES, SS, SR, SS, SS, SS, SS, SS, LI, SR)
#define OUTPUT_FIN ROW(TW, FW, SS, TW, FW, TW, CL, TW, LA, LI, TW)
#define OUTPUT_ACK ROW(ES, ES, SS, ES, FW, TW, CL, CW, LA, ES, ES)
#define OUTPUT_RST ROW(CL, CL, SS, CL, CL, TW, CL, CL, CL, CL, CL)

/* By secure_tcp it takes the server's answer to establish a connection, as far as the director sees answers. */
#define SECURE_INPUT_ONLY_SYN ROW(SA, ES, ES, SR, SA, SA, SA, SA, SA, SA, SA)
#define SECURE_INPUT_SYN ROW(SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SA)
#define SECURE_INPUT_FIN ROW(CL, CW, SS, TW, TW, TW, CL, CW, LA, LI, SA)
#define SECURE_INPUT_ACK ROW(ES, ES, SS, SR, FW, TW, CL, CW, CL, LI, SA)
#define SECURE_INPUT_RST ROW(CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, CL)
#define SECURE_OUTPUT_SYN ROW(SS, ES, SS, SA, SS, SS, SS, SS, SS, LI, SA)

static __always_inline __u64 by_direction(enum direction direction, __u64 input_only, __u64 input, __u64 output)
{
	return direction == DIRECTION_INPUT_ONLY ? input_only : direction == DIRECTION_INPUT ? input : output;
}

/* A segment without any of the four flags closes the connection. RST is looked at first, ACK last. */
static __always_inline __u32 tcp_next_state(__u32 state, __u8 flags, enum direction direction)
{
	int secure = (settings.flags & SETTING_SECURE_TCP) != 0;
	__u64 row;

	if (flags & TCP_RST)
		row = by_direction(direction, INPUT_ONLY_RST, secure ? SECURE_INPUT_RST : INPUT_RST, OUTPUT_RST);
	else if (flags & TCP_SYN)
		row = by_direction(direction, secure ? SECURE_INPUT_ONLY_SYN : INPUT_ONLY_SYN, secure ? SECURE_INPUT_SYN : INPUT_SYN,
				   secure ? SECURE_OUTPUT_SYN : OUTPUT_SYN);
	else if (flags & TCP_FIN)
		row = by_direction(direction, INPUT_ONLY_FIN, secure ? SECURE_INPUT_FIN : INPUT_FIN, OUTPUT_FIN);
	else if (flags & TCP_ACK)
		row = by_direction(direction, INPUT_ONLY_ACK, secure ? SECURE_INPUT_ACK : INPUT_ACK, OUTPUT_ACK);
	else
		return STATE_CLOSE;
	return row >> (state * 4) & 15;
}

#undef NO
#undef ES
#undef SS
#undef SR
#undef FW
#undef TW
#undef CL
#undef CW
#undef LA
#undef LI
#undef SA

/* Of SCTP's only one is active. */
static __always_inline int state_is_active(__u32 meta, __u32 state)
{
	if ((meta & META_PROTOCOL) == CONN_SCTP << META_PROTOCOL_SHIFT)
		return state == SCTP_ESTABLISHED;
	return state == STATE_ESTABLISHED || state == STATE_SYN_SENT || state == STATE_SYN_RECV || state == STATE_SYNACK;
}

static __always_inline __u32 meta_with_state(__u32 meta, __u32 state)
{
	meta = (meta & ~(META_STATE | META_INACTIVE)) | state;
	return state_is_active(meta, state) ? meta : meta | META_INACTIVE;
}

/* Where the time-out of an entry's state is found. */
static __always_inline __u32 timeout_index(__u32 meta)
{
	return (meta & META_STATE) + ((meta & META_PROTOCOL) == CONN_SCTP << META_PROTOCOL_SHIFT ? TIMEOUT_SCTP : 0);
}

/* Jiffies that a connection may be silent; `server` may be NULL. */
static __always_inline __u32 timeout_at(const struct server *server, __u32 index)
{
	return settings.timeouts[((server ? server->timeouts : 0) + index) & (TIMEOUT_SETS * TIMEOUT_COUNT - 1)];
}

/* The entry's meta word after a packet; `event` is TCP's flags or SCTP's event. */
static __noinline __u32 meta_after(__u32 meta, __u8 event, enum direction direction)
{
	__u32 state = meta & META_STATE;

	if ((meta & META_PROTOCOL) == CONN_SCTP << META_PROTOCOL_SHIFT)
		return meta_with_state(meta, sctp_next_state(state, event, direction));
	return meta_with_state(meta, tcp_next_state(state, event, direction));
}

/* Protocol, state and activity of a connection after its first packet. */
static __always_inline __u32 first_meta(__u32 kind, __u8 event, enum direction direction)
{
	if ((kind & META_PROTOCOL) == CONN_UDP << META_PROTOCOL_SHIFT)
		return kind | STATE_UDP | META_INACTIVE;
	/* In place: a call costs more than the rest, and most connections are TCP's. */
	if ((kind & META_PROTOCOL) == CONN_TCP << META_PROTOCOL_SHIFT)
		return meta_with_state(kind, tcp_next_state(STATE_NONE, event, direction));
	return meta_after(kind, event, direction);
}
