/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the director itself sends to a virtual address of its own (IPVS's LOCAL_OUT). The stack delivers it through the loopback interface,
 * where no XDP program could send it on. This program lies on what leaves there: packets for a virtual service go into a pair of interfaces
 * whose other end is a port like all others, with checksums and segments as on a wire. All else stays where it is.
 */
#pragma once

#include <linux/pkt_cls.h>

#include "route.h"
#include "schedule.h"

static __always_inline int is_served4(struct __sk_buff *skb, struct bpf_redir_neigh *next)
{
	__u16 service_port;
	struct ports ports;
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)) || !may_be_virtual(ip.daddr))
		return 0;
	if (!has_ports(ip.protocol) || ip.frag_off & bpf_htons(IP_OFFSET))
		return 0;
	if (bpf_skb_load_bytes(skb, ETH_HLEN + ip.ihl * 4, &ports, sizeof(ports)))
		return 0;
	next->nh_family = AF_INET;
	next->ipv4_nh = ip.daddr;
	return find_service(ip.daddr, ports.destination, ip.protocol, &service_port) != NO_SERVICE;
}

/* Without extension headers, as the stack sends what programs give it. */
static __always_inline int is_served6(struct __sk_buff *skb, struct bpf_redir_neigh *next)
{
	__u16 service_port;
	struct ip6_header ip6;
	struct ports ports;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip6, sizeof(ip6)) || !may_be_virtual(fold(&ip6.destination)) || !has_ports(ip6.next))
		return 0;
	if (bpf_skb_load_bytes(skb, ETH_HLEN + sizeof(ip6), &ports, sizeof(ports)))
		return 0;
	next->nh_family = AF_INET6;
	__builtin_memcpy(next->ipv6_nh, &ip6.destination, sizeof(next->ipv6_nh));
	return find_service6(&ip6.destination, ports.destination, ip6.next, &service_port) != NO_SERVICE;
}

/*
 * On that interface nobody is asked for addresses, so whatever next hop gets its frames. A plain bpf_redirect() would mark the packet as one
 * that generic XDP leaves alone.
 */
SEC("tc")
int local_out(struct __sk_buff *skb)
{
	struct bpf_redir_neigh next = {};
	int is_served = skb->protocol == bpf_htons(ETH_P_IP)   ? is_served4(skb, &next) :
			skb->protocol == bpf_htons(ETH_P_IPV6) ? is_served6(skb, &next) :
								 0;

	if (!is_served || !settings.local_out)
		return TC_ACT_OK;
	return bpf_redirect_neigh(settings.local_out, &next, sizeof(next), 0);
}
