import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../base/index.ts';
import type { Configuration } from '../../model/index.ts';
import { type HostAddresses, impliedInterfaces } from './interfaces.ts';

const ip = (text: string) => IpAddress.parse(text) as IpAddress;
const nowhere: HostAddresses = { interfaceOf: () => undefined, routeInterface: () => undefined };

function configuration(vips: [string, string][], services: [string, string][]): Configuration {
  const routers = vips.map(([address, name]) => ({ vips: [{ address: ip(address), length: 32, interface: name }], excludedVips: [] }));
  const tables = services.map(([vip, server]) => ({
    key: { kind: 'address', protocol: 'tcp', address: ip(vip), port: 80 },
    servers: [{ address: ip(server), port: 80 }],
  }));
  return { routers, services: tables } as unknown as Configuration;
}

describe('impliedInterfaces', () => {
  it('takes the interface of the VIP', () => {
    expect(impliedInterfaces(configuration([['10.0.0.9', 'eth1']], [['10.0.0.9', '10.0.0.1']]), nowhere)).toEqual(['eth1']);
  });

  it('falls back to the holder of the address, then to the way to the real servers', () => {
    const tables = configuration([], [['10.0.0.9', '10.0.0.1']]);
    expect(impliedInterfaces(tables, { ...nowhere, interfaceOf: () => 'eth2' })).toEqual(['eth2']);
    expect(impliedInterfaces(tables, { ...nowhere, routeInterface: () => 'eth3' })).toEqual(['eth3']);
    expect(impliedInterfaces(tables, nowhere)).toEqual([]);
  });

  it('adds the way to masqueraded servers, whose replies come by it', () => {
    const service = {
      key: { kind: 'address', protocol: 'tcp', address: ip('10.0.0.9'), port: 80 },
      servers: [
        { address: ip('10.2.0.1'), port: 80, method: 'dr' },
        { address: ip('10.3.0.1'), port: 80, method: 'nat' },
      ],
      sorryServer: { address: ip('10.4.0.1'), port: 80, method: 'nat' },
    };
    const host = { interfaceOf: () => 'eth0', routeInterface: (address: IpAddress) => `eth${address.bytes[1]}` };
    expect(impliedInterfaces({ routers: [], services: [service] } as unknown as Configuration, host)).toEqual(['eth0', 'eth3', 'eth4']);
  });

  it('never attaches to loopback and names each interface once', () => {
    const tables = configuration(
      [
        ['10.0.0.8', 'eth0'],
        ['10.0.0.9', 'eth0'],
      ],
      [
        ['10.0.0.8', '10.0.0.1'],
        ['10.0.0.9', '10.0.0.1'],
        ['127.0.0.1', '10.0.0.1'],
      ],
    );
    expect(impliedInterfaces(tables, { ...nowhere, interfaceOf: () => 'lo' })).toEqual(['eth0']);
  });
});
