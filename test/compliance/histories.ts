/** Replays histories recorded from the kernel on a data plane, and tells where it chose another server than the kernel. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  clientOf,
  type History,
  type HistoryEvent,
  parseHistories,
  serverKeyOf,
  serverOf,
  serviceOf,
  virtualOf,
} from '../../lab/kernel/histories.ts';
import { CACHE_LIFETIME_SECONDS } from '../../lab/kernel/random-histories.ts';
import { type Micros, seconds } from '../../src/base/index.ts';
import { type Protocol, SCHEDULER_NAMES, serverKeyText } from '../../src/model/index.ts';
import type { DataPlane } from '../../src/ports/index.ts';
import type { Outcome, TestPacket } from './harness.ts';

export interface ReplayPacket extends Omit<TestPacket, 'protocol'> {
  readonly protocol: Protocol;
  /** The types of an SCTP packet's chunks; empty for the others. */
  readonly chunks: readonly number[];
  /** Firewall mark; 0 is none. */
  readonly mark: number;
}

/** An empty, running data plane. */
export interface Stage {
  readonly plane: DataPlane;
  send(packet: ReplayPacket): Outcome;
  /** Lets whole seconds pass. */
  advance(seconds: number): void;
  /** Called once, when the history is over. */
  close(): void;
}

/** lblc_expiration and lblcr_expiration of the recorded kernel; a stage must have them. */
export const RECORDED_CACHE_LIFETIME: Micros = seconds(CACHE_LIFETIME_SECONDS);

const FLAGS = { new: 'S', ack: 'A', fin: 'FA', reset: 'R' } as const;
const SCTP_INIT = 1;
/** Bytes of an IPv6 and a TCP header: enough for every kind of packet. */
const LENGTH = 60;

const recording = new URL('../golden/ipvs/histories-linux-6.1.192.txt', import.meta.url);

/**
 * Declares one case for each recorded history that the data plane can run. `makeStage` gives an empty, running plane;
 * its `close` is called afterwards.
 */
export function describeHistories(makeStage: () => Stage, canRun: (history: History) => boolean = () => true): void {
  describe('histories recorded from Linux 6.1.192', () => {
    const histories = parseHistories(readFileSync(recording, 'utf8'));

    it('are of every scheduler that the kernel has, of every protocol and family', () => {
      expect(histories.length).toBeGreaterThanOrEqual(200);
      expect(new Set(histories.map(({ scheduler }) => scheduler))).toEqual(new Set(SCHEDULER_NAMES.filter((name) => name !== 'twos')));
      expect(new Set(histories.map(({ protocol, family }) => `${protocol} ${family}`)).size).toBe(6);
    });

    it.each(histories.filter(canRun).map((history) => [labelOf(history), history] as const))('%s', (_, history) => {
      const stage = makeStage();
      try {
        expect(replay(history, stage)).toEqual([]);
      } finally {
        stage.close();
      }
    });
  });
}

function labelOf({ number, scheduler, flags, protocol, family, marked, persistence }: History): string {
  return `${number}: ${[scheduler, ...flags].join(' ')}, ${protocol} over IPv${family}${marked ? ', marked' : ''}${persistence ? ', persistent' : ''}`;
}

/** One line for each event whose connections went elsewhere: what the kernel chose, and what was chosen here. */
function replay(history: History, stage: Stage): string[] {
  const { plane } = stage;
  plane.addService(serviceOf(history));
  const differences: string[] = [];
  let passed = 0;
  for (const event of history.events) {
    const whole = Math.floor(event.at - passed);
    if (whole > 0) stage.advance(whole);
    passed += Math.max(0, whole);
    const chosen = play(history, event, stage);
    if (event.kind !== 'new') continue;
    const wanted = event.chosen.map((server) => `${server ?? '-'}`).join(' ');
    if (chosen.join(' ') !== wanted) differences.push(`${event.at.toFixed(2)}: ${wanted} in the kernel, ${chosen.join(' ')} here`);
  }
  return differences;
}

/** The numbers of the servers that connections went to; `-` where none would take it. */
function play(history: History, event: HistoryEvent, stage: Stage): string[] {
  const { plane } = stage;
  const { key } = serviceOf(history);
  switch (event.kind) {
    case 'add':
      plane.addServer(key, serverOf(history, event));
      return [];
    case 'edit':
      plane.editServer(key, serverOf(history, event));
      return [];
    case 'delete':
      plane.deleteServer(key, serverKeyOf(history, event.server));
      return [];
    case 'wait':
      return [];
    default: {
      const names = new Map(history.events.map((other) => ('server' in other ? nameOf(history, other.server) : ['', ''])));
      return event.clients.map((client) => {
        const outcome = stage.send(packetOf(history, event, client));
        return outcome === 'drop' ? '-' : (names.get(outcome) ?? outcome);
      });
    }
  }
}

function nameOf(history: History, server: number): [Outcome, string] {
  return [serverKeyText(serverKeyOf(history, server)), String(server)];
}

function packetOf(history: History, event: HistoryEvent & { readonly kind: keyof typeof FLAGS }, client: number): ReplayPacket {
  const { address, port } = clientOf(history, client);
  const virtual = virtualOf(history, event.target);
  return {
    protocol: history.protocol,
    client: address,
    clientPort: port,
    virtual: virtual.address,
    virtualPort: virtual.port,
    flags: history.protocol === 'tcp' ? FLAGS[event.kind] : '',
    chunks: history.protocol === 'sctp' ? [SCTP_INIT] : [],
    mark: history.marked ? history.number : 0,
    length: LENGTH,
  };
}
