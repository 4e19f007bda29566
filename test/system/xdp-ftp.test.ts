/** FTP through NAT beyond what single frames show (those are in fixtures/ftp.txt): what the director lists, and what becomes of templates. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { TraceFlow } from '../../src/ports/index.ts';
import { ip, real, tcp, VIP } from '../compliance/harness.ts';
import { buildFrame, type FrameFields } from './xdp-frames.ts';
import { Rig } from './xdp-support.ts';

const PLAIN = { scheduler: 'rr', schedulerFlags: [], onePacket: false } as const;
const SESSION: FrameFields = { destinationPort: 21, sourcePort: 40_000 };
const REPLY: FrameFields = { source: '10.2.0.1', sourcePort: 21, destination: '10.0.0.1', destinationPort: 40_000, flags: 'PA' };
const said = (text: string): Pick<FrameFields, 'payload'> => ({ payload: new TextEncoder().encode(`${text}\r\n`) });
const PASSIVE = { ...REPLY, ...said('227 Entering Passive Mode (10,2,0,1,195,80).') };

describe('FTP through NAT', () => {
  let rig: Rig;
  beforeAll(() => {
    rig = new Rig();
  });
  afterEach(() => rig.reset());
  afterAll(() => rig.close());

  const send = (...frames: readonly FrameFields[]): void => {
    for (const fields of frames) rig.run(buildFrame(fields));
  };
  const begin = (persistence?: { timeoutSeconds: number; prefixLength: number }, port = 21): void => {
    rig.plane.addService({ key: tcp(21), ...PLAIN, ...(persistence && { persistence }) });
    rig.plane.addServer(tcp(21), real(1, 1, { port, method: 'nat' }));
    send(SESSION, { ...REPLY, sourcePort: port, flags: 'SA' }, { ...SESSION, flags: 'A' });
  };
  const listing = (): string[] =>
    [...rig.plane.connections()]
      .map((c) => `${c.state} ${c.client}:${c.clientPort} ${c.virtual}:${c.virtualPort} ${c.server}:${c.serverPort}`)
      .sort();

  it('lists what is expected, from no client port yet, and what came of it', () => {
    begin();
    send(PASSIVE, { ...SESSION, ...said('PORT 10,0,0,1,195,81'), flags: 'PA' });
    expect(listing()).toEqual([
      'ESTABLISHED 10.0.0.1:40000 10.9.9.9:21 10.2.0.1:21',
      'LISTEN 10.0.0.1:0 10.9.9.9:50000 10.2.0.1:50000',
      'LISTEN 10.0.0.1:50001 10.9.9.9:20 10.2.0.1:20',
    ]);
    send({ sourcePort: 40_001, destinationPort: 50_000 });
    expect(listing()).toContain('SYN_RECV 10.0.0.1:40001 10.9.9.9:50000 10.2.0.1:50000');
    expect(listing()).toHaveLength(3);
    expect(rig.plane.services()[0]?.counters.connections).toBe(1n);
  });

  it('lists the ports of a server whose own is another one', () => {
    begin(undefined, 2121);
    send({ ...SESSION, ...said('EPRT |1|10.0.0.1|50001|'), flags: 'PA' });
    expect(listing()).toContain('LISTEN 10.0.0.1:50001 10.9.9.9:20 10.2.0.1:2120');
  });

  it('takes the last word: what was expected before of the same port is forgotten', () => {
    begin();
    send(PASSIVE, PASSIVE, PASSIVE);
    const [server] = rig.plane.services()[0]?.servers ?? [];
    expect([server?.activeConnections, server?.inactiveConnections]).toEqual([1, 1]);
  });

  it('keeps the template as long as data flows, which holds for every port', () => {
    begin({ timeoutSeconds: 60, prefixLength: 32 });
    expect(listing()).toContain('ASSURED 10.0.0.1:0 10.9.9.9:0 10.2.0.1:0');
    send(PASSIVE, { sourcePort: 40_001, destinationPort: 50_000 });
    send(
      { ...REPLY, sourcePort: 50_000, destinationPort: 40_001, flags: 'SA' },
      { sourcePort: 40_001, destinationPort: 50_000, flags: 'A' },
    );
    send({ ...SESSION, flags: 'R' });
    rig.advance(80);
    expect(listing()).toEqual(['ASSURED 10.0.0.1:0 10.9.9.9:0 10.2.0.1:0', 'ESTABLISHED 10.0.0.1:40001 10.9.9.9:50000 10.2.0.1:50000']);
    send({ sourcePort: 40_001, destinationPort: 50_000, flags: 'R' });
    rig.advance(80);
    expect(listing()).toEqual([]);
    expect(rig.plane.services()[0]?.servers[0]?.persistentConnections).toBe(0);
  });

  it('reads segments in which the answer is cut off, or that are longer than what is read, without harm', () => {
    begin();
    for (const text of [
      '2',
      '227',
      '227 ',
      `227 ${'1234,'.repeat(200)}`,
      `227 ${' '.repeat(240)}(10,2,0,1,195,80)`,
      '229 (|',
      `229 (|||${'9'.repeat(300)}|)`,
    ])
      expect(rig.run(buildFrame({ ...REPLY, ...said(text) })).verdict).toBe('TX');
    expect(listing()).toHaveLength(1);
  });

  it('is traced in all but the first packet of what is expected', async () => {
    const flow: TraceFlow = { protocol: 'tcp', source: ip('10.0.0.1'), sourcePort: 40_001, destination: VIP, destinationPort: 50_000 };
    // Loading the copy takes real time, in which connections would grow old.
    await rig.trace(flow);
    begin();
    send(PASSIVE);
    await expect(rig.trace(flow)).rejects.toMatchObject({ code: 'unsupported' });
    expect((await rig.trace({ ...flow, sourcePort: 40_000, destinationPort: 21 })).out?.packet).toContain('TCP 40000 > 21 ACK');
    send({ sourcePort: 40_001, destinationPort: 50_000 });
    const { fate, connection, out } = await rig.trace(flow);
    expect([fate, connection?.kind, out?.packet[2]]).toEqual(['forwarded', 'existing', 'TCP 40001 > 50000 ACK']);
  });
});
