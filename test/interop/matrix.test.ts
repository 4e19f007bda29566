/**
 * Ours against keepalived 2.2.7 and against FRR's vrrpd in every way that both sides can speak, all of it at once: one daemon on each of
 * three machines of one segment, with two virtual routers for each combination. What befalls a machine befalls all its routers, and a model
 * of the rules says for each of them who must be the master then.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { judgePackets, projectRoot, until } from '../../lab/index.ts';
import type { VrrpStatusReport } from '../../src/api/index.ts';
import { errorsCountedBy } from './keepalived-peer.ts';
import { CELLS, labelOf, type MatrixRouter, Oracle, REASONS, ROUTERS, reasonFor, type Side } from './matrix-cells.ts';
import { frrRouter, instance } from './matrix-configuration.ts';
import { CAPTURE, type Host, MatrixBed } from './matrix-hosts.ts';
import { COLUMNS, type Column, Outcomes } from './matrix-report.ts';
import { wireOf } from './matrix-wire.ts';

/** Generous: a busy machine. The slowest change is a version 2 takeover by silence, 3.6 s. */
const SETTLED_WITHIN_MS = 45_000;
const QUIET_MS = 60_000;

let bed: MatrixBed;
const oracle = new Oracle();
const outcomes = new Outcomes();

beforeAll(async () => {
  bed = await MatrixBed.boot();
});
afterAll(async () => {
  await bed?.lab.destroy();
});

function hostOf(router: MatrixRouter, side: Side): Host {
  return side === 'ours' ? bed.ours : bed[router.cell.peer];
}

const SIDES = ['ours', 'peer'] as const;

/** What is not as the model says, by router. Of a side that is beyond asking nothing is expected but that others do its work. */
async function differences(unasked?: Side): Promise<Map<MatrixRouter, string>> {
  const held = new Map(await Promise.all([bed.ours, bed.keepalived, bed.frr].map(async (host) => [host, await host.held()] as const)));
  const found = new Map<MatrixRouter, string>();
  for (const router of ROUTERS) {
    for (const side of SIDES.filter((each) => each !== unasked)) {
      const holds = held.get(hostOf(router, side))?.has(router.name) === true;
      if (holds !== oracle.holds(router, side)) found.set(router, `${side} ${holds ? 'holds it' : 'does not hold it'}`);
    }
  }
  return found;
}

interface Mastery {
  readonly holds: boolean;
  readonly elections: number;
  /** Undefined where the host does not say. */
  readonly farewells: number | undefined;
}

/** For each router and side: whether the model says that it holds it, how often it has become master, how often it was said goodbye to. */
function masteries(): readonly Mastery[] {
  return ROUTERS.flatMap((router) =>
    SIDES.map((side) => {
      const host = hostOf(router, side);
      return { holds: oracle.holds(router, side), elections: host.elections(router), farewells: host.farewells(router) };
    }),
  );
}

/** A router that passes to another side does so by one election; with a goodbye if that was due. */
function faultOf(side: Side, was: Mastery, is: Mastery, farewell: boolean): string | undefined {
  const due = is.holds && !was.holds ? 1 : 0;
  const seen = is.elections - was.elections;
  if (seen !== due) return `${side} became master ${seen} times instead of ${due}`;
  const untold = is.farewells !== undefined && is.farewells === was.farewells;
  return farewell && due === 1 && untold ? `${side} was not told by priority 0` : undefined;
}

interface Due {
  /** A side that is beyond asking. */
  readonly unasked?: Side;
  /** Whoever takes over must have been told to. */
  readonly farewell?: boolean;
}

/**
 * Does something, waits until every virtual router is where the model says, and looks whether any took a roundabout way. The answer is
 * what is wrong, in words.
 */
