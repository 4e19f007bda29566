/** syn_proxy and new_connections_per_source of a virtual_server: extensions, the first of them known from DPVS. */
import type { CheckedRealServer, Protocol, ServiceDefence, SourceLimit } from '../../model/index.ts';
import { type BoundBlock, isNumber, linePart, placeOf } from './bind.ts';
import type { Destination } from './lower-group.ts';
import type { ServiceContext } from './service-context.ts';

/** The burst where none is said: so many seconds' worth of connections. */
const BURST_SECONDS = 2;
const MAX_CONNECTIONS = 1_000_000;

export function readDefence(
  block: BoundBlock,
  protocol: Protocol,
  destination: Destination,
  servers: readonly CheckedRealServer[],
  context: ServiceContext,
): ServiceDefence | undefined {
  const synProxy = readSynProxy(block, protocol, destination, servers, context);
  const sourceLimit = readSourceLimit(block);
  return synProxy || sourceLimit ? { synProxy, ...(sourceLimit && { sourceLimit }) } : undefined;
}

function readSynProxy(
  block: BoundBlock,
  protocol: Protocol,
  { members }: Destination,
  servers: readonly CheckedRealServer[],
  { reporter }: ServiceContext,
): boolean {
  const statement = block.last('syn_proxy');
  if (!statement || block.flag('syn_proxy') !== true) return false;
  if (protocol !== 'tcp' && members.every((member) => member.kind === 'address')) {
    reporter.report(
      'config/no-effect',
      placeOf(statement),
      `Only TCP has SYNs, and this service is ${protocol.toUpperCase()}: syn_proxy is ignored.`,
      { help: 'Remove syn_proxy.' },
    );
    return false;
  }
  const methods = new Set(servers.map(({ method }) => method === 'nat' || method === 'fullnat'));
  if (methods.size > 1)
    reporter.report(
      'config/no-effect',
      placeOf(statement),
      'The director makes handshakes for real servers only if the answers of all of them come back through it. Some of these answer past it: clients are challenged instead, all of them.',
      { help: 'Write lvs_method NAT or FNAT for all real servers, or for none.' },
    );
  return true;
}

function readSourceLimit(block: BoundBlock): SourceLimit | undefined {
  const value = block.last('new_connections_per_source')?.value;
  if (typeof value !== 'object' || !('parts' in value)) return undefined;
  const perSecond = linePart(value, 0, isNumber);
  if (perSecond === undefined) return undefined;
  const burst = value.words.get('burst')?.value;
  return { perSecond, burst: typeof burst === 'number' ? burst : Math.min(MAX_CONNECTIONS, perSecond * BURST_SECONDS) };
}
