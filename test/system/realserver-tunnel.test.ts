/**
 * The real server's end of a tunnel: what bpf/realserver.bpf.c takes out of tunnels and what it leaves alone, run on frames in the kernel;
 * and that the command puts it on an interface and takes it off without a trace. Real traffic is in lab-forwarding.test.ts.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { IpAddress, Random } from '../../src/base/index.ts';
import { type Decapsulator, LinuxRealServerHost, loadDecapsulator, readCounts, realServer } from '../../src/cli/realserver/index.ts';
import type { BpfObject } from '../../src/os/bpf/index.ts';
import { writeSysctl } from '../../src/os/sysctl/index.ts';
import { internetChecksum } from '../../src/wire/index.ts';
import { inNamespace, isRoot, run, VethPair } from './support.ts';
import { buildFrame, buildPacket, type FrameFields } from './xdp-frames.ts';
import { OBJECT_PATH as DIRECTOR_OBJECT } from './xdp-support.ts';

const OBJECT_PATH = join(DIRECTOR_OBJECT, '../realserver.bpf.o');
const DIRECTOR = '10.2.0.1';
const HOST = '10.2.0.22';
const VIP = '10.9.9.9';
const GUE_PORT = 6080;
/** What the stack, or another filter, goes on with. */
const GO_ON = 0xffff_ffff;
const DROPPED = 2;
/** Test runs arrive on the loopback interface, whose MAC address is all zeros. */
const FOR_US = new Uint8Array(6);
const ETHERNET_HEADER = 14;
/** Test runs refuse frames without a whole IP header. */
const SHORTEST_RUN = 54;
const MUTANTS = 20_000;

type Kind = Decapsulator['type'];
const KINDS: readonly Kind[] = ['ipip', 'gue', 'gre'];
const PROTOCOLS: Readonly<Record<Kind, number>> = { ipip: 4, gue: 17, gre: 47 };

const settings = (type: Kind): Decapsulator => ({
  type,
  port: type === 'gue' ? GUE_PORT : 0,
  directors: [DIRECTOR, 'fd00:2::1'],
  hosts: [HOST, 'fd00:2::22'],
  vips: [VIP, 'fd00::100'],
});

/** The outer headers between Ethernet and what is inside. */
interface Wrapping extends FrameFields {
  readonly innerProtocol?: number;
  readonly port?: number;
  readonly greFlags?: number;
  readonly gueFirst?: number;
  readonly gueFlags?: number;
}

function wrapped(kind: Kind, inner: Uint8Array, fields: Wrapping = {}): Uint8Array {
  const innerProtocol = fields.innerProtocol ?? ((inner[0] as number) >> 4 === 6 ? 41 : 4);
  const word = (value: number): number[] => [value >> 8, value & 255];
  const between = {
    ipip: [],
    gre: [...word(fields.greFlags ?? 0), ...word(innerProtocol === 41 ? 0x86dd : 0x0800)],
    gue: [
      50_000,
      fields.port ?? GUE_PORT,
      12 + inner.length,
      0,
      ((fields.gueFirst ?? 0) << 8) | innerProtocol,
      fields.gueFlags ?? 0,
    ].flatMap(word),
  }[kind];
  const payload = Uint8Array.of(...between, ...inner);
  const base = { destinationMac: FOR_US, source: DIRECTOR, destination: HOST, fragmentOffset: 0, ...fields };
  const frame = buildFrame({ ...base, protocol: 250, payload });
  frame[ETHERNET_HEADER + 9] = fields.protocol ?? (kind === 'ipip' ? innerProtocol : PROTOCOLS[kind]);
  return withChecksum(frame);
}

function withChecksum(frame: Uint8Array): Uint8Array {
  const header = frame.subarray(ETHERNET_HEADER, ETHERNET_HEADER + ((frame[ETHERNET_HEADER] as number) & 15) * 4);
  header.set([0, 0], 10);
  new DataView(header.buffer, header.byteOffset).setUint16(10, internetChecksum(header));
  return frame;
}

/** A datagram between IPv6 addresses. */
function packet6(destination: string): Uint8Array {
  const bytes = new Uint8Array(48);
  bytes.set([0x60, 0, 0, 0, 0, 8, 17, 63]);
  bytes.set(IpAddress.parse('fd00::5')?.bytes ?? [], 8);
  bytes.set(IpAddress.parse(destination)?.bytes ?? [], 24);
  bytes.set([0x9c, 0x40, 0, 53, 0, 8, 0, 0], 40);
  return bytes;
}

function withTos(bytes: Uint8Array, at: number, tos: number): Uint8Array {
  bytes[at + 1] = tos;
  return at === 0 ? bytes : withChecksum(bytes);
}

