/** The how-tos' scenarios, with their own configuration files: what happens, and the story that the log tells of it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseScenario, projectRoot } from '../../lab/index.ts';
import { Player } from '../../lab/scenario/play.ts';
import { JsonReport } from '../../lab/scenario/report.ts';

interface Summary {
  readonly steps: readonly {
    readonly title: string;
    readonly failure?: string;
    readonly expectations: readonly { readonly text: string; readonly held: boolean; readonly detail: string }[];
  }[];
}

/** Plays one of lab/scenarios; returns how many expectations held, and all that went otherwise. */
async function playThrough(name: string): Promise<{ readonly held: number; readonly complaints: readonly string[] }> {
  const file = join(projectRoot, `lab/scenarios/${name}.scenario`);
  const scenario = parseScenario(readFileSync(file, 'utf8'), file);
  const report = new JsonReport();
  const player = new Player(scenario, file, report);
  try {
    await player.setUp();
    const result = await player.play();
    const { steps } = JSON.parse(report.summary(scenario.title, result)) as Summary;
    const complaints = steps.flatMap((step) => [
      ...(step.failure === undefined ? [] : [`${step.title}: ${step.failure}`]),
      ...step.expectations.filter(({ held }) => !held).map(({ text, detail }) => `${step.title}: ${text}: ${detail}`),
    ]);
    return { held: result.held, complaints };
  } finally {
    await player.tearDown();
  }
}

describe("the pages' scenarios", () => {
  it('001: a sync group moves from one director to the other as a whole, and back', async () => {
    const { held, complaints } = await playThrough('seed-001');
    expect(complaints).toEqual([]);
    expect(held).toBe(35);
  });

  it('003: two masters, a failing script moves a VIP and its success gives it back, in both directions', async () => {
    const { held, complaints } = await playThrough('seed-003');
    expect(complaints).toEqual([]);
    expect(held).toBe(38);
  });

  it('003: two masters with two virtual services', async () => {
    const { held, complaints } = await playThrough('seed-003-lvs');
    expect(complaints).toEqual([]);
    expect(held).toBe(18);
  });

  it('004: masquerading, with the VIP as the real servers’ gateway', async () => {
    const { held, complaints } = await playThrough('seed-004-nat');
    expect(complaints).toEqual([]);
    expect(held).toBe(5);
  });
});
