import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseScenario, projectRoot, ScenarioError } from '../../lab/index.ts';
import { matchesTable } from '../../lab/scenario/match.ts';

const HEAD = 'title "T"\nmachine a 10.0.0.1/24\n';

function messageOf(source: string): string {
  try {
    parseScenario(source, 'x.scenario');
  } catch (error) {
    expect(error).toBeInstanceOf(ScenarioError);
    return (error as ScenarioError).message;
  }
  throw new Error('it was accepted');
}

describe('a scenario file', () => {
  it('is read into machines and steps', () => {
    const scenario = parseScenario(
      `# a comment
title "Two \\"quoted\\" words"
machine a 10.0.0.1/24 config a.conf page "<h1>A</h1>"

step "one"   # another comment
  start probe on a of 10.0.0.9:80
  run on a: ip addr add "10.0.0.2/24" dev eth0
  expect table on a within 1.5s
    TCP  10.0.0.9:80 rr

      -> 10.0.0.1:80   Route   1 * *
  expect no vip 10.0.0.9 on a within 250ms
`,
      'x.scenario',
    );
    expect(scenario.title).toBe('Two "quoted" words');
    expect(scenario.machines).toEqual([{ name: 'a', address: '10.0.0.1/24', config: 'a.conf', page: '<h1>A</h1>' }]);
    expect(scenario.steps).toHaveLength(1);
    expect(scenario.steps[0]?.statements).toMatchObject([
      { kind: 'start', service: 'probe', machine: 'a', target: '10.0.0.9:80', line: 6 },
      { kind: 'run', machine: 'a', argv: ['ip', 'addr', 'add', '10.0.0.2/24', 'dev', 'eth0'] },
      { kind: 'table', withinMs: 1500, rows: ['TCP  10.0.0.9:80 rr', '-> 10.0.0.1:80   Route   1 * *'] },
      { kind: 'vip', present: false, address: '10.0.0.9', withinMs: 250 },
    ]);
  });

  it('knows machines with two cards, their cables, and the story of a log', () => {
    const scenario = parseScenario(
      `title "T"
machine a 10.0.0.1/24 and 10.1.0.1/24 config a.conf
step "s"
  unplug eth1 of a
  plug eth1 of a
  expect story of vipwrightd on a within 2s
    (WAN) Entering MASTER STATE
    (LAN) Entering MASTER STATE
`,
      'x.scenario',
    );
    expect(scenario.machines).toEqual([{ name: 'a', address: '10.0.0.1/24', second: '10.1.0.1/24', config: 'a.conf' }]);
    expect(scenario.steps[0]?.statements).toMatchObject([
      { kind: 'unplug', card: 'eth1', machine: 'a' },
      { kind: 'plug', card: 'eth1', machine: 'a' },
      {
        kind: 'story',
        service: 'vipwrightd',
        machine: 'a',
        withinMs: 2000,
        lines: ['(WAN) Entering MASTER STATE', '(LAN) Entering MASTER STATE'],
      },
    ]);
  });

  it.each([
    ['an unknown word at the margin', 'tittle "T"\n', 'x.scenario:1: a line at the margin is one of title, machine, step, not "tittle"'],
    ['an unknown statement', `${HEAD}step "s"\n  begin nginx on a\n`, 'x.scenario:4: a statement is one of'],
    ['an unknown machine', `${HEAD}step "s"\n  start nginx on b\n`, 'x.scenario:4: there is no machine called b; the machines are a'],
    ['an unknown service', `${HEAD}step "s"\n  start apache on a\n`, 'x.scenario:4: a service is one of nginx,'],
    ['a duration without unit', `${HEAD}step "s"\n  wait 15\n`, 'x.scenario:4: the time to wait looks like 250ms or 15s, not "15"'],
    ['words too many', `${HEAD}step "s"\n  wait 15s please\n`, 'x.scenario:4: nothing may follow here: please'],
    ['a missing word', `${HEAD}step "s"\n  stop nginx on\n`, 'x.scenario:4: the machine is missing'],
    ['an open quote', `${HEAD}step "s\n  wait 1s\n`, 'x.scenario:3: a text in quotes is not closed'],
    ['a bare title', `${HEAD}step s\n  wait 1s\n`, "x.scenario:3: the step's title stands between double quotes"],
    ['an empty step', `${HEAD}step "s"\nstep "t"\n  wait 1s\n`, 'x.scenario:3: the step is empty'],
    ['a table without rows', `${HEAD}step "s"\n  expect table on a\n  wait 1s\n`, 'x.scenario:4: the wanted table is missing'],
    ['a story without lines', `${HEAD}step "s"\n  expect story of mail on a\n  wait 1s\n`, 'x.scenario:4: the wanted story is missing'],
    ['an unknown card', `${HEAD}step "s"\n  unplug eth2 of a\n`, 'x.scenario:4: a card is one of eth0, eth1, not "eth2"'],
    ['a bad second address', 'title "T"\nmachine a 10.0.0.1/24 and 10.1\n', 'x.scenario:2: an address looks like'],
    ['an uneven indent', `${HEAD}step "s"\n  wait 1s\n   wait 1s\n`, "x.scenario:5: this step's statements are indented by 2, not by 3"],
    ['a statement outside a step', `${HEAD}  wait 1s\n`, 'x.scenario:3: a statement belongs to a step'],
    ['a machine twice', `${HEAD}machine a 10.0.0.2/24\n`, 'x.scenario:3: there is a machine called a already'],
    ['a bad address', 'title "T"\nmachine a 10.0.0.1\n', 'x.scenario:2: an address looks like 192.168.18.207/24, not "10.0.0.1"'],
    ['a command without colon', `${HEAD}step "s"\n  run on a ip addr\n`, 'x.scenario:4: a colon belongs after the machine'],
    ['no step', HEAD, 'x.scenario:2: the scenario has no step'],
    ['no title', 'machine a 10.0.0.1/24\nstep "s"\n  wait 1s\n', 'x.scenario:3: the scenario has no title'],
  ])('is refused with file and line: %s', (_what, source, message) => {
    expect(messageOf(source)).toContain(message);
  });

  it("is what the demo plays: the seed's steps", () => {
    const file = join(projectRoot, 'lab/scenarios/seed-000.scenario');
    const scenario = parseScenario(readFileSync(file, 'utf8'), file);
    expect(scenario.machines.map((machine) => machine.name)).toEqual(['node1', 'node2', 'master', 'slave', 'client']);
    expect(scenario.steps.length).toBeGreaterThanOrEqual(10);
  });
});

describe('a wanted table', () => {
  const printed = 'TCP  10.0.0.9:80 rr\n  -> 10.0.0.1:80                  Route   1      3          41        \n';

  it('matches word by word, with * for anything within a word', () => {
    expect(matchesTable(['TCP 10.0.0.9:80 rr', '-> 10.0.0.1:80 Route 1 * *'], printed)).toBe(true);
    expect(matchesTable(['TCP 10.0.0.9:80 rr', '-> 10.0.0.*:80 Route 1 3 41'], printed)).toBe(true);
  });

  it('does not match another weight, another dot, a missing or a further line', () => {
    expect(matchesTable(['TCP 10.0.0.9:80 rr', '-> 10.0.0.1:80 Route 0 * *'], printed)).toBe(false);
    expect(matchesTable(['TCP 10.0.0.9:80 rr', '-> 10x0.0.1:80 Route 1 * *'], printed)).toBe(false);
    expect(matchesTable(['TCP 10.0.0.9:80 rr'], printed)).toBe(false);
    expect(matchesTable(['TCP 10.0.0.9:80 rr', '-> 10.0.0.1:80 Route 1 * *', '-> 10.0.0.2:80 Route 1 * *'], printed)).toBe(false);
  });
});