describe.runIf(isRoot())('the program', () => {
  let object: BpfObject | undefined;
  afterEach(() => {
    object?.close();
    object = undefined;
  });

  const load = (decapsulator: Decapsulator): BpfObject => {
    object = loadDecapsulator(OBJECT_PATH, decapsulator);
    return object;
  };
  const runOn = (frame: Uint8Array) => (object as BpfObject).program('decapsulate').testRun({ data: frame });
  const counted = (): Record<string, number> =>
    Object.fromEntries(Object.entries(readCounts(object!.btf, object!.map('decap_counts'))).filter(([, count]) => count > 0));

  describe.each(KINDS)('%s', (kind) => {
    const inner = buildPacket({ source: '192.0.2.7', payload: new Uint8Array(33).fill(7) });

    it.each([
      ['a packet', inner, {}],
      ['a packet behind IP options', inner, { options: Uint8Array.of(1, 1, 1, 0) }],
      ['a packet that may not be cut', inner, { dontFragment: true }],
      ['a packet with options inside', buildPacket({ options: Uint8Array.of(1, 1, 1, 0) }), {}],
      ['a fragment inside', buildPacket({ fragmentOffset: 5, moreFragments: true }), {}],
      ['IPv6', packet6('fd00::100'), {}],
    ] as const)('takes %s out', (_, packet, fields) => {
      load(settings(kind));
      const frame = wrapped(kind, packet, fields);
      const { verdict, data } = runOn(frame);
      expect(verdict).toBe(GO_ON);
      expect(data.subarray(0, 12)).toEqual(frame.subarray(0, 12));
      expect([...data.subarray(12, 14)]).toEqual((packet[0] as number) >> 4 === 6 ? [0x86, 0xdd] : [8, 0]);
      expect(data.subarray(ETHERNET_HEADER)).toEqual(packet);
      expect(counted()).toEqual({ taken: 1 });
    });

    const short = inner.slice(0, 19);
    const untouched: [string, Uint8Array, Record<string, number>][] = [
      ['from a stranger', wrapped(kind, inner, { source: '10.2.0.9' }), { stranger: 1 }],
      ['to another host', wrapped(kind, inner, { destination: '10.2.0.23' }), {}],
      ['to another MAC address', wrapped(kind, inner, { destinationMac: Uint8Array.of(2, 0, 0, 0, 0, 9) }), {}],
      ['to an address inside that is no VIP', wrapped(kind, buildPacket({ destination: HOST })), { not_virtual: 1 }],
      ['to an IPv6 address inside that is no VIP', wrapped(kind, packet6('fd00::1')), { not_virtual: 1 }],
      ['a first fragment outside', wrapped(kind, inner, { moreFragments: true }), { fragment: 1 }],
      ['a later fragment outside', wrapped(kind, inner, { fragmentOffset: 3 }), kind === 'gue' ? {} : { fragment: 1 }],
      ['cut off inside', wrapped(kind, short), { malformed: 1 }],
      ['longer inside than outside', wrapped(kind, inner.slice(0, -1)), { malformed: 1 }],
      ['another version inside', wrapped(kind, withTos(inner.slice().fill(0x55, 0, 1), 0, 0), { innerProtocol: 4 }), { malformed: 1 }],
      ['ordinary TCP', buildFrame({ destinationMac: FOR_US, destination: HOST }), {}],
    ];
    it.each(untouched)('leaves alone what is %s', (_, frame, counts) => {
      load(settings(kind));
      const { verdict, data } = runOn(frame);
      expect(verdict).toBe(GO_ON);
      expect(data).toEqual(frame);
      expect(counted()).toEqual(counts);
    });

    it('takes from everybody where everybody is let in', () => {
      load({ ...settings(kind), directors: 'any' });
      expect(runOn(wrapped(kind, inner, { source: '203.0.113.5' })).data.subarray(ETHERNET_HEADER)).toEqual(inner);
    });

    it.each([
      [0, 0, 0, 'taken'],
      [3, 1, 3, 'taken'],
      [3, 2, 3, 'taken'],
      [1, 2, 2, 'taken'],
      [3, 0, undefined, 'congestion'],
    ])('ECN %i outside and %i inside becomes %s', (outside, inside, expected, count) => {
      load(settings(kind));
      const packet = buildPacket();
      const marked = withChecksum(Uint8Array.of(...new Uint8Array(ETHERNET_HEADER), ...withTos(packet, 0, inside))).subarray(
        ETHERNET_HEADER,
      );
      const { verdict, data } = runOn(withTos(wrapped(kind, marked), ETHERNET_HEADER, outside));
      expect(counted()).toEqual({ [count]: 1 });
      if (expected === undefined) return expect(verdict).toBe(DROPPED);
      expect((data[ETHERNET_HEADER + 1] as number) & 3).toBe(expected);
      expect(internetChecksum(data.subarray(ETHERNET_HEADER, ETHERNET_HEADER + 20))).toBe(0);
    });

    it('of whatever else comes, takes out nothing but packets for a VIP, of its kind, from a director', () => {
      load(settings(kind));
      const random = new Random(7);
      const frames = [wrapped(kind, inner), wrapped(kind, packet6('fd00::100')), ...untouched.map(([, frame]) => frame)];
      for (let round = 0; round < MUTANTS; round++) {
        const frame = (frames[random.below(frames.length)] as Uint8Array).slice();
        for (let flips = random.below(4); flips >= 0; flips--) frame[12 + random.below(frame.length - 12)] = random.below(256);
        const sent = random.chance(0.3) ? frame.subarray(0, random.between(SHORTEST_RUN, frame.length)) : frame;
        const { data } = runOn(sent);
        if (data.length === sent.length) continue;
        expect([String(IpAddress.fromBytes(sent.slice(26, 30))), String(IpAddress.fromBytes(sent.slice(30, 34)))]).toEqual([
          DIRECTOR,
          HOST,
        ]);
        const isV6 = data[12] === 0x86;
        const destination = IpAddress.fromBytes(data.slice(...(isV6 ? [38, 54] : [30, 34])));
        expect(String(destination)).toBe(isV6 ? 'fd00::100' : VIP);
      }
    });
  });

  it.each([
    ['GRE with a key', 'gre', { greFlags: 0x2000 }, { malformed: 1 }],
    ['GRE with a checksum', 'gre', { greFlags: 0x8000 }, { malformed: 1 }],
    ['GUE of another version', 'gue', { gueFirst: 0x40 }, { malformed: 1 }],
    ['a GUE control message', 'gue', { gueFirst: 0x20 }, { malformed: 1 }],
    ['GUE with options', 'gue', { gueFirst: 1, gueFlags: 0x8000 }, { malformed: 1 }],
    ['another UDP port', 'gue', { port: 6081 }, {}],
  ] as const)('leaves alone %s', (_, kind, fields, counts) => {
    load(settings(kind));
    const frame = wrapped(kind, buildPacket(), fields);
    expect(runOn(frame).data).toEqual(frame);
    expect(counted()).toEqual(counts);
  });
});

