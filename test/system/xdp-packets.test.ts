/** What the packet path does with one frame after another: each line says what comes in, what comes out, and what was counted. */
import { afterEach, describe, expect, it } from 'vitest';
import { possibleCpus } from '../../src/os/bpf/index.ts';
import { internetChecksum } from '../../src/wire/index.ts';
import { ip, real, tcp, udp } from '../compliance/harness.ts';
import {
  ANSWER,
  FIRST_FRAGMENT,
  type Fixture,
  FORWARDED,
  frameOf,
  icmpError,
  LATER_FRAGMENT,
  OPEN,
  PASSED,
  REFUSED,
} from './xdp-fixtures.ts';
import { buildFrame, DIRECTOR_MAC, macText, PROTOCOL, seeFrame } from './xdp-frames.ts';
import { hopTo, macOf, type Passage, Rig, type RigOptions } from './xdp-support.ts';

const SERVER = ip('10.2.0.1');
const ETHERNET_HEADER = 14;
const PLAIN = { scheduler: 'rr', schedulerFlags: [], onePacket: false } as const;

let rig: Rig | undefined;
afterEach(() => {
  rig?.close();
  rig = undefined;
});

/** TCP port 80 and UDP port 53, each with the one server 10.2.0.1. */
function ready(options: RigOptions = {}): Rig {
  rig = new Rig(options);
  rig.plane.addService({ key: tcp(80), ...PLAIN });
  rig.plane.addServer(tcp(80), real(1));
  rig.plane.addService({ key: udp(53), ...PLAIN });
  rig.plane.addServer(udp(53), real(1, 1, { port: 53 }));
  return rig;
}

/** The reasons that moved while `action` ran, each as often as it did. */
function reasonsOf(on: Rig, action: () => void): string[] {
  const before = on.plane.reasons();
  action();
  return Object.entries(on.plane.reasons()).flatMap(([name, count]) => Array<string>(count - (before[name] ?? 0)).fill(name));
}

/** Everything of the frame is as it was but for the Ethernet addresses, the TTL and the header's checksum. */
function expectForwarded(sent: Uint8Array, { verdict, frame }: Passage): void {
  expect(verdict).toBe('TX');
  const [before, after] = [seeFrame(sent), seeFrame(frame)];
  expect([after.destinationMac, after.sourceMac, after.ttl]).toEqual([macOf(SERVER), macText(DIRECTOR_MAC), before.ttl - 1]);
  expect(after.checksumRight).toBe(true);
  const blank = (bytes: Uint8Array): Uint8Array => {
    const copy = bytes.slice();
    copy.fill(0, 0, 12);
    copy.fill(0, ETHERNET_HEADER + 8, ETHERNET_HEADER + 9);
    copy.fill(0, ETHERNET_HEADER + 10, ETHERNET_HEADER + 12);
    return copy;
  };
  expect(blank(frame)).toEqual(blank(sent));
}

/** RFC 792: the error goes back to where the packet came from, and quotes its header and eight bytes. */
function expectIcmpError(sent: Uint8Array, { verdict, frame }: Passage, [type, code, info]: readonly [number, number, number]): void {
  expect(verdict).toBe('TX');
  const [before, after] = [seeFrame(sent), seeFrame(frame)];
  expect([after.destinationMac, after.sourceMac]).toEqual([before.sourceMac, before.destinationMac]);
  expect([after.source, after.destination, after.protocol]).toEqual([before.destination, before.source, PROTOCOL.icmp]);
  expect(after.checksumRight).toBe(true);
  expect(internetChecksum(after.body)).toBe(0);
  const view = new DataView(after.body.buffer, after.body.byteOffset);
  expect([view.getUint8(0), view.getUint8(1), view.getUint32(4)]).toEqual([type, code, info]);
  const quotedLength = ((sent[ETHERNET_HEADER] as number) & 15) * 4 + 8;
  expect(after.totalLength).toBe(28 + quotedLength);
  expect(frame.length).toBe(ETHERNET_HEADER + after.totalLength);
  expect(after.body.slice(8)).toEqual(sent.slice(ETHERNET_HEADER, ETHERNET_HEADER + quotedLength));
}

function check({ after = [], given, frame, output, reasons = [], resolve }: Fixture): void {
  const on = ready(resolve && { resolve });
  for (const fields of after) on.run(buildFrame(fields));
  given?.(on);
  const sent = frameOf(frame);
  const connections = [...on.plane.connections()].length;
  let passage: Passage | undefined;
  expect(
    reasonsOf(on, () => {
      passage = on.run(sent);
    }),
  ).toEqual(reasons);
  const result = passage as Passage;
  if (output === 'forwarded') return expectForwarded(sent, result);
  if (output === 'dropped') expect(result.verdict).toBe('DROP');
  else if (output === 'passed unchanged') {
    expect(result.verdict).toBe('PASS');
    expect(result.frame).toEqual(sent);
  } else expectIcmpError(sent, result, output);
  // A server that is known when the packet is refused has its connection all the same, as in IPVS.
  if (reasons.length === 0 || reasons[0]?.startsWith('PASS_NO')) expect([...on.plane.connections()]).toHaveLength(connections);
}

describe('frames that are forwarded', () => {
  it.each(FORWARDED)('$name', check);
});

describe('frames that are the stack’s', () => {
  it.each(PASSED)('$name', check);
});

describe('frames that are refused', () => {
  it.each(REFUSED)('$name', check);
});

