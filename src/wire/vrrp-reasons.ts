/**
 * Why a VRRP packet is not acted upon. Numbers are stable: counters, metrics, JSON and the manual use them.
 * 1 to 19 are found by the decoder in the packet alone, 20 and up by the engine in the light of its configuration.
 */
export const VRRP_REJECT_REASONS = {
  'ip-header': { number: 1, doc: 'Not a whole IP packet: too short, wrong version, bad header length or bad header checksum.' },
  protocol: { number: 2, doc: 'The IP protocol is not 112, alone or behind an authentication header.' },
  fragment: { number: 3, doc: 'A fragment: VRRP messages are never fragmented.' },
  ttl: {
    number: 4,
    doc: 'The TTL is not 255, so the packet has passed a router (RFC 9568 §5.1.1.3); unicast: not within the bounds of its peer.',
  },
  version: { number: 5, doc: 'Neither version 2 nor 3, or not the version that the virtual router is configured for.' },
  type: { number: 6, doc: 'The type is not 1 (ADVERTISEMENT), the only one there is.' },
  length: { number: 7, doc: 'The length is not the one that the address count implies.' },
  checksum: { number: 8, doc: 'The VRRP checksum is wrong.' },
  vrid: { number: 9, doc: 'The VRID is 0, which no virtual router may have.' },
  'ah-header': { number: 10, doc: 'The authentication header is not one of HMAC-MD5-96 (RFC 2402, RFC 2403).' },
  'unknown-vrid': { number: 20, doc: 'No virtual router of ours has this VRID on this interface. Common where sites share a link.' },
  looped: { number: 21, doc: 'Our own advertisement came back to us.' },
  'auth-type': { number: 22, doc: 'The authentication type is not the configured one (RFC 2338 §5.3.6).' },
  'auth-data': { number: 23, doc: 'The PASS password is not the configured one.' },
  interval: { number: 24, doc: 'Version 2: the advertisement interval is not the configured one (RFC 3768 §7.1).' },
  addresses: { number: 25, doc: 'The list of virtual addresses is not the configured one.' },
  'not-running': { number: 26, doc: 'The virtual router is not taking part: before the start, waiting for a tracked script, or in FAULT.' },
  'auth-unknown': { number: 27, doc: 'The authentication type is none that exists.' },
  'ah-presence': { number: 28, doc: 'An authentication header where none is configured, or none where it is.' },
  'ah-spi': { number: 29, doc: "The security parameters index is not the sender's address." },
  'ah-digest': { number: 30, doc: 'The HMAC of the authentication header is wrong: another password, or a forged packet.' },
  'ah-replay': { number: 31, doc: 'The sequence number was used before: an old packet sent again.' },
  destination: { number: 32, doc: 'Sent to a group where unicast is configured, or the other way round.' },
  'unicast-source': { number: 33, doc: 'The sender is not one of the configured unicast peers.' },
} as const satisfies Record<string, { readonly number: number; readonly doc: string }>;

export type VrrpRejectReason = keyof typeof VRRP_REJECT_REASONS;
