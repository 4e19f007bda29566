/** The tunnel through which a director's packets come, and the program of ours on an interface that takes them out of it. */
import type { IpAddress } from '../../base/index.ts';

/** As `ipvsadm --tun-type` has them. */
export const TUNNEL_TYPES = ['ipip', 'gue', 'gre'] as const;
export type TunnelType = (typeof TUNNEL_TYPES)[number];

/** What each puts between the two IP headers. */
const BETWEEN: Readonly<Record<TunnelType, number>> = { ipip: 0, gue: 12, gre: 4 };
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const TCP_HEADER = 20;

export interface Tunnel {
  readonly type: TunnelType;
  /** GUE's UDP port; 0 for the others. */
  readonly port: number;
  /** From whom packets are accepted. */
  readonly directors: readonly IpAddress[] | 'any';
}

/** A tunnel and the interfaces that it reaches this host by. */
export interface PlacedTunnel extends Tunnel {
  readonly interfaces: readonly string[];
}

/** What the program on an interface goes by, as the kernel holds it. Addresses are text and sorted, so that two of these compare as JSON. */
export interface Decapsulator {
  readonly type: TunnelType;
  readonly port: number;
  readonly directors: readonly string[] | 'any';
  /** Addresses of this host at which tunnels end. */
  readonly hosts: readonly string[];
  /** What the packets inside may be addressed to. */
  readonly vips: readonly string[];
}

/** What became of packets of the tunnel to this host, by the names in bpf/realserver.bpf.c in small letters: `taken`, `stranger` … */
export type DecapsulatorCounts = Readonly<Record<string, number>>;

export function sortedTexts(addresses: readonly IpAddress[]): string[] {
  return [...new Set(addresses.map(String))].sort();
}

export function sameDecapsulator(a: Decapsulator | undefined, b: Decapsulator | undefined): boolean {
  return canonical(a) === canonical(b);
}

function canonical(decapsulator: Decapsulator | undefined): string {
  if (!decapsulator) return '';
  const { type, port, directors, hosts, vips } = decapsulator;
  return JSON.stringify([type, port, directors, hosts, vips]);
}

export function describeTunnel(tunnel: { readonly type: TunnelType; readonly port: number }): string {
  return tunnel.type === 'gue' ? `GUE port ${tunnel.port}` : tunnel.type.toUpperCase();
}

/** What is left for clients' packets of an interface that takes packets of `mtu` bytes, and what to do about it. */
export function sizeAdvice(tunnel: Tunnel, interfaceName: string, mtu: number): string {
  const v6 = tunnel.directors !== 'any' && tunnel.directors.some((address) => address.family === 6);
  const room = mtu - (v6 ? IPV6_HEADER : IPV4_HEADER) - BETWEEN[tunnel.type];
  const mss = room - IPV4_HEADER - TCP_HEADER;
  return `${interfaceName} takes ${mtu} bytes, so clients' packets may have ${room}: the director tells them, but where ICMP gets lost, announce an MSS of ${mss} (see the manual).`;
}