async function step(column: Column, what: string, act: () => Promise<void>, due: Due = {}): Promise<readonly string[]> {
  const { unasked, farewell = false } = due;
  const before = masteries();
  await act();
  let wrong = new Map<MatrixRouter, string>();
  await until(async () => {
    wrong = await differences(unasked);
    return wrong.size === 0 ? true : undefined;
  }, SETTLED_WITHIN_MS);
  const after = masteries();
  for (const [index, router] of ROUTERS.entries()) {
    for (const [offset, side] of SIDES.entries()) {
      const [was, is] = [before[index * 2 + offset], after[index * 2 + offset]] as [Mastery, Mastery];
      const fault = faultOf(side, was, is, farewell);
      if (fault && !wrong.has(router)) wrong.set(router, fault);
    }
    outcomes.record(router, column, wrong.get(router));
  }
  const lines = [...wrong].map(([router, fault]) => `${what}: ${labelOf(router)}: ${fault}`);
  return lines.length > 0 ? [...lines, storyOf([...wrong.keys()])] : [];
}

/** The last log lines about the first of some routers, from both who run it. */
function storyOf([first]: readonly MatrixRouter[]): string {
  if (!first) return '';
  const about = (host: Host): string => host.linesAbout(first).slice(-15).join('\n');
  return [bed.ours, bed[first.cell.peer]].map(about).join('\n--- the peer\n');
}

async function everywhere(side: Side, action: (host: Host) => Promise<unknown>): Promise<void> {
  await Promise.all(bed.on(side).map(action));
}

/** What we and keepalived have counted so far. */
async function opinions(): Promise<{ readonly ours: VrrpStatusReport; readonly keepalived: Readonly<Record<string, number>> }> {
  const { ours, keepalived } = bed;
  const errors = await errorsCountedBy(keepalived.running, keepalived.machine, keepalived.routers.length);
  return { ours: (await ours.status()).vrrp, keepalived: errors };
}

interface Trouble {
  readonly column: Column;
  readonly what: string;
  readonly begin: (host: Host) => Promise<unknown>;
  readonly end: (host: Host) => Promise<unknown>;
  /** What it is to the model. */
  readonly befalls: 'lost' | 'cutOff' | 'lowered';
  /** keepalived's addresses stay on its interface: nobody is left who could take them off. */
  readonly peerLeavesAddresses?: true;
  /** It says goodbye. */
  readonly farewell: boolean;
}

const TROUBLES: readonly Trouble[] = [
  {
    column: 'kill',
    what: 'is killed',
    begin: (host) => host.kill(),
    end: (host) => host.start(),
    befalls: 'lost',
    farewell: false,
    peerLeavesAddresses: true,
  },
  {
    column: 'stop',
    what: 'is stopped in order',
    begin: (host) => host.stop(),
    end: (host) => host.start(),
    befalls: 'lost',
    farewell: true,
  },
  {
    column: 'link',
    what: 'has its interface set down',
    begin: (host) => host.machine.runOrThrow(['ip', 'link', 'set', 'dev', 'eth0', 'down']),
    end: (host) => host.machine.runOrThrow(['ip', 'link', 'set', 'dev', 'eth0', 'up']),
    befalls: 'cutOff',
    farewell: false,
  },
  {
    column: 'cable',
    what: 'has its cable pulled',
    begin: (host) => bed.lab.setCable(host.machine.name, 'down'),
    end: (host) => bed.lab.setCable(host.machine.name, 'up'),
    befalls: 'cutOff',
    farewell: false,
  },
  {
    column: 'script',
    what: 'has its priority lowered',
    begin: (host) => host.lower(true),
    end: (host) => host.lower(false),
    befalls: 'lowered',
    farewell: false,
  },
];

