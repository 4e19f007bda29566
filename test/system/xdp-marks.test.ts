/** Firewall marks through the real packet path: which packets get which, and what IPVS does with them. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type IpPrefix, parsePrefix } from '../../src/base/index.ts';
import type { MarkRule, ServiceKey, VirtualService } from '../../src/model/index.ts';
import { DataPlaneError } from '../../src/ports/index.ts';
import { ip, real, tcp, VIP } from '../compliance/harness.ts';
import { buildFrame, type FrameFields, PROTOCOL, seeFrame } from './xdp-frames.ts';
import { Rig } from './xdp-support.ts';

const MARK = 7;
const MARKED: ServiceKey = { kind: 'fwmark', mark: MARK, family: 4 };
const MARKED6: ServiceKey = { kind: 'fwmark', mark: MARK, family: 6 };
const WHOLE = 0xffff_ffff;
const LOOPBACK = 'lo';
const NAT_SERVER = ip('10.2.0.50');

const prefix = (text: string): IpPrefix => parsePrefix(text) as IpPrefix;
const rule = (more: Partial<MarkRule> = {}): MarkRule => ({ family: 4, set: { value: MARK, mask: WHOLE }, ends: false, ...more });
const to = (text: string): Partial<MarkRule> => ({ destination: prefix(text) });
const service = (key: ServiceKey, more: Partial<VirtualService> = {}): VirtualService => ({
  key,
  scheduler: 'rr',
  schedulerFlags: [],
  onePacket: false,
  ...more,
});

let rig: Rig;
beforeAll(() => {
  rig = new Rig();
});
afterAll(() => rig.close());
afterEach(() => {
  rig.plane.setMarkRules([]);
  rig.reset();
});

/** Which server, by its last number, or what else became of the frame. */
function send(fields: FrameFields): string {
  const { verdict, frame } = rig.run(buildFrame(fields));
  if (verdict !== 'TX') return verdict;
  const seen = seeFrame(frame);
  return seen.protocol === PROTOCOL.icmp || seen.protocol === PROTOCOL.icmp6 ? 'ICMP' : String(frame[5]);
}

interface Case {
  readonly name: string;
  readonly rules: readonly MarkRule[];
  readonly hit?: readonly FrameFields[];
  readonly miss?: readonly FrameFields[];
}

const CASES: readonly Case[] = [
  {
    name: 'one address',
    rules: [rule(to('10.9.9.9'))],
    hit: [{}, { destinationPort: 1234 }, { protocol: PROTOCOL.udp }],
    miss: [{ destination: '10.9.9.8' }],
  },
  {
    name: 'a network of few addresses',
    rules: [rule(to('10.9.9.0/28'))],
    hit: [{}, { destination: '10.9.9.1' }],
    miss: [{ destination: '10.9.9.17' }],
  },
  {
    name: 'a large network',
    rules: [rule(to('10.0.0.0/8'))],
    hit: [{}, { destination: '10.250.1.1' }],
    miss: [{ destination: '11.0.0.1' }],
  },
  { name: 'everything', rules: [rule()], hit: [{}, { destination: '203.0.113.7', destinationPort: 9 }], miss: [] },
  { name: 'a source', rules: [rule({ source: prefix('10.0.0.0/24') })], hit: [{}], miss: [{ source: '10.0.1.1' }] },
  { name: 'a protocol', rules: [rule({ protocols: ['tcp'] })], hit: [{}], miss: [{ protocol: PROTOCOL.udp }] },
  {
    name: 'two protocols',
    rules: [rule({ protocols: ['tcp', 'udp'] })],
    hit: [{}, { protocol: PROTOCOL.udp, destination: '10.9.9.8' }],
    miss: [],
  },
  {
    name: 'ports',
    rules: [
      rule({
        protocols: ['tcp'],
        ports: [
          { first: 80, last: 80 },
          { first: 8000, last: 8010 },
        ],
      }),
    ],
    hit: [{}, { destinationPort: 8000 }, { destinationPort: 8010 }],
    miss: [{ destinationPort: 81 }, { destinationPort: 7999 }, { destinationPort: 8011 }],
  },
  {
    name: 'fifteen ports',
    rules: [rule({ ports: Array.from({ length: 15 }, (_, at) => ({ first: 100 + 2 * at, last: 100 + 2 * at })) })],
    hit: [{ destinationPort: 100 }, { destinationPort: 128 }],
    miss: [{ destinationPort: 127 }, { destinationPort: 130 }],
  },
  { name: 'the interface', rules: [rule({ interface: LOOPBACK })], hit: [{}] },
  { name: 'an interface that is not there', rules: [rule({ interface: 'nowhere0' })], miss: [{}] },
  {
    name: 'a later rule that changes the mark',
    rules: [rule(), rule({ protocols: ['udp'], set: { value: 8, mask: WHOLE } })],
    hit: [{}],
    miss: [{ protocol: PROTOCOL.udp }],
  },
  {
    name: 'a rule that ends the chain before',
    rules: [{ family: 4, source: prefix('10.0.0.9/32'), ends: true }, rule()],
    hit: [{}],
    miss: [{ source: '10.0.0.9' }],
  },
  {
    name: 'bits of a mark, one after the other',
    rules: [rule({ set: { value: 3, mask: 0xf } }), rule({ set: { value: 4, mask: 4 } })],
    hit: [{}],
  },
  { name: 'another mark', rules: [rule({ set: { value: 8, mask: WHOLE } })], miss: [{}] },
  { name: 'a rule of IPv6', rules: [rule({ family: 6 })], miss: [{}] },
];

