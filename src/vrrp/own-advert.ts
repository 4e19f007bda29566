/** The parts of our own advertisements that follow from the configuration alone, worked out once: to be sent, and to compare with. */
import type { IpAddress } from '../base/index.ts';
import type { VirtualRouter } from '../model/index.ts';
import { passAuthData, VRRP_AUTH_AH, VRRP_AUTH_NONE, VRRP_AUTH_PASS, type VrrpChecksum } from '../wire/index.ts';

export interface OwnAdvert {
  readonly addresses: readonly IpAddress[];
  /** The same, one after another as in a message. */
  readonly addressBytes: Uint8Array;
  readonly authType: number;
  readonly authData: Uint8Array;
}

const NO_AUTH_DATA = new Uint8Array(0);
const EMPTY_AUTH_DATA = new Uint8Array(8);

export function ownAdvert(settings: VirtualRouter): OwnAdvert {
  const addresses = settings.vips.filter((vip) => vip.address.family === settings.family).map((vip) => vip.address);
  const addressBytes = Uint8Array.from(addresses.flatMap((address) => [...address.bytes]));
  return { addresses, addressBytes, ...ownAuthentication(settings) };
}

/** How the checksum of a router's advertisements is worked out. */
export function checksumOf(settings: VirtualRouter): VrrpChecksum {
  return settings.checksumWithoutPseudoHeader ? 'message' : 'rfc';
}

/** Over IPv6 the type of authentication is said and the password is not: keepalived 2.2.7 has left no room for it. */
function ownAuthentication({ version, family, authentication }: VirtualRouter): Pick<OwnAdvert, 'authType' | 'authData'> {
  if (version === 2 && family === 6) return { authType: authentication ? VRRP_AUTH_PASS : VRRP_AUTH_NONE, authData: NO_AUTH_DATA };
  if (version === 3) return { authType: VRRP_AUTH_NONE, authData: NO_AUTH_DATA };
  if (!authentication) return { authType: VRRP_AUTH_NONE, authData: EMPTY_AUTH_DATA };
  if (authentication.type === 'ah') return { authType: VRRP_AUTH_AH, authData: EMPTY_AUTH_DATA };
  return { authType: VRRP_AUTH_PASS, authData: passAuthData(authentication.password) };
}
