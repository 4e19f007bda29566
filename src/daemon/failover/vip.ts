/** Virtual addresses as netlink wants them. */
import type { Vip } from '../../model/index.ts';
import type { AddressSpec } from '../../wire/index.ts';

export function addressSpec(vip: Vip, interfaceIndex: number): AddressSpec {
  return {
    interfaceIndex,
    prefix: { address: vip.address, length: vip.length },
    ...(vip.scope && { scope: vip.scope }),
    ...(vip.label !== undefined && { label: vip.label }),
    ...(vip.broadcast && { broadcast: vip.broadcast }),
  };
}

/** `192.168.18.200/32 on eth0`: names an address on an interface, for people and for sets. */
export function vipText(vip: Vip): string {
  return `${vip.address}/${vip.length} on ${vip.interface}`;
}
