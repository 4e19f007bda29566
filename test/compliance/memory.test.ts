import { type Instant, seconds } from '../../src/base/index.ts';
import { MemoryDataPlane } from '../../src/dataplane/memory/index.ts';
import { serverKeyText } from '../../src/model/index.ts';
import type { Harness, Outcome, TestPacket } from './harness.ts';
import { describeDataPlaneCompliance } from './suite.ts';

function makeHarness(): Harness {
  let now: Instant = 0;
  const plane = new MemoryDataPlane({ clock: { now: () => now } });
  return {
    plane,
    send({ flags, ...packet }: TestPacket): Outcome {
      const has = (letter: string): boolean => flags.includes(letter);
      const verdict = plane.receive({ ...packet, flags: { syn: has('S'), ack: has('A'), fin: has('F'), rst: has('R') } });
      return verdict.kind === 'forward' ? serverKeyText(verdict.server) : verdict.kind;
    },
    advance(count: number): void {
      for (let second = 0; second < count; second++) {
        now += seconds(1);
        plane.tick();
      }
    },
    close: () => plane.close(),
  };
}

describeDataPlaneCompliance('memory', makeHarness, { canAdvance: true });
