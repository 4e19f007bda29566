/** What of the recorder can be tested without the virtual machine. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../paths.ts';
import { cpioArchive } from './cpio.ts';
import { craftedHistories } from './crafted-histories.ts';
import { frameOf } from './frames.ts';
import { clientOf, formatHistories, type History, parseHistories, serverKeyOf, virtualOf } from './histories.ts';
import { randomHistories } from './random-histories.ts';
import { answered, inProc, stepsOf } from './record-histories.ts';
import { stateSteps } from './record-states.ts';

const random = randomHistories(5);
const histories = [...random, ...craftedHistories(random.length + 1)];

/** As before it was recorded. */
function unanswered(history: History): History {
  const events = history.events.map((event) => ({ ...event, at: 0, ...(event.kind === 'new' && { chosen: [] }) }));
  return { ...history, events };
}

describe('histories', () => {
  it('come back from their text as they were', () => {
    const recorded = histories.map((history) =>
      answered(
        history,
        stepsOf(history).map((step, index) => ({
          atMs: 1000 + index * 10,
          ...(step.kind === 'send' && { found: step.lookUp.map(() => '') }),
        })),
      ),
    );
    expect(parseHistories(formatHistories(recorded))).toEqual(recorded);
  });

  it('of the recording are those that are drawn', () => {
    const text = readFileSync(join(projectRoot, 'test/golden/ipvs/histories-linux-6.1.192.txt'), 'utf8');
    const recorded = parseHistories(text);
    expect(recorded).toHaveLength(histories.length);
    const differing = recorded.filter(
      (history, index) => formatHistories([unanswered(history)]) !== formatHistories(histories.slice(index, index + 1)),
    );
    expect(differing.map(({ number }) => number)).toEqual([]);
  });

  it('have addresses and ports of their own for every client, target and server', () => {
    for (const history of histories.slice(0, 20)) {
      const clients = Array.from({ length: 300 }, (_, client) => clientOf(history, client));
      expect(new Set(clients.map(({ address, port }) => `${address} ${port}`)).size).toBe(300);
      expect(new Set(clients.map(({ address }) => `${address}`)).size).toBe(75);
    }
    const places = histories.flatMap((history) => [0, 1, 2, 3, 4].map((target) => `${virtualOf(history, target).address}`));
    expect(new Set(places).size).toBe(places.length);
    const [first] = histories as [History];
    expect(new Set([1, 2, 3, 4, 5, 6, 7].map((server) => `${serverKeyOf(first, server).address}`)).size).toBe(7);
  });

  it('are asked as ipvsadm and the kernel write things', () => {
    const marked = histories.find((history) => history.marked && history.family === 6)!;
    const [make] = stepsOf(marked);
    expect(make).toEqual({ kind: 'change', lines: [`-A -f ${marked.number} -6 -s ${marked.scheduler}`] });
    const persistent = histories.find((history) => history.persistence?.prefixLength === 16)!;
    expect(stepsOf(persistent)[0]).toMatchObject({ lines: [expect.stringContaining('-p 100 -M 255.255.0.0')] });
    expect([
      inProc(virtualOf({ ...marked, number: 1 }, 2).address),
      inProc(virtualOf({ ...marked, number: 1, family: 4 }, 2).address),
    ]).toEqual(['fd00:0128:0000:0000:0000:0000:0000:0102', '0A800102']);
  });
});

describe('state tables', () => {
  it('are asked one packet a state', () => {
    const sends = stateSteps().filter((step) => step.kind === 'send' && step.lookUp.length > 0);
    const packets = sends.map((step) => (step.kind === 'send' ? step.frames.length : 0));
    expect(packets.reduce((sum, count) => sum + count, 0)).toBe(11 * 5 * 3 * 2 + 14 * 10 * 3);
  });
});

describe('frames', () => {
  it('carry the packet behind an Ethernet header', () => {
    const [{ address: source }, { address: target }] = [clientOf(histories[0]!, 0), virtualOf(histories[0]!, 0)];
    const frame = frameOf({ protocol: 'tcp', source, sourcePort: 1024, target, targetPort: 80, flags: 'SA' });
    expect(frame.slice(0, 28)).toBe('0200000000010200000000020800');
    expect(frame.slice(-40)).toBe('0400005000000000000000005012000000000000');
    expect(frame).toHaveLength((14 + 20 + 20) * 2);
  });
});

describe('an initial RAM file system', () => {
  it('is a cpio archive of the new format', () => {
    const archive = Buffer.from(
      cpioArchive([
        { path: 'bin', mode: 0o755 },
        { path: 'bin/a', mode: 0o644, content: Buffer.from('hello') },
      ]),
    );
    const text = archive.toString('latin1');
    expect(archive.length % 4).toBe(0);
    expect(text.match(/070701/g)).toHaveLength(3);
    expect(text).toContain('TRAILER!!!\0');
    const second = text.indexOf('070701', 6);
    const field = (index: number): number => Number.parseInt(text.slice(second + 6 + index * 8, second + 14 + index * 8), 16);
    // Inode, mode, length, length of the name with its end.
    expect([field(0), field(1), field(6), field(11)]).toEqual([2, 0o100644, 5, 6]);
    expect(text.slice(second + 110, second + 116)).toBe('bin/a\0');
    expect(text.slice(second + 116, second + 121)).toBe('hello');
  });
});
