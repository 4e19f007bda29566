import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../base/index.ts';
import type { FirewallSettings, Vip, VirtualRouter } from '../../model/index.ts';
import { blockedVips, firewallScript } from './firewall.ts';

const settings: FirewallSettings = { table: 'keepalived', chainPriority: -1, counters: false };

function router(change: Partial<VirtualRouter>, ...addresses: string[]): VirtualRouter {
  const vips = addresses.map((text): Vip => {
    const address = IpAddress.parse(text) as IpAddress;
    return { address, length: 32, interface: 'eth0', home: false, deprecated: false, tracked: true, onVmac: change.vmac !== undefined };
  });
  return { name: 'VI', interface: 'eth0', accept: false, priority: 100, vips, excludedVips: [], ...change } as unknown as VirtualRouter;
}

describe('the firewall', () => {
  it('blocks the VIPs of routers that do not accept them, and never those of the address owner', () => {
    const routers = [router({}, '10.0.0.1'), router({ accept: true }, '10.0.0.2'), router({ priority: 255 }, '10.0.0.3')];
    expect(blockedVips(routers).map(({ address }) => String(address))).toEqual(['10.0.0.1']);
    expect(firewallScript(settings, routers)).toContain('elements = { 10.0.0.1 }');
    expect(firewallScript({ ...settings, counters: true }, routers)).toContain('ip daddr @vips counter drop');
  });

  it('blocks a link-local address on its own link only, and lets neighbours find it', () => {
    const vmac = { name: 'vrrp6.51', address: new Uint8Array(6), transmitOnBase: false };
    const script = firewallScript(settings, [router({ vmac }, 'fe80::5', 'fd00::5')]);
    expect(script).toContain('elements = { fe80::5 . "vrrp6.51" }');
    expect(script).toContain('elements = { fd00::5 }');
    expect(script.indexOf('nd-neighbor-solicit')).toBeLessThan(script.indexOf('ip6 daddr @vips drop'));
    expect(script).not.toContain('table ip keepalived {');
  });

  it('only takes the table away when there is nothing to block', () => {
    expect(firewallScript(settings, [])).toBe(
      'add table ip keepalived\ndelete table ip keepalived\nadd table ip6 keepalived\ndelete table ip6 keepalived\n',
    );
  });
});