describe('the interop matrix', () => {
  it.each(REASONS)('leaves cells empty where the peer cannot: $text', async (reason) => {
    const cell = CELLS.find((candidate) => reasonFor(candidate) === reason);
    if (!cell) throw new Error('no cell is empty for this reason');
    const router = { cell, preferred: 'peer', vrid: 1, name: 'VI_1', vip: cell.family === 'IPv4' ? '10.9.1.1' : 'fd09::c:1' } as const;
    const complaint = reason.whenHeard
      ? await bed.complaintOnHearing(instance(router, 'ours'), instance(router, 'peer'), reason.peerSays)
      : await bed.complaintAbout(cell.peer, cell.peer === 'frr' ? frrRouter(router) : instance(router, 'peer'));
    expect(complaint).toContain(reason.peerSays);
  });

  it('elects: alone we hold everything; a peer that comes takes what it is preferred for and may preempt', async () => {
    const alone = await step('election', 'we are alone', async () => {
      await bed.ours.start();
      oracle.alone('ours');
    });
    const both = await step('election', 'the peers come', async () => {
      await everywhere('peer', (host) => host.start());
      oracle.back('peer');
    });
    expect([...alone, ...both]).toEqual([]);
  });

  describe.each(TROUBLES)('when a side $what', ({ column, what, begin, end, befalls, peerLeavesAddresses, farewell }) => {
    it.each(SIDES)('the other takes over, and gives back where it may be preempted: %s', async (side) => {
      const due = { farewell, ...(peerLeavesAddresses && side === 'peer' && { unasked: side }) };
      const away = await step(column, `${side} ${what}`, () => everywhere(side, begin).then(() => oracle[befalls](side)), due);
      const back = await step(column, `${side} is back`, () => everywhere(side, end).then(() => oracle.back(side)));
      expect([...away, ...back]).toEqual([]);
    });
  });

  it('does not move for a minute when nothing happens, and nobody finds fault with what it hears', async () => {
    const hosts = [bed.ours, bed.keepalived, bed.frr];
    const before = await opinions();
    const linesBefore = hosts.map((host) => host.transitions().length);
    await sleep(QUIET_MS);
    const moved = hosts.flatMap((host, index) => host.transitions().slice(linesBefore[index]));
    const after = await opinions();
    for (const router of ROUTERS) {
      const [was, is] = [before, after].map(({ ours }) => ours.routers.find(({ name }) => name === router.name));
      const silent = oracle.holds(router, 'peer') && (is?.advertsReceived ?? 0) <= (was?.advertsReceived ?? 0);
      const refused = JSON.stringify(is?.rejected) !== JSON.stringify(was?.rejected);
      const change = moved.find((line) => line.includes(`(${router.name})`) || line.includes(`[VRID ${router.vrid}]`));
      outcomes.record(router, 'quiet', change ?? (silent ? 'nothing was heard' : refused ? JSON.stringify(is?.rejected) : undefined));
    }
    expect(moved).toEqual([]);
    expect(outcomes.faults('quiet')).toEqual([]);
    expect(await differences()).toEqual(new Map());
    expect(after.keepalived).toEqual(before.keepalived);
    expect(after.ours.rejected).toEqual(before.ours.rejected);
  });

  it('has seen nothing refused on either side but what comes with being cut off', async () => {
    const { ours, keepalived } = await opinions();
    // A router whose link has come back hears others before it takes part again.
    const reasons = ours.routers.flatMap(({ rejected }) => Object.keys(rejected)).filter((reason) => reason !== 'not-running');
    expect([...reasons, ...Object.keys(ours.rejected)]).toEqual([]);
    // keepalived goes on counting what nobody hears, so that the next number of the authentication header may be old to it, once. And when
    // it takes over while an advertisement of ours is under way, it says that it counts on from there.
    const harmless = ['already processed', 'Syncing seq_num'];
    const aboutAh = bed.keepalived.lines().filter((line) => line.includes('IPSEC-AH'));
    const failures = aboutAh.filter((line) => !harmless.some((words) => line.includes(words)));
    expect(failures).toEqual([]);
    const errors = Object.entries(keepalived).filter(([name, count]) => count > 0 && name !== 'Failure');
    expect(Object.keys(keepalived).length).toBeGreaterThan(5);
    expect(errors).toEqual([]);
  });

  it('has said what each cell is about, and tshark finds no malformed packet and no wrong checksum among ours', async () => {
    await bed.capture.stop();
    const { count, bad } = await judgePackets(bed.watcher, CAPTURE, bed.ours.machine);
    expect(count).toBeGreaterThan(1000);
    expect(bad).toEqual([]);
    const wire = await wireOf(bed.watcher, CAPTURE, bed.ours.machine);
    for (const router of ROUTERS) outcomes.record(router, 'wire', wire.faultOf(router));
    expect(outcomes.faults('wire')).toEqual([]);
  });

  it('is what docs/interop.md says', () => {
    console.log(outcomes.text());
    expect([...new Set(ROUTERS.flatMap((router) => COLUMNS.filter((column) => !outcomes.passed(router, column))))]).toEqual([]);
    expect(readFileSync(join(projectRoot, 'docs/interop.md'), 'utf8')).toContain(outcomes.markdown());
  });
});
