/** The packet path in eBPF passes the suite of all data planes, packet by packet through the real program. */
import type { IpAddress } from '../../src/base/index.ts';
import type { Harness, Outcome, TestPacket } from '../compliance/harness.ts';
import { describeDataPlaneCompliance } from '../compliance/suite.ts';
import { buildFrame, PROTOCOL, seeFrame } from './xdp-frames.ts';
import { macOf, Rig } from './xdp-support.ts';

const HEADERS = { tcp: 40, udp: 28 } as const;
const ICMP_PORT_UNREACHABLE = '3 3';

function makeHarness(): Harness {
  const rig = new Rig();
  return {
    plane: rig.plane,
    send(packet: TestPacket): Outcome {
      const { verdict, frame } = rig.run(frameOf(packet));
      if (verdict === 'PASS') return 'pass';
      if (verdict === 'DROP') return 'drop';
      if (verdict !== 'TX') throw new Error(`the packet path answered ${verdict}`);
      const seen = seeFrame(frame);
      if (seen.protocol === PROTOCOL.icmp) {
        if (`${seen.body[0]} ${seen.body[1]}` !== ICMP_PORT_UNREACHABLE) throw new Error('an ICMP error of another kind');
        return 'drop';
      }
      return `${serverOf(rig, seen.destinationMac)}:${packet.virtualPort}`;
    },
    advance: (count) => rig.advance(count),
    close: () => rig.close(),
  };
}

function frameOf({ protocol, client, clientPort, virtual, virtualPort, flags, length }: TestPacket): Uint8Array {
  return buildFrame({
    source: String(client),
    destination: String(virtual),
    protocol: PROTOCOL[protocol],
    sourcePort: clientPort,
    destinationPort: virtualPort,
    flags,
    payload: new Uint8Array(length - HEADERS[protocol]),
  });
}

function serverOf({ plane }: Rig, mac: string): IpAddress {
  const servers = plane.services().flatMap((service) => service.servers);
  const found = servers.find((server) => macOf(server.address) === mac);
  if (!found) throw new Error(`the frame went to ${mac}, which is no server of the table`);
  return found.address;
}

describeDataPlaneCompliance('xdp', makeHarness, { canAdvance: true });
