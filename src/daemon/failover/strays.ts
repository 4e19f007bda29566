/** The last resort of both processes: takes what virtual routers hold out of the kernel when nobody is left to own it. */
import type { Configuration, VirtualRouter } from '../../model/index.ts';
import { Rtnetlink } from '../../os/netlink/index.ts';
import { runNftSync } from '../../os/nftables/index.ts';
import { restoreSysctls, type SavedSysctl } from '../../os/sysctl/index.ts';
import type { Logger } from '../../ports/index.ts';
import { blockedVips, removalScript } from './firewall.ts';
import { allVips } from './interfaces.ts';
import { routeSpec, ruleSpec } from './routing.ts';
import { addressSpec, deviceOf, vipText } from './vip.ts';
import { wantedVmacs } from './vmacs.ts';

const OWNER = 255;

/** Addresses, and what moves with them. The address owner's VIPs are its own addresses (RFC 3768 §6.1): they stay. */
export function removeStrayVips(configuration: Pick<Configuration, 'routers'>, logger: Logger, why = 'nobody was left to own it'): void {
  const rtnetlink = new Rtnetlink();
  for (const router of configuration.routers) {
    if (router.priority === OWNER) continue;
    removeAddresses(router, rtnetlink, logger, why);
    removeRoutes(router, rtnetlink, logger);
  }
  rtnetlink.close();
}

/** Everything: macvlans, the table that drops packets, static addresses, and the kernel's settings too. */
export function removeStrays(configuration: Configuration, saved: readonly SavedSysctl[], logger: Logger): void {
  removeStrayVips(configuration, logger);
  const rtnetlink = new Rtnetlink();
  const attempt = attemptWith(logger);
  for (const { name } of wantedVmacs(configuration.routers)) {
    attempt(`remove ${name}`, () => {
      const link = rtnetlink.link(name);
      if (link?.kind === 'macvlan') rtnetlink.deleteLink(link.index);
    });
  }
  const { addresses, routes, rules } = configuration.staticNetwork;
  removeRoutes({ routes, rules }, rtnetlink, logger);
  for (const address of addresses) {
    attempt(`remove ${vipText(address)}`, () => {
      const link = rtnetlink.link(address.interface);
      if (link) rtnetlink.deleteAddress(addressSpec(address, link.index));
    });
  }
  rtnetlink.close();
  restoreSysctls(saved, (problem) => logger.log('error', `Cannot put a kernel setting back: ${problem}`));
  if (blockedVips(configuration.routers).length === 0) return;
  const problem = runNftSync(removalScript(configuration.firewall));
  if (problem) logger.log('error', `Cannot remove the nftables table ${configuration.firewall.table}: ${problem}`);
}

function removeAddresses(router: VirtualRouter, rtnetlink: Rtnetlink, logger: Logger, why: string): void {
  for (const vip of allVips(router)) {
    const device = deviceOf(router, vip);
    attemptWith(logger)(`remove ${vipText(vip, device)}`, () => {
      const link = rtnetlink.link(device);
      if (link && rtnetlink.deleteAddress(addressSpec(vip, link.index)) === 'deleted') {
        logger.log('warning', `(${router.name}) removed ${vipText(vip, device)}: ${why}`);
      }
    });
  }
}

function removeRoutes({ routes, rules }: Pick<VirtualRouter, 'routes' | 'rules'>, rtnetlink: Rtnetlink, logger: Logger): void {
  const attempt = attemptWith(logger);
  for (const rule of rules) attempt('remove a rule', () => rtnetlink.deleteRule(ruleSpec(rule)));
  for (const route of routes) {
    attempt('remove a route', () => {
      const spec = routeSpec(route, (name) => rtnetlink.link(name));
      if (spec) rtnetlink.deleteRoute(spec);
    });
  }
}

/** What cannot be removed is reported, and the rest goes on. */
function attemptWith(logger: Logger): (what: string, action: () => void) => void {
  return (what, action) => {
    try {
      action();
    } catch (error) {
      logger.log('error', `Cannot ${what}: ${(error as Error).message}`);
    }
  };
}
