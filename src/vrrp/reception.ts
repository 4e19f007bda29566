/** What a received advertisement must be to concern a virtual router: the checks that need its configuration. */
import { type IpAddress, toSeconds } from '../base/index.ts';
import type { VirtualRouter } from '../model/index.ts';
import {
  passAuthData,
  sameAuthData,
  VRRP_AUTH_NONE,
  VRRP_AUTH_PASS,
  type VrrpAdvert,
  type VrrpPacket,
  type VrrpRejection,
} from '../wire/index.ts';

/** The parts of our own advertisements that follow from the configuration alone, worked out once. */
export interface OwnAdvert {
  readonly addresses: readonly IpAddress[];
  readonly authType: number;
  readonly authData: Uint8Array;
}

const NO_AUTH_DATA = new Uint8Array(0);
const EMPTY_AUTH_DATA = new Uint8Array(8);

export function ownAdvert(settings: VirtualRouter): OwnAdvert {
  const family = settings.multicastGroup.family;
  const addresses = settings.vips.filter((vip) => vip.address.family === family).map((vip) => vip.address);
  if (settings.version === 3) return { addresses, authType: VRRP_AUTH_NONE, authData: NO_AUTH_DATA };
  if (!settings.authentication) return { addresses, authType: VRRP_AUTH_NONE, authData: EMPTY_AUTH_DATA };
  return { addresses, authType: VRRP_AUTH_PASS, authData: passAuthData(settings.authentication.password) };
}

/** Why the packet must be dropped, or undefined. In keepalived's order. */
export function objection(
  packet: VrrpPacket,
  settings: VirtualRouter,
  own: OwnAdvert,
  source: IpAddress | undefined,
): VrrpRejection | undefined {
  const { advert } = packet;
  if (source?.equals(packet.source)) return { ok: false, reason: 'looped' };
  if (advert.version !== settings.version) return { ok: false, reason: 'version', found: advert.version, expected: settings.version };
  if (settings.version === 2) {
    const objection = version2Objection(advert, settings, own);
    if (objection) return objection;
  }
  if (!sameAddresses(advert.addresses, own.addresses)) {
    return { ok: false, reason: 'addresses', found: advert.addresses.length, expected: own.addresses.length };
  }
  return undefined;
}

function version2Objection(advert: VrrpAdvert, settings: VirtualRouter, own: OwnAdvert): VrrpRejection | undefined {
  if (advert.authType !== own.authType) return { ok: false, reason: 'auth-type', found: advert.authType, expected: own.authType };
  if (own.authType === VRRP_AUTH_PASS && !sameAuthData(advert.authData, own.authData)) return { ok: false, reason: 'auth-data' };
  if (advert.interval !== settings.advertInterval) {
    return { ok: false, reason: 'interval', found: toSeconds(advert.interval), expected: toSeconds(settings.advertInterval) };
  }
  return undefined;
}

/** The same addresses in any order. Nearly always the order is the same too, which costs one pass. */
function sameAddresses(a: readonly IpAddress[], b: readonly IpAddress[]): boolean {
  if (a.length !== b.length) return false;
  if (a.every((address, i) => address.equals(b[i] as IpAddress))) return true;
  const theirs = new Set(a.map(String));
  return b.every((address) => theirs.has(String(address)));
}
