/** From where a packet of a connection comes, as the state tables of TCP and SCTP distinguish it. */

/**
 * `input`: from the client, where the server's answers pass the director too (NAT, FULLNAT). `output`: such an answer.
 * `input-only`: from the client, where answers go past the director (direct routing, tunnels).
 */
export const DIRECTIONS = ['input', 'output', 'input-only'] as const;
export type Direction = (typeof DIRECTIONS)[number];
