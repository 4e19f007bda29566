import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../base/index.ts';
import type { Configuration } from '../../model/index.ts';
import { type HostAddresses, impliedInterfaces, usableInterfaces } from './interfaces.ts';

const ip = (text: string) => IpAddress.parse(text) as IpAddress;
const nowhere: HostAddresses = { interfaceOf: () => undefined, routeInterface: () => undefined, interfaces: () => ['eth7', 'eth8'] };

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
    const host = { interfaceOf: () => 'eth0', routeInterface: (address: IpAddress) => `eth${address.bytes[1]}`, interfaces: () => [] };
    expect(impliedInterfaces({ routers: [], services: [service] } as unknown as Configuration, host)).toEqual(['eth0', 'eth3', 'eth4']);
  });

  it('takes every interface for firewall marks, and where there are only services made by hand', () => {
    const marked = { key: { kind: 'fwmark', mark: 1, family: 4 }, servers: [] };
    expect(impliedInterfaces({ routers: [], services: [marked] } as unknown as Configuration, nowhere)).toEqual(['eth7', 'eth8']);
    expect(impliedInterfaces(configuration([], []), nowhere)).toEqual(['eth7', 'eth8']);
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

describe('usableInterfaces', () => {
  const link = { up: true, running: true, loopback: false, multicast: true, hardwareType: 1, mtu: 1500 };

  it('are up, of Ethernet, with an address, and not on top of others', () => {
    const links = [
      { ...link, index: 1, name: 'lo', loopback: true, hardwareType: 772 },
      { ...link, index: 2, name: 'eth0' },
      { ...link, index: 3, name: 'eth1', up: false },
      { ...link, index: 4, name: 'eth2' },
      { ...link, index: 5, name: 'tun0', hardwareType: 65_534 },
      { ...link, index: 6, name: 'vrrp.51', kind: 'macvlan' },
      { ...link, index: 7, name: 'br0', kind: 'bridge' },
    ];
    const addresses = [1, 2, 3, 5, 6, 7, 7].map((interfaceIndex) => ({ interfaceIndex }));
    expect(usableInterfaces(links, addresses)).toEqual(['eth0', 'br0']);
  });
});
