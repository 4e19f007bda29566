/** The rehearsal of a takeover goes all the way, and leaves no trace. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readKeepalived } from '../../src/config/index.ts';
import { Rehearsal } from '../../src/daemon/failover/rehearsal.ts';
import type { VirtualRouter } from '../../src/model/index.ts';
import { Rtnetlink } from '../../src/os/netlink/index.ts';
import { decodeAddress, decodeNetlinkMessages } from '../../src/wire/index.ts';
import { inNamespace, run, VethPair } from './support.ts';

const CONFIGURATION = `vrrp_script never {
    script /bin/false
}
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    priority 100
    track_script {
        never
    }
    virtual_ipaddress {
        192.168.18.200
    }
}
`;

let pair: VethPair;

/** What a request that was encoded beforehand asks for. */
function described(encoded: Uint8Array): string {
  const messages = decodeNetlinkMessages(encoded);
  const address = messages.ok ? decodeAddress(messages.value[0]?.payload ?? new Uint8Array()) : messages;
  return address.ok ? `${address.value.prefix.address} on ${address.value.interfaceIndex}` : address.reason;
}

beforeEach(() => {
  pair = new VethPair('reh');
});
afterEach(() => pair.remove());

describe('the rehearsal of a takeover', () => {
  it('asks the kernel for the VIP where no interface is, also when the router tracks what has not been seen yet', () => {
    const asked: string[] = [];
    const before = run('ip', '-n', pair.first, '-o', 'addr');
    inNamespace(pair.first, () => {
      const rtnetlink = new Rtnetlink();
      const addAddress = rtnetlink.addAddress.bind(rtnetlink);
      rtnetlink.addAddress = (encoded) => {
        asked.push(described(encoded as Uint8Array));
        return addAddress(encoded);
      };
      const [router] = readKeepalived(CONFIGURATION, { file: 'k.conf' }).configuration.routers;
      const rehearsal = new Rehearsal(router as VirtualRouter, rtnetlink);
      rehearsal.play();
      rehearsal.play();
      rehearsal.close();
      rtnetlink.close();
    });
    expect(asked).toEqual(Array(2).fill('192.168.18.200 on 2147483647'));
    expect(run('ip', '-n', pair.first, '-o', 'addr')).toBe(before);
  });
});
