/** What was on the wire: that the advertisements of each virtual router were of the kind that its cell is about. */
import type { Machine } from '../../lab/index.ts';
import type { MatrixRouter } from './matrix-cells.ts';
import { ADDRESSES, vipsOf } from './matrix-configuration.ts';

const FIELDS = [
  'vrrp.virt_rtr_id',
  'vrrp.prio',
  'vrrp.version',
  'vrrp.auth_type',
  'ah.spi',
  'ip.dst',
  'ipv6.dst',
  'vrrp.ip_addr',
  'vrrp.ipv6_addr',
];
const AUTHENTICATION_TYPES = { none: '0', PASS: '1', AH: '2' } as const;
const GROUPS = { IPv4: '224.0.0.18', IPv6: 'ff02::12' } as const;

export interface Wire {
  /** Undefined when the advertisements that we sent for it are as they must be. */
  readonly faultOf: (router: MatrixRouter) => string | undefined;
}

export async function wireOf(holder: Machine, file: string, sender: Machine): Promise<Wire> {
  const mac = sender.readFile('/sys/class/net/eth0/address').trim();
  const fields = FIELDS.flatMap((field) => ['-e', field]);
  // A kernel without a daemon answers unicast advertisements with an ICMP error, which quotes them.
  const filter = `eth.src == ${mac} && vrrp && !icmp && !icmpv6`;
  const text = await holder.runOrThrow(['tshark', '-n', '-r', file, '-Y', filter, '-T', 'fields', ...fields]);
  const kinds = new Map<number, Set<string>>();
  const goodbyes = new Set<number>();
  for (const line of new Set(text.split('\n').filter((each) => each !== ''))) {
    const [vrid, priority, ...kind] = line.split('\t');
    if (priority === '0') goodbyes.add(Number(vrid));
    kinds.set(Number(vrid), (kinds.get(Number(vrid)) ?? new Set()).add(kind.join(' ')));
  }
  return {
    faultOf: (router) => {
      const seen = [...(kinds.get(router.vrid) ?? [])];
      if (seen.length !== 1 || seen[0] !== expected(router)) return `expected [${expected(router)}], saw ${JSON.stringify(seen)}`;
      // Those that we are preferred for were ours when we were stopped.
      return router.preferred === 'ours' && !goodbyes.has(router.vrid) ? 'no advertisement of priority 0' : undefined;
    },
  };
}

function expected(router: MatrixRouter): string {
  const { version, family, way, authentication, peer } = router.cell;
  const destination = way === 'multicast' ? GROUPS[family] : ADDRESSES[peer][family];
  const vips = vipsOf(router).join(',');
  return [
    version,
    version === 2 ? AUTHENTICATION_TYPES[authentication] : '',
    authentication === 'AH' ? '0x0a090001' : '',
    ...(family === 'IPv4' ? [destination, '', vips, ''] : ['', destination, '', vips]),
  ].join(' ');
}
