/** timeout_tcp, timeout_tcp_fin and timeout_udp of a virtual_server: extensions, for IPVS has the same time-outs for all services. */
import type { Protocol, Timeouts } from '../../model/index.ts';
import { type BoundBlock, placeOf } from './bind.ts';
import type { Destination } from './lower-group.ts';
import type { ServiceContext } from './service-context.ts';

const KEYWORDS = [
  ['timeout_tcp', 'tcp', 'tcp'],
  ['timeout_tcp_fin', 'tcpFin', 'tcp'],
  ['timeout_udp', 'udp', 'udp'],
] as const;

/** Undefined where the service says nothing. */
export function readTimeouts(
  block: BoundBlock,
  protocol: Protocol,
  { members }: Destination,
  { reporter }: ServiceContext,
): Partial<Timeouts> | undefined {
  // A firewall mark is of every protocol.
  const isOfOne = members.every((member) => member.kind === 'address');
  const timeouts: { -readonly [name in keyof Timeouts]?: number } = {};
  for (const [keyword, name, meant] of KEYWORDS) {
    const statement = block.last(keyword);
    const timeout = block.number(keyword);
    if (!statement || timeout === undefined) continue;
    if (!isOfOne || protocol === meant) timeouts[name] = timeout;
    else
      reporter.report(
        'config/no-effect',
        placeOf(statement),
        `This service is ${protocol.toUpperCase()}, and ${keyword} is about ${meant.toUpperCase()}: it is ignored.`,
        { help: `Remove ${keyword}.` },
      );
  }
  return Object.keys(timeouts).length > 0 ? timeouts : undefined;
}
