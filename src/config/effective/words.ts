/** Values of the model in the words of the configuration file. */
import { IpAddress, MICROS_PER_SECOND } from '../../base/index.ts';
import type { NextHop, PolicyRule, RealServer, Route, ScriptCommand, ServiceKey, TrackerWeight, Vip } from '../../model/index.ts';

/** Microseconds as keepalived.conf writes seconds: `1`, `0.25`. */
export function secondsText(micros: number): string {
  return String(micros / MICROS_PER_SECOND);
}

/** A word of the file, in quotes where it would not be one without. */
export function wordText(word: string): string {
  const plain = word !== '' && !/[\s"'\\!#{}$~@\u0080-\u{10ffff}]/u.test(word);
  return plain ? word : `"${word.replace(/[\\"]/g, '\\$&')}"`;
}

export function commandText({ argv, user, group }: ScriptCommand): string {
  const words = argv.map((word) => (word !== '' && /^[^\s"'\\]*$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`));
  return [wordText(words.join(' ')), user, group].filter((part) => part !== undefined).join(' ');
}

export function weightText({ weight, reverse }: TrackerWeight): string {
  return `weight ${weight}${reverse ? ' reverse' : ''}`;
}

export function vipText(vip: Vip): string {
  const parts = [`${vip.address}/${vip.length}`, `dev ${vip.interface}`];
  if (vip.label !== undefined) parts.push(`label ${vip.label}`);
  if (vip.scope !== undefined) parts.push(`scope ${vip.scope}`);
  if (vip.broadcast) parts.push(`brd ${vip.broadcast}`);
  if (vip.peer) parts.push(`peer ${vip.peer}`);
  if (vip.home) parts.push('home');
  if (vip.deprecated) parts.push('preferred_lft 0');
  if (!vip.tracked) parts.push('no_track');
  if (vip.onVmac) parts.push('use_vmac');
  return parts.join(' ');
}

export function routeText(route: Route): string {
  const type = route.type === 'unicast' ? '' : `${route.type} `;
  const hops = route.nextHops.map(nextHopText).join(' nexthop ');
  return `${type}${route.destination.address}/${route.destination.length} ${hops} table ${route.table}`.replace(/ +/g, ' ').trim();
}

function nextHopText({ via, interface: device }: NextHop): string {
  return [via && `via ${via}`, device !== undefined && `dev ${device}`].filter(Boolean).join(' ');
}

export function ruleText(rule: PolicyRule): string {
  const parts = [
    rule.inverted && 'not',
    rule.from && `from ${rule.from.address}/${rule.from.length}`,
    rule.to && `to ${rule.to.address}/${rule.to.length}`,
    rule.inputInterface !== undefined && `iif ${rule.inputInterface}`,
    rule.priority !== undefined && `priority ${rule.priority}`,
    rule.action.kind === 'table' ? `table ${rule.action.table}` : rule.action.kind,
  ];
  return parts.filter(Boolean).join(' ');
}

export function serverText({ address, port }: Pick<RealServer, 'address' | 'port'>): string {
  return address.family === 4 ? `${address}:${port}` : `[${address}]:${port}`;
}

export function serviceText(key: ServiceKey): string {
  return key.kind === 'fwmark'
    ? `fwmark ${key.mark}${key.family === 6 ? ' (IPv6)' : ''}`
    : `${serverText(key)}${key.protocol === 'tcp' ? '' : `/${key.protocol}`}`;
}

/** Any value of the model, for where nobody has said how it is written. */
export function anyText(value: unknown): string {
  if (value === undefined) return 'none';
  if (value === true) return 'on';
  if (value === false) return 'off';
  if (value instanceof IpAddress || typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (typeof value === 'string') return wordText(value);
  if (value instanceof Uint8Array) return [...value].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(anyText).join(', ');
  return Object.entries(value as object)
    .filter(([, inner]) => inner !== undefined)
    .map(([name, inner]) => `${name} ${anyText(inner)}`)
    .join(' ');
}

/** Equality of what values of the model mean. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof IpAddress || b instanceof IpAddress) return a instanceof IpAddress && b instanceof IpAddress && a.equals(b);
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => sameValue((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]));
}
