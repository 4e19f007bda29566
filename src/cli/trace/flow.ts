/** The words of a traced packet, as they are written on the command line. */
import type { TraceRequest } from '../../api/index.ts';
import { IpAddress } from '../../base/index.ts';

export interface TraceOptions {
  readonly syn?: true;
  readonly ack?: true;
  readonly fin?: true;
  readonly rst?: true;
  readonly interface?: string;
  readonly length?: string;
  readonly ttl?: string;
}

const PROTOCOLS = ['tcp', 'udp', 'sctp', 'icmp'] as const;
const FLAGS = ['syn', 'ack', 'fin', 'rst'] as const;

/** What is wrong with the words, for a person. */
export class FlowError extends Error {
  override readonly name = 'FlowError';
}

/** Throws FlowError for words that name no packet. */
export function parseFlow(protocol: string, source: string, destination: string, options: TraceOptions): TraceRequest {
  const known = PROTOCOLS.find((name) => name === protocol.toLowerCase());
  if (!known) throw new FlowError(`'${protocol}' is no protocol that can be traced: ${PROTOCOLS.join(', ')}`);
  const flags = FLAGS.filter((flag) => options[flag]);
  if (flags.length > 1) throw new FlowError(`a packet is one of ${flags.map((flag) => `--${flag}`).join(', ')}`);
  if (flags.length > 0 && known !== 'tcp') throw new FlowError(`--${flags[0]} is for TCP`);
  const [from, to] = [parseEnd(source, known), parseEnd(destination, known)];
  return {
    protocol: known,
    source: from.address,
    sourcePort: from.port,
    destination: to.address,
    destinationPort: to.port,
    ...(flags[0] && { flag: flags[0] }),
    ...(options.interface !== undefined && { interface: options.interface }),
    ...(options.length !== undefined && { length: parseNumber(options.length, 'a length') }),
    ...(options.ttl !== undefined && { hops: parseNumber(options.ttl, 'a TTL') }),
  };
}

/** `ADDRESS:PORT`, `[ADDRESS]:PORT`; of ICMP the address alone. */
function parseEnd(text: string, protocol: (typeof PROTOCOLS)[number]): { readonly address: string; readonly port: number } {
  if (protocol === 'icmp') {
    if (!IpAddress.parse(text)) throw new FlowError(`'${text}' is no IP address`);
    return { address: text, port: 0 };
  }
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const address = bracketed ?? plain;
  const number = Number(port);
  if (address === undefined || !IpAddress.parse(address) || number > 65_535) {
    throw new FlowError(`'${text}' is not ADDRESS:PORT, with IPv6 [ADDRESS]:PORT`);
  }
  return { address, port: number };
}

function parseNumber(text: string, what: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new FlowError(`'${text}' is not ${what}`);
  return Number(text);
}
