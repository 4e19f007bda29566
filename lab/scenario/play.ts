/** Plays a scenario in a lab of its own and tells an observer what happens. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Lab } from '../lab.ts';
import { nowMs, type Service, sleep } from '../process.ts';
import {
  CONFIG_FILE,
  installProduct,
  startCapture,
  startKeepalived,
  startMailSink,
  startNginx,
  startProbe,
  startVipwrightd,
} from '../services.ts';
import { captureFile, type Look, look, Memory } from './expect.ts';
import { type Action, type Expectation, isExpectation, type Scenario, type Step } from './scenario.ts';

/** Told in this order: a step begins, then for each of its statements one `did`, or `waiting` and `judged`; at last the step ends. */
export interface Observer {
  stepBegins(step: Step, number: number, total: number): void;
  /** An action was carried out; `output` is what a `show` showed. */
  did(action: Action, output: string | undefined): void;
  waiting(expectation: Expectation): void;
  judged(judgement: Judgement): void;
  /** An action could not be carried out; the scenario ends here. */
  failed(action: Action, reason: string): void;
  stepEnds(step: Step, seconds: number): void;
}

export interface Judgement extends Look {
  readonly expectation: Expectation;
  /** How long it took until it held, or until it was given up. */
  readonly afterMs: number;
}

export interface PlayResult {
  readonly ok: boolean;
  readonly held: number;
  readonly failed: number;
  readonly seconds: number;
}

/** Pauses between two looks: dear ones (a Node process each) less often. */
const PAUSE_MS: Readonly<Record<Expectation['kind'], number>> = {
  table: 300,
  vip: 20,
  mail: 50,
  log: 50,
  story: 50,
  curl: 200,
  outage: 50,
  capture: 200,
};

export class Player {
  readonly #scenario: Scenario;
  readonly #folder: string;
  readonly #observer: Observer;
  readonly #memory = new Memory();
  #lab: Lab | undefined;
  #held = 0;
  #failed = 0;

  /** `file` is where the scenario was read from: the configuration files it names are relative to it. */
  constructor(scenario: Scenario, file: string, observer: Observer) {
    this.#scenario = scenario;
    this.#folder = dirname(file);
    this.#observer = observer;
  }

  /** The lab that is being played in. */
  get lab(): Lab {
    if (this.#lab === undefined) throw new Error('the scenario has not been set up');
    return this.#lab;
  }

  /** Boots the machines and puts their files in place. */
  async setUp(): Promise<void> {
    this.#lab = await Lab.create();
    for (const line of this.#scenario.machines) {
      const machine = await this.#lab.addMachine(line);
      if (line.config !== undefined) machine.writeFile(CONFIG_FILE, readFileSync(resolve(this.#folder, line.config), 'utf8'));
      installProduct(machine);
    }
  }

  async play(): Promise<PlayResult> {
    const beginMs = nowMs();
    const total = this.#scenario.steps.length;
    for (const [index, step] of this.#scenario.steps.entries()) {
      this.#observer.stepBegins(step, index + 1, total);
      const stepMs = nowMs();
      const done = await this.#playStep(step);
      this.#observer.stepEnds(step, (nowMs() - stepMs) / 1000);
      if (!done) break;
    }
    return { ok: this.#failed === 0, held: this.#held, failed: this.#failed, seconds: (nowMs() - beginMs) / 1000 };
  }

  /** Ends the lab; safe at any time, also while the scenario is being played. */
  async tearDown(): Promise<void> {
    await this.#lab?.destroy();
  }

  /** False if an action failed: what follows would make no sense. */
  async #playStep(step: Step): Promise<boolean> {
    for (const statement of step.statements) {
      if (isExpectation(statement)) {
        await this.#judge(statement);
        continue;
      }
      try {
        this.#observer.did(statement, await this.#act(statement));
      } catch (error) {
        this.#failed += 1;
        this.#observer.failed(statement, error instanceof Error ? error.message : String(error));
        return false;
      }
    }
    return true;
  }

  async #judge(expectation: Expectation): Promise<void> {
    this.#observer.waiting(expectation);
    const sinceMs = nowMs();
    for (;;) {
      const beforeMs = nowMs();
      const seen = await this.#look(expectation, sinceMs);
      // A look that began in time counts, however long a busy machine took to carry it out.
      if (seen.held || seen.final === true || beforeMs - sinceMs >= expectation.withinMs) {
        if (seen.held) this.#held += 1;
        else this.#failed += 1;
        this.#observer.judged({ expectation, ...seen, afterMs: nowMs() - sinceMs });
        return;
      }
      await sleep(Math.max(1, Math.min(PAUSE_MS[expectation.kind], sinceMs + expectation.withinMs - nowMs())));
    }
  }

  async #look(expectation: Expectation, sinceMs: number): Promise<Look> {
    try {
      return await look(expectation, this.lab, this.#memory, sinceMs);
    } catch (error) {
      return { held: false, detail: error instanceof Error ? error.message : String(error) };
    }
  }

  async #act(action: Action): Promise<string | undefined> {
    switch (action.kind) {
      case 'start':
        await this.#start(action);
        return undefined;
      case 'stop':
        await this.#running(action).stop();
        return undefined;
      case 'kill':
        await this.#running(action).kill();
        return undefined;
      case 'reload':
        this.#running(action).signal('SIGHUP');
        return undefined;
      case 'run':
        await this.lab.machine(action.machine).runOrThrow(action.argv);
        return undefined;
      case 'show':
        return (await this.lab.machine(action.machine).runOrThrow(action.argv)).trimEnd();
      case 'replace': {
        const machine = this.lab.machine(action.machine);
        const before = machine.readFile(action.file);
        if (!before.includes(action.from)) throw new Error(`${action.file} on ${action.machine} does not contain "${action.from}"`);
        machine.writeFile(action.file, before.replaceAll(action.from, action.to));
        return undefined;
      }
      case 'plug':
      case 'unplug':
        await this.lab.setCable(action.machine, action.kind === 'plug' ? 'up' : 'down', action.card);
        return undefined;
      case 'wait':
        await sleep(action.durationMs);
        return undefined;
    }
  }

  #running(action: Extract<Action, { kind: 'stop' | 'kill' | 'reload' }>): Service {
    const service = this.lab.machine(action.machine).service(action.service);
    if (service?.running !== true) throw new Error(`${action.service} does not run on ${action.machine}`);
    return service;
  }

  async #start(action: Extract<Action, { kind: 'start' }>): Promise<void> {
    const machine = this.lab.machine(action.machine);
    switch (action.service) {
      case 'nginx': {
        const page = this.#scenario.machines.find((line) => line.name === action.machine)?.page;
        if (page === undefined) throw new Error(`${action.machine} has no page to serve: say page "..." where the machine is declared`);
        await startNginx(machine, { page });
        return;
      }
      case 'mail':
        await startMailSink(machine);
        return;
      case 'vipwrightd':
        await startVipwrightd(machine);
        return;
      case 'keepalived':
        await startKeepalived(machine);
        return;
      case 'probe':
        await startProbe(machine, { target: action.target ?? '' });
        return;
      case 'capture':
        await startCapture(machine, captureFile, 'vrrp or arp');
        return;
    }
  }
}
