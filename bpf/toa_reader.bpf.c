// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The real server's end of full NAT: servers that ask who their peer is (accept(), getpeername()) are told the client, and not the director's
 * local address that the connection comes from. The director says who he is in an option of the client's segments (TOA, see toa.h).
 *
 * The segment that makes a connection is looked at; what it says is kept with the socket, as long as that lives. Programs on a control
 * group see every network namespace's sockets: these act for one alone.
 *
 * Whoever can say who he is can be anybody. So only those are believed whose address is one of the directors' local ones, and of them
 * only the first option: directors put theirs there, and see to it that no client's is.
 */
#include <linux/bpf.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "consts.h"

#define AF_INET6 10
#define ADDRESS_BITS 128

/* What became of connections that came from local addresses, or with the option. */
enum toa_count {
	TOA_TAKEN,
	TOA_ABSENT, /* from a local address, without the option: the server sees the local address */
	TOA_STRANGER, /* with the option, but from elsewhere: not believed */
	TOA_REFUSED, /* no memory to keep it in */
	TOA_COUNTS,
};

struct toa_settings {
	__u64 namespace; /* the cookie of the network namespace whose sockets are ours */
};

/* IPv4 addresses as ::ffff:a.b.c.d. */
struct toa_prefix {
	__u32 length;
	__u32 words[4];
};

struct toa_client {
	__u32 words[4];
	__u32 port; /* in the network's order */
};

/* The option of either family behind TCP's fixed header. */
struct toa_option {
	__u8 kind;
	__u8 length;
	__be16 port;
	__u32 words[4]; /* of IPv4 only the first */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct toa_settings);
} toa_settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct toa_prefix);
	__type(value, __u32);
} toa_locals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct toa_client);
} toa_clients SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TOA_COUNTS);
	__type(key, __u32);
	__type(value, __u64);
} toa_counts SEC(".maps");

static __always_inline void count(__u32 what)
{
	__u64 *number = bpf_map_lookup_elem(&toa_counts, &what);

	if (number)
		(*number)++;
}

static __always_inline int is_here(__u64 namespace)
{
	__u32 zero = 0;
	struct toa_settings *settings = bpf_map_lookup_elem(&toa_settings, &zero);

	return settings && settings->namespace == namespace;
}

static __always_inline int is_local(struct bpf_sock_ops *ops)
{
	struct toa_prefix peer = { .length = ADDRESS_BITS };

	if (ops->family == AF_INET6) {
		peer.words[0] = ops->remote_ip6[0];
		peer.words[1] = ops->remote_ip6[1];
		peer.words[2] = ops->remote_ip6[2];
		peer.words[3] = ops->remote_ip6[3];
		/* Or the compiler makes one access of both families', at a place that the verifier cannot tell. */
		asm volatile("" : : : "memory");
	} else {
		peer.words[2] = bpf_htonl(0xffff);
		peer.words[3] = ops->remote_ip4;
	}
	return bpf_map_lookup_elem(&toa_locals, &peer) != NULL;
}

/* What the segment's first option says; false where it is another one. */
static __always_inline int read_option(struct bpf_sock_ops *ops, struct toa_client *client)
{
	const struct toa_option *option = (void *)(long)ops->skb_data + sizeof(struct tcphdr);
	const void *end = (void *)(long)ops->skb_data_end;

	if ((void *)option + TOA_LENGTH > end || option->kind != TOA_KIND)
		return 0;
	client->port = option->port;
	if (option->length == TOA_LENGTH) {
		client->words[2] = bpf_htonl(0xffff);
		client->words[3] = option->words[0];
		return 1;
	}
	if (option->length != TOA_LENGTH6 || (void *)option + TOA_LENGTH6 > end)
		return 0;
	__builtin_memcpy(client->words, option->words, sizeof(client->words));
	return 1;
}

/* Always 1, and no reply: other programs on the group have their say about everything else that is asked here. */
SEC("sockops")
int toa_established(struct bpf_sock_ops *ops)
{
	struct toa_client client = {};
	struct bpf_sock *sk;
	int has_option;

	if (ops->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB || !is_here(bpf_get_netns_cookie(ops)))
		return 1;
	has_option = read_option(ops, &client);
	if (!is_local(ops)) {
		if (has_option)
			count(TOA_STRANGER);
		return 1;
	}
	sk = ops->sk;
	if (!has_option || !sk) {
		count(TOA_ABSENT);
		return 1;
	}
	count(bpf_sk_storage_get(&toa_clients, sk, &client, BPF_SK_STORAGE_GET_F_CREATE) ? TOA_TAKEN : TOA_REFUSED);
	return 1;
}

static __always_inline const struct toa_client *client_of(struct bpf_sock_addr *asked)
{
	struct bpf_sock *sk = asked->sk;

	return sk ? bpf_sk_storage_get(&toa_clients, sk, NULL, 0) : NULL;
}

SEC("cgroup/getpeername4")
int toa_peername4(struct bpf_sock_addr *asked)
{
	const struct toa_client *client = client_of(asked);

	/* A socket of IPv4 has no words for an IPv6 client. */
	if (client && client->words[2] == bpf_htonl(0xffff) && !client->words[0] && !client->words[1]) {
		asked->user_ip4 = client->words[3];
		asked->user_port = client->port;
	}
	return 1;
}

SEC("cgroup/getpeername6")
int toa_peername6(struct bpf_sock_addr *asked)
{
	const struct toa_client *client = client_of(asked);

	if (client) {
		asked->user_ip6[0] = client->words[0];
		asked->user_ip6[1] = client->words[1];
		asked->user_ip6[2] = client->words[2];
		asked->user_ip6[3] = client->words[3];
		asked->user_port = client->port;
	}
	return 1;
}

char _license[] SEC("license") = "Dual BSD/GPL";

/* The compiler writes type information only for what is used; this names the numbers that the loader reads from it. */
struct vocabulary {
	enum toa_count count;
};

const struct vocabulary vocabulary SEC(".rodata.vocabulary") = {};