describe('what is counted', () => {
  it('counts packets and bytes of the server from the IP header on, fragments and ICMP errors too', () => {
    const on = ready();
    for (const fields of [...OPEN, icmpError(3, ANSWER)]) on.run(buildFrame(fields));
    expect(on.plane.services()[0]?.counters).toMatchObject({
      connections: 1n,
      inPackets: 3n,
      inBytes: BigInt(40 + 40 + 28 + ANSWER.length),
    });
    for (const fields of [FIRST_FRAGMENT, LATER_FRAGMENT]) on.run(buildFrame(fields));
    expect(on.plane.services()[1]?.counters).toMatchObject({ connections: 1n, inPackets: 2n, inBytes: 44n + 36n });
  });

  it('counts nothing for what the stack gets', () => {
    const on = ready();
    for (const { frame, resolve } of PASSED) if (!resolve) on.run(frameOf(frame));
    for (const service of on.plane.services()) expect(service.counters).toMatchObject({ connections: 0n, inPackets: 0n, inBytes: 0n });
  });
});

describe('ways out', () => {
  it('leaves through the device map where sending back by the same port does not work', () => {
    const on = ready();
    const { settings, numbers, ports } = on.plane.path;
    settings.setU32(0, 'flags', numbers.settingsFlag.SETTING_TX_BY_REDIRECT as number);
    expect(on.run(buildFrame()).verdict).toBe('REDIRECT');
    const keys = Array.from(ports.keys());
    for (const key of keys) ports.delete(key);
    expect(reasonsOf(on, () => expect(on.run(buildFrame({ flags: 'A' })).verdict).toBe('DROP'))).toEqual(['DROP_REDIRECT_FAILED']);
  });

  it('follows a server whose MAC address changed', () => {
    let suffix = 1;
    const on = ready({ resolve: (address) => ({ ...hopTo(address), destinationMac: Uint8Array.of(2, 0, 0, 0, 0, suffix) }) });
    expect(seeFrame(on.run(buildFrame()).frame).destinationMac).toBe('02:00:00:00:00:01');
    suffix = 2;
    on.plane.resolveAll();
    expect(seeFrame(on.run(buildFrame({ flags: 'A' })).frame).destinationMac).toBe('02:00:00:00:00:02');
  });

  it('goes on using a way that is lost for a moment', () => {
    let known = true;
    const on = ready({ resolve: (address) => (known ? hopTo(address) : undefined) });
    known = false;
    on.plane.resolveAll();
    expectForwarded(buildFrame(), on.run(buildFrame()));
  });
});

describe('the plane', () => {
  it('still answers when it is closed, from what it knew', () => {
    const on = ready();
    on.run(buildFrame());
    on.plane.close();
    on.plane.tick();
    on.plane.resolveAll();
    expect(on.plane.services()).toHaveLength(2);
    expect([...on.plane.connections()]).toEqual([]);
  });

  it('refuses one-packet scheduling, SCTP, firewall marks and other methods', () => {
    const { plane } = ready();
    const ops = { key: udp(54), ...PLAIN, onePacket: true } as const;
    const sctp = { key: { kind: 'address', protocol: 'sctp', address: ip('10.9.9.9'), port: 1 }, ...PLAIN } as const;
    const mark = { key: { kind: 'fwmark', mark: 1, family: 4 }, ...PLAIN } as const;
    for (const service of [ops, sctp, mark]) expect(() => plane.addService(service)).toThrow(/this version/);
    expect(() => plane.addServer(tcp(80), real(2, 1, { method: 'fullnat' }))).toThrow(/does not forward by fullnat/);
    expect(plane.services()).toHaveLength(2);
    expect(plane.services()[0]?.servers).toHaveLength(1);
  });
});

describe('limits', () => {
  it('sends a thousand ICMP errors per second and CPU, and no more', () => {
    const on = ready();
    on.plane.editServer(tcp(80), real(1, 0));
    const verdicts = Array.from({ length: possibleCpus() * 1000 + 1 }, () => on.run(buildFrame()).verdict);
    expect(verdicts.slice(0, 1000)).not.toContain('DROP');
    expect(verdicts).toContain('DROP');
    expect(on.plane.reasons().DROP_REJECT_LIMITED).toBe(verdicts.filter((verdict) => verdict === 'DROP').length);
    on.advance(1);
    expect(on.run(buildFrame()).verdict).toBe('TX');
  });

  it('a full table overflows, then refuses; what is in it stays, and there is room again when its time is up', () => {
    const on = ready({ connections: 4 });
    const { path } = on.plane;
    const places = path.tableSize(4) + path.tableOf(4).overflow.shape.maxEntries;
    const open = (client: number): Passage => on.run(buildFrame({ sourcePort: 1000 + client }));
    const clients = Array.from({ length: places + 10 }, (_, client) => client);
    const entered = clients.filter((client) => open(client).verdict === 'TX');
    expect(entered.length).toBeGreaterThanOrEqual(path.tableOf(4).overflow.shape.maxEntries);
    expect(entered.length).toBeLessThanOrEqual(places);
    expect(on.plane.reasons().DROP_TABLE_FULL).toBe(clients.length - entered.length);
    expect([...on.plane.connections()]).toHaveLength(entered.length);
    expect(on.plane.services()[0]?.servers[0]).toMatchObject({ activeConnections: entered.length, inactiveConnections: 0 });
    for (const client of entered) expect(on.run(buildFrame({ sourcePort: 1000 + client, flags: 'A' })).verdict).toBe('TX');
    on.advance(902);
    expect([...on.plane.connections()]).toEqual([]);
    expect(path.settings.u32(0, 'overflow_count')).toBe(0);
    expect(on.plane.services()[0]?.servers[0]).toMatchObject({ activeConnections: 0, inactiveConnections: 0 });
    expect(open(1).verdict).toBe('TX');
  });
});