describe.runIf(isRoot())('the command', () => {
  let pair: VethPair;
  let folder: string;
  const vips = [VIP, 'fd00::100'].map((text) => IpAddress.parse(text) as IpAddress);
  const tunnel = { type: 'ipip', port: 0, directors: [IpAddress.parse('192.168.18.202') as IpAddress] } as const;

  beforeAll(() => {
    pair = new VethPair('rst');
    folder = mkdtempSync(join(tmpdir(), 'vipwright-realserver-'));
    inNamespace(pair.first, () => {
      for (const name of ['all', 'eth0']) writeSysctl(['net', 'ipv4', 'conf', name, 'rp_filter'], 1);
      writeSysctl(['net', 'ipv6', 'conf', 'eth0', 'disable_ipv6'], 1);
    });
  });
  afterAll(() => {
    pair.remove();
    rmSync(folder, { recursive: true });
  });

  const act = (action: 'start' | 'stop' | 'status') =>
    inNamespace(pair.first, () => {
      const host = new LinuxRealServerHost(join(folder, 'realserver.json'), dirname(OBJECT_PATH));
      try {
        return realServer(action === 'start' ? { action, vips, tunnel } : { action }, host);
      } finally {
        host.close();
      }
    });
  const trace = (): string =>
    [
      run('ip', '-n', pair.first, 'addr'),
      run('tc', '-n', pair.first, 'qdisc', 'show'),
      run('tc', '-n', pair.first, 'filter', 'show', 'dev', 'eth0', 'ingress'),
      run('ip', 'netns', 'exec', pair.first, 'sysctl', '-a', '-r', 'net.ipv4.conf'),
    ].join('\n');

  it('starts once, tells what it goes by, and leaves nothing behind', () => {
    const before = trace();
    expect(act('start')).toMatchObject({ state: 'running', mode: 'tun' });
    expect(act('start').changes).toEqual([]);
    expect(trace()).toContain('name decapsulate');
    const zeros = { taken: 0, stranger: 0, not_virtual: 0, fragment: 0, malformed: 0, congestion: 0, refused: 0 };
    expect(act('status').decapsulators).toEqual([
      {
        interface: 'eth0',
        type: 'ipip',
        port: 0,
        directors: ['192.168.18.202'],
        hosts: ['192.168.18.201'],
        vips: vips.map(String),
        counts: zeros,
      },
    ]);
    expect(act('stop').state).toBe('stopped');
    expect(trace()).toBe(before);
  });

  it('leaves a discipline on which somebody else has put a filter', () => {
    act('start');
    run('ip', 'netns', 'exec', pair.first, 'tc', 'filter', 'add', 'dev', 'eth0', 'egress', 'bpf', 'da', 'obj', OBJECT_PATH, 'sec', 'tc');
    act('stop');
    expect(run('tc', '-n', pair.first, 'qdisc', 'show', 'dev', 'eth0')).toContain('clsact');
    expect(run('tc', '-n', pair.first, 'filter', 'show', 'dev', 'eth0', 'ingress')).toBe('');
    run('tc', '-n', pair.first, 'qdisc', 'del', 'dev', 'eth0', 'clsact');
  });

  it('says what is missing after somebody took it off, and starts again', () => {
    const before = trace();
    act('start');
    run('tc', '-n', pair.first, 'qdisc', 'del', 'dev', 'eth0', 'clsact');
    expect(act('status')).toMatchObject({ state: 'partly', problems: [{ code: 'realserver/decapsulator-missing' }] });
    expect(act('start').state).toBe('running');
    act('stop');
    expect(trace()).toBe(before);
  });
});
