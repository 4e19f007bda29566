/** The last resort of both processes: takes configured VIPs off the interfaces when nobody is left to own them. */
import type { Configuration } from '../../model/index.ts';
import { Rtnetlink } from '../../os/netlink/index.ts';
import type { Logger } from '../../ports/index.ts';
import { addressSpec, vipText } from './vip.ts';

/** The address owner's VIPs are its own addresses (RFC 3768 §6.1): they stay. */
export function removeStrayVips(configuration: Pick<Configuration, 'routers'>, logger: Logger): void {
  const rtnetlink = new Rtnetlink();
  for (const router of configuration.routers) {
    if (router.priority === 255) continue;
    for (const vip of [...router.vips, ...router.excludedVips]) {
      try {
        const link = rtnetlink.link(vip.interface);
        if (link && rtnetlink.deleteAddress(addressSpec(vip, link.index)) === 'deleted') {
          logger.log('warning', `(${router.name}) removed ${vipText(vip)}: nobody was left to own it`);
        }
      } catch (error) {
        logger.log('error', `Cannot remove ${vipText(vip)}: ${(error as Error).message}`);
      }
    }
  }
  rtnetlink.close();
}
