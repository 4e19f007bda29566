/** The matrix's virtual routers in the languages of those who run them. */
import { LOWERED_BY, type MatrixRouter, type Peer, priorityOf, ROUTERS, type Side } from './matrix-cells.ts';

/** The script of ours and of keepalived fails while this file exists. */
export const LOWERED_FILE = '/run/lowered';

export const ADDRESSES = {
  ours: { IPv4: '10.9.0.1', IPv6: 'fd09::1' },
  keepalived: { IPv4: '10.9.0.2', IPv6: 'fd09::2' },
  frr: { IPv4: '10.9.0.3', IPv6: 'fd09::3' },
} as const;

/** In centiseconds. Version 3 is faster, for that is what it can; not by so much that a busy machine would look like a dead router. */
const INTERVAL = { 2: 100, 3: 50 } as const;

export function routersOf(peer: Peer): readonly MatrixRouter[] {
  return ROUTERS.filter(({ cell }) => cell.peer === peer);
}

/** An IPv6 router has a link-local address first (RFC 9568 §5.2.9). */
export function vipsOf({ cell, vip }: MatrixRouter): readonly string[] {
  return cell.family === 'IPv4' ? [vip] : [vip.replace('fd09', 'fe80'), vip];
}

/** keepalived.conf for us (all routers) or for keepalived (its own). */
export function keepalivedConfiguration(side: Side): string {
  const routers = side === 'ours' ? ROUTERS : routersOf('keepalived');
  return `global_defs {
    router_id ${side}
    script_user root
    vrrp_garp_master_repeat 1
    vrrp_garp_master_delay 1
    vrrp_priority -10
}
vrrp_script fit {
    script "/usr/bin/test ! -e ${LOWERED_FILE}"
    interval 1
    weight ${LOWERED_BY}
    fall 1
    rise 1
}
${routers.map((router) => instance(router, side)).join('')}`;
}

/** One virtual router. */
export function instance(router: MatrixRouter, side: Side): string {
  const { cell, vrid, name } = router;
  return `vrrp_instance ${name} {
    interface eth0
    version ${cell.version}
    virtual_router_id ${vrid}
    priority ${priorityOf(router, side)}
    advert_int ${INTERVAL[cell.version] / 100}
${cell.preempt ? '' : '    nopreempt\n'}${way(router, side)}${authentication(router)}    track_script {
        fit
    }
    virtual_ipaddress {
        ${vipsOf(router).join('\n        ')}
    }
}
`;
}

function way({ cell }: MatrixRouter, side: Side): string {
  if (cell.way === 'multicast') return '';
  const [own, peer] = side === 'ours' ? [ADDRESSES.ours, ADDRESSES[cell.peer]] : [ADDRESSES[cell.peer], ADDRESSES.ours];
  return `    unicast_src_ip ${own[cell.family]}\n    unicast_peer {\n        ${peer[cell.family]}\n    }\n`;
}

function authentication({ cell, vrid }: MatrixRouter): string {
  if (cell.authentication === 'none') return '';
  return `    authentication {\n        auth_type ${cell.authentication}\n        auth_pass secret${vrid}\n    }\n`;
}

/** frr.conf for vrrpd. */
export function frrConfiguration(): string {
  return `interface eth0\n${routersOf('frr').map(frrRouter).join('')}exit\n`;
}

export function frrRouter(router: MatrixRouter): string {
  const { cell, vrid } = router;
  const lines = [
    `version ${cell.version}`,
    `priority ${priorityOf(router, 'peer')}`,
    `advertisement-interval ${INTERVAL[cell.version] * 10}`,
    ...(cell.way === 'unicast' ? ['unicast'] : []),
    ...(cell.authentication === 'none' ? [] : ['authentication']),
    ...vipsOf(router).map((vip) => `${cell.family === 'IPv4' ? 'ip' : 'ipv6'} ${vip}`),
  ];
  return `${cell.preempt ? '' : ` no vrrp ${vrid} preempt\n`}${lines.map((line) => ` vrrp ${vrid} ${line}\n`).join('')}`;
}
