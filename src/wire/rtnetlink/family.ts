import type { IpAddress, IpFamily } from '../../base/index.ts';

/** Socket address families of Linux. */
export const AF_UNSPEC = 0;
export const AF_INET = 2;
export const AF_INET6 = 10;

/** The kernel's number for the family of an address. */
export function addressFamily(address: IpAddress): number {
  return address.family === 4 ? AF_INET : AF_INET6;
}

/** The IP family of a kernel number; undefined for families that are not IP. */
export function ipFamily(family: number): IpFamily | undefined {
  if (family === AF_INET) return 4;
  return family === AF_INET6 ? 6 : undefined;
}