describe('a service of a mark gets what the rules give it:', () => {
  it.each(CASES.map((one) => [one.name, one] as const))('%s', (_, { rules, hit = [], miss = [] }) => {
    rig.plane.setMarkRules(rules);
    rig.plane.addService(service(MARKED));
    rig.plane.addServer(MARKED, real(1, 1, { port: 0 }));
    expect(hit.map(send)).toEqual(hit.map(() => '1'));
    expect(miss.map(send)).toEqual(miss.map(() => 'PASS'));
    // Without its service the mark means nothing.
    rig.plane.deleteService(MARKED);
    rig.advance(1);
    expect(hit.map((fields, at) => send({ ...fields, sourcePort: 50_000 + at }))).toEqual(hit.map(() => 'PASS'));
  });
});

describe('as in IPVS', () => {
  it('a mark goes before address and port, and a known connection before both', () => {
    rig.plane.addService(service(tcp(80)));
    rig.plane.addServer(tcp(80), real(9));
    expect(send({})).toBe('9');
    rig.plane.setMarkRules([rule(to(String(VIP)))]);
    rig.plane.addService(service(MARKED));
    rig.plane.addServer(MARKED, real(1, 1, { port: 0 }));
    expect([send({ flags: 'A' }), send({ sourcePort: 40_001 })]).toEqual(['9', '1']);
  });

  it('the server’s port replaces the packet’s, unless it is 0 or the service is persistent', () => {
    const port = (fields: FrameFields): number => {
      const { body } = seeFrame(rig.run(buildFrame(fields)).frame);
      return ((body[2] as number) << 8) | (body[3] as number);
    };
    rig.plane.setMarkRules([rule(to(String(VIP)))]);
    rig.plane.addService(service(MARKED));
    rig.plane.addServer(MARKED, { ...real(1), address: NAT_SERVER, port: 8080, method: 'nat' });
    expect(port({ destinationPort: 81 })).toBe(8080);
    rig.plane.editService(service(MARKED, { persistence: { timeoutSeconds: 60, prefixLength: 32 } }));
    expect(port({ destinationPort: 82, sourcePort: 40_001 })).toBe(82);
    rig.plane.editService(service(MARKED));
    rig.plane.deleteServer(MARKED, { address: NAT_SERVER, port: 8080 });
    rig.plane.addServer(MARKED, { ...real(1), address: NAT_SERVER, port: 0, method: 'nat' });
    expect(port({ destinationPort: 83, sourcePort: 40_002 })).toBe(83);
  });

  it('a persistent client stays with its server over addresses, ports and protocols; the template shows the mark', () => {
    rig.plane.setMarkRules([rule(to('10.9.9.0/24'))]);
    rig.plane.addService(service(MARKED, { persistence: { timeoutSeconds: 60, prefixLength: 24 } }));
    for (const last of [1, 2]) rig.plane.addServer(MARKED, real(last, 1, { port: 0 }));
    const packets: FrameFields[] = [
      {},
      { destinationPort: 443, sourcePort: 2 },
      { destination: '10.9.9.8', sourcePort: 3 },
      { protocol: PROTOCOL.udp, source: '10.0.0.77' },
    ];
    expect(packets.map(send)).toEqual(['2', '2', '2', '2']);
    expect(send({ source: '10.0.1.1' })).toBe('1');
    const templates = [...rig.plane.connections()].filter(({ clientPort }) => clientPort === 0);
    expect(
      templates
        .map(({ protocol, client, virtual, virtualPort, serverPort }) => `${protocol} ${client} ${virtual}:${virtualPort} ${serverPort}`)
        .sort(),
    ).toEqual(['ip 10.0.0.0 0.0.0.7:0 0', 'ip 10.0.1.0 0.0.0.7:0 0']);
  });

  it('over IPv6, a service of its own', () => {
    rig.plane.setMarkRules([rule({ family: 6, destination: prefix('fd00:9::/32'), protocols: ['tcp'] })]);
    rig.plane.addService(service(MARKED6, { persistence: { timeoutSeconds: 60, prefixLength: 64 } }));
    for (const last of [1, 2]) rig.plane.addServer(MARKED6, real(last, 1, { port: 0, address: ip(`fd00:2::${last}`) }));
    const packets: FrameFields[] = [
      { destination: 'fd00:9::9' },
      { destination: 'fd00:9::8', sourcePort: 2 },
      { destination: 'fd00:9::8', source: 'fd00::2' },
    ];
    expect(packets.map(send)).toEqual(['2', '2', '2']);
    expect(send({ destination: 'fd00:9::9', source: 'fd00:0:0:1::1' })).toBe('1');
    expect(send({ destination: 'fd01::9' })).toBe('PASS');
    expect([...rig.plane.connections()].filter(({ protocol }) => protocol === 'ip').map(({ virtual }) => String(virtual))).toEqual([
      '0:7::',
      '0:7::',
    ]);
  });

  it('no server: the client is told', () => {
    rig.plane.setMarkRules([rule()]);
    rig.plane.addService(service(MARKED));
    expect(send({})).toBe('ICMP');
  });
});

