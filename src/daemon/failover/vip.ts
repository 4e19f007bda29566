/** Virtual addresses as netlink wants them, and the devices that carry them. */
import type { Vip, VirtualRouter } from '../../model/index.ts';
import type { AddressSpec } from '../../wire/index.ts';

export function addressSpec(vip: Vip, interfaceIndex: number): AddressSpec {
  return {
    interfaceIndex,
    prefix: { address: vip.address, length: vip.length },
    ...(vip.scope && { scope: vip.scope }),
    ...(vip.label !== undefined && { label: vip.label }),
    ...(vip.broadcast && { broadcast: vip.broadcast }),
    ...(vip.peer && { peer: vip.peer }),
    // A director that takes over must answer at once: the former owner, if it still answers, is the one that is wrong.
    ...(vip.address.family === 6 && { noDuplicateDetection: true, home: vip.home, deprecated: vip.deprecated }),
  };
}

/** `192.168.18.200/32 on eth0`: names an address on an interface, for people and for sets. */
export function vipText(vip: Vip, device: string = vip.interface): string {
  return `${vip.address}/${vip.length} on ${device}`;
}

/** An interface that carries a VIP of the router: the VIP's own, or the router's macvlan on it. */
export function deviceOf(router: Pick<VirtualRouter, 'interface' | 'vmac'>, vip: Vip): string {
  if (!vip.onVmac || !router.vmac) return vip.interface;
  return vip.interface === router.interface ? router.vmac.name : addressVmacName(router.vmac.name, vip.interface);
}

/** The macvlan for VIPs of the router on another interface than its own (`use_vmac_addr`): interface names have 15 characters at most. */
export function addressVmacName(vmac: string, link: string): string {
  return `${vmac}.${link}`.slice(0, 15);
}