describe('where every address may be marked', () => {
  function everything(): void {
    rig.plane.setMarkRules([rule({ protocols: ['tcp', 'udp'], ports: [{ first: 80, last: 80 }] })]);
    rig.plane.addService(service(MARKED));
    rig.plane.addServer(MARKED, { ...real(1), address: NAT_SERVER, port: 0, method: 'nat' });
  }

  it('replies of masqueraded servers find their clients', () => {
    everything();
    const request = { destination: '203.0.113.9' };
    expect([send(request), send({ ...request, flags: 'A' })]).toEqual(['50', '50']);
    const reply: FrameFields = { source: String(NAT_SERVER), sourcePort: 80, destination: '10.0.0.1', destinationPort: 40_000 };
    for (const flags of ['SA', 'A']) {
      const { verdict, frame } = rig.run(buildFrame({ ...reply, flags }));
      expect([verdict, seeFrame(frame).source]).toEqual(['TX', '203.0.113.9']);
    }
    expect(send({ ...reply, destinationPort: 1 })).toBe('PASS');
  });

  it('fragments follow their first one, both ways', () => {
    everything();
    const request: FrameFields = { protocol: PROTOCOL.udp, destination: '203.0.113.9', payload: new Uint8Array(16), identification: 5 };
    expect(send({ ...request, fragmentOffset: 3 })).toBe('PASS');
    expect(send({ ...request, moreFragments: true })).toBe('50');
    expect(send({ ...request, fragmentOffset: 3 })).toBe('50');
    const reply: FrameFields = {
      ...request,
      source: String(NAT_SERVER),
      sourcePort: 80,
      destination: '10.0.0.1',
      destinationPort: 40_000,
      identification: 6,
    };
    const seen = [{ moreFragments: true }, { fragmentOffset: 3 }].map(
      (more) => seeFrame(rig.run(buildFrame({ ...reply, ...more })).frame).source,
    );
    expect(seen).toEqual(['203.0.113.9', '203.0.113.9']);
  });

  it('what is none of ours passes as it came: other machines, protocols, ports, echoes and the middle of connections', () => {
    everything();
    const frames: FrameFields[] = [
      { destinationMac: Uint8Array.of(2, 9, 9, 9, 9, 9) },
      { protocol: 47, payload: new Uint8Array(8) },
      { destinationPort: 81 },
      { protocol: PROTOCOL.icmp },
      { flags: 'A' },
      { destination: 'fd00::5' },
      { destination: 'fd00::5', protocol: PROTOCOL.icmp6, icmpType: 128 },
      { destination: 'fd00::5', fragmentOffset: 3 },
    ];
    for (const fields of frames) {
      const frame = buildFrame(fields);
      const passed = rig.run(frame);
      expect([passed.verdict, Buffer.from(passed.frame).equals(Buffer.from(frame))]).toEqual(['PASS', true]);
    }
  });
});

it('trace knows marks', async () => {
  rig.plane.setMarkRules([rule(to('10.9.0.0/16'))]);
  rig.plane.addService(service(MARKED, { persistence: { timeoutSeconds: 60, prefixLength: 24 } }));
  for (const last of [1, 2]) rig.plane.addServer(MARKED, real(last, 1, { port: 0 }));
  const flow = { protocol: 'tcp', source: ip('10.0.0.1'), sourcePort: 1, destination: VIP, destinationPort: 80 } as const;
  expect(await rig.trace(flow)).toMatchObject({
    fate: 'forwarded',
    service: 'FWM 7',
    template: { kind: 'new' },
    server: { server: '10.2.0.2:0', by: 'scheduler' },
  });
  send({ source: '10.0.0.9' });
  expect(await rig.trace(flow)).toMatchObject({ template: { kind: 'existing' }, server: { server: '10.2.0.2:0', by: 'template' } });
});

it('more rules than there is room for are refused, and those in use stay', () => {
  rig.plane.setMarkRules([rule(to(String(VIP)))]);
  rig.plane.addService(service(MARKED));
  rig.plane.addServer(MARKED, real(1, 1, { port: 0 }));
  const tooMany = Array.from({ length: 257 }, () => rule({ set: { value: 9, mask: WHOLE } }));
  expect(() => rig.plane.setMarkRules(tooMany)).toThrow(DataPlaneError);
  expect(send({})).toBe('1');
  rig.plane.setMarkRules(tooMany.slice(1));
  expect(send({ sourcePort: 2 })).toBe('PASS');
});
