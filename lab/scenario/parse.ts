/**
 * The scenario language, one statement a line:
 *
 *   title "TEXT"
 *   machine NAME ADDRESS/LENGTH [and ADDRESS/LENGTH] [config FILE] [page "TEXT"]      (eth0, and eth1 on a segment of its own)
 *   step "TEXT"
 *     start nginx|mail|vipwrightd|keepalived|capture on MACHINE
 *     start probe on MACHINE of ADDRESS:PORT
 *     stop|kill|reload SERVICE on MACHINE          (TERM or what the service calls an orderly stop | KILL | HUP)
 *     run|show on MACHINE: COMMAND ...
 *     replace "TEXT" by "TEXT" in FILE on MACHINE  (every occurrence; there must be one)
 *     unplug|plug eth0|eth1 of MACHINE             (its cable)
 *     wait DURATION
 *     expect table on MACHINE [within DURATION]    (the wanted `ipvsadm -L -n` follows, indented deeper; `*` stands for anything in a word)
 *     expect [no] vip ADDRESS on MACHINE [within DURATION]
 *     expect mail "SUBJECT" on MACHINE [within DURATION]
 *     expect log of SERVICE on MACHINE "TEXT" [within DURATION]
 *     expect story of SERVICE on MACHINE [within DURATION]   (the lines follow, indented deeper)
 *     expect curl URL from MACHINE answers "TEXT" [and "TEXT"] ... [within DURATION]
 *     expect outage under DURATION from MACHINE
 *     expect clean packets of MACHINE in capture on MACHINE
 *
 * `#` begins a comment. It is strict: the first thing that it does not know ends the reading with FILE:LINE and the reason.
 */
import { CARDS, type Expectation, type MachineLine, type Scenario, SERVICES, type Statement, type Step } from './scenario.ts';
import { ScenarioError, WordReader } from './words.ts';

/** How long after its limit an outage is still waited for, so that a report can say how long it was. */
const JUDGED_WITHIN_MS = 5000;

const VERBS = ['start', 'stop', 'kill', 'reload', 'run', 'show', 'replace', 'plug', 'unplug', 'wait', 'expect'] as const;

interface SourceLine {
  readonly number: number;
  readonly indent: number;
  readonly text: string;
}

export function parseScenario(source: string, file: string): Scenario {
  return new Parser(source, file).parse();
}

class Parser {
  readonly #file: string;
  readonly #lines: readonly SourceLine[];
  #next = 0;
  #title: string | undefined;
  readonly #machines = new Map<string, MachineLine>();
  readonly #steps: Step[] = [];

  constructor(source: string, file: string) {
    this.#file = file;
    this.#lines = source
      .split(/\r?\n/)
      .map((raw, index) => ({ number: index + 1, indent: raw.length - raw.trimStart().length, text: raw.trim() }))
      .filter((line) => line.text !== '' && !line.text.startsWith('#'));
  }

  parse(): Scenario {
    for (let line = this.#take(); line !== undefined; line = this.#take()) {
      if (line.indent > 0) this.#fail(line, 'a statement belongs to a step: indent it below a line that says step "..."');
      this.#topLevel(line);
    }
    const end: SourceLine = this.#lines.at(-1) ?? { number: 1, indent: 0, text: '' };
    if (this.#title === undefined) this.#fail(end, 'the scenario has no title');
    if (this.#steps.length === 0) this.#fail(end, 'the scenario has no step');
    return { title: this.#title, machines: [...this.#machines.values()], steps: this.#steps };
  }

  #topLevel(line: SourceLine): void {
    const words = this.#reader(line);
    const what = words.oneOf('a line at the margin', ['title', 'machine', 'step']);
    if (what === 'title') {
      if (this.#title !== undefined) this.#fail(line, 'there is a title already');
      this.#title = words.text('the title');
      words.end();
    } else if (what === 'machine') {
      this.#machine(words, line);
    } else {
      const title = words.text("the step's title");
      words.end();
      this.#steps.push({ title, line: line.number, statements: this.#statements(line) });
    }
  }

  #machine(words: WordReader, line: SourceLine): void {
    const name = words.word("the machine's name");
    const address = this.#address(words);
    const second = words.accept('and') ? this.#address(words) : undefined;
    if (this.#machines.has(name)) this.#fail(line, `there is a machine called ${name} already`);
    const config = words.accept('config') ? words.word('the configuration file') : undefined;
    const page = words.accept('page') ? words.text('the page') : undefined;
    words.end();
    const optional = Object.entries({ second, config, page }).filter(([, value]) => value !== undefined);
    this.#machines.set(name, { name, address, ...Object.fromEntries(optional) });
  }

  #address(words: WordReader): string {
    const address = words.word("the machine's address");
    if (!/^\d+\.\d+\.\d+\.\d+\/\d+$/.test(address)) words.fail(`an address looks like 192.168.18.207/24, not "${address}"`);
    return address;
  }

  #statements(step: SourceLine): Statement[] {
    const statements: Statement[] = [];
    const indent = this.#lines[this.#next]?.indent ?? 0;
    for (let line = this.#lines[this.#next]; line !== undefined && line.indent > 0; line = this.#lines[this.#next]) {
      if (line.indent !== indent) this.#fail(line, `this step's statements are indented by ${indent}, not by ${line.indent}`);
      this.#next += 1;
      statements.push(this.#statement(line));
    }
    if (statements.length === 0) this.#fail(step, 'the step is empty');
    return statements;
  }

  #statement(line: SourceLine): Statement {
    const said = { line: line.number, text: line.text };
    const words = this.#reader(line);
    const verb = words.oneOf('a statement', VERBS);
    if (verb === 'expect') return this.#expectation(words, line);
    if (verb === 'plug' || verb === 'unplug') {
      const card = words.oneOf('a card', CARDS);
      return { ...said, kind: verb, card, machine: this.#lastMachine(words, 'of') };
    }
    if (verb === 'run' || verb === 'show') {
      words.literal('on');
      const named = words.word('the machine');
      if (!named.endsWith(':')) words.fail(`a colon belongs after the machine: ${verb} on ${named}: COMMAND`);
      const machine = this.#known(named.slice(0, -1), words);
      return { ...said, kind: verb, machine, argv: words.rest('the command') };
    }
    if (verb === 'wait') {
      const durationMs = words.durationMs('the time to wait');
      words.end();
      return { ...said, kind: 'wait', durationMs };
    }
    if (verb === 'replace') {
      const from = words.text('the text to replace');
      words.literal('by');
      const to = words.text('the new text');
      words.literal('in');
      const path = words.word('the file');
      return { ...said, kind: 'replace', from, to, file: path, machine: this.#lastMachine(words, 'on') };
    }
    const service = words.oneOf('a service', SERVICES);
    words.literal('on');
    const machine = this.#known(words.word('the machine'), words);
    if (verb === 'start' && service === 'probe') {
      words.literal('of');
      const target = words.word('the address and port to probe');
      words.end();
      return { ...said, kind: 'start', service, machine, target };
    }
    words.end();
    return { ...said, kind: verb, service, machine };
  }

  #expectation(words: WordReader, line: SourceLine): Expectation {
    const said = { line: line.number, text: line.text.replace(/^expect\s+/, '') };
    const what = words.oneOf('what is expected', ['table', 'vip', 'no', 'mail', 'log', 'story', 'curl', 'outage', 'clean']);
    switch (what) {
      case 'table': {
        words.literal('on');
        const machine = this.#known(words.word('the machine'), words);
        return { ...said, kind: 'table', machine, withinMs: this.#withinAndEnd(words), rows: this.#block(line, 'table') };
      }
      case 'vip':
      case 'no': {
        if (what === 'no') words.literal('vip');
        const address = words.word('the virtual address');
        words.literal('on');
        const machine = this.#known(words.word('the machine'), words);
        return { ...said, kind: 'vip', machine, address, present: what === 'vip', withinMs: this.#withinAndEnd(words) };
      }
      case 'mail': {
        const subject = words.text('the subject');
        words.literal('on');
        const machine = this.#known(words.word('the machine'), words);
        return { ...said, kind: 'mail', machine, subject, withinMs: this.#withinAndEnd(words) };
      }
      case 'log': {
        words.literal('of');
        const service = words.oneOf('a service', SERVICES);
        words.literal('on');
        const machine = this.#known(words.word('the machine'), words);
        return { ...said, kind: 'log', service, machine, contains: words.text('the text'), withinMs: this.#withinAndEnd(words) };
      }
      case 'story': {
        words.literal('of');
        const service = words.oneOf('a service', SERVICES);
        words.literal('on');
        const machine = this.#known(words.word('the machine'), words);
        return { ...said, kind: 'story', service, machine, withinMs: this.#withinAndEnd(words), lines: this.#block(line, 'story') };
      }
      case 'curl':
        return this.#curl(words, said);
      case 'outage': {
        words.literal('under');
        const limitMs = words.durationMs('the limit');
        return { ...said, kind: 'outage', limitMs, machine: this.#lastMachine(words, 'from'), withinMs: limitMs + JUDGED_WITHIN_MS };
      }
      case 'clean': {
        for (const word of ['packets', 'of']) words.literal(word);
        const sender = this.#known(words.word('the sending machine'), words);
        for (const word of ['in', 'capture']) words.literal(word);
        return { ...said, kind: 'capture', sender, machine: this.#lastMachine(words, 'on'), withinMs: 0 };
      }
    }
  }

  #curl(words: WordReader, said: { readonly line: number; readonly text: string }): Expectation {
    const url = words.word('the URL');
    words.literal('from');
    const machine = this.#known(words.word('the machine'), words);
    words.literal('answers');
    const answers = [words.text('the answer')];
    while (words.accept('and')) answers.push(words.text('the answer'));
    return { ...said, kind: 'curl', machine, url, answers, withinMs: this.#withinAndEnd(words) };
  }

  /** The lines below an expectation that are indented deeper than it, at least one. */
  #block(owner: SourceLine, what: 'table' | 'story'): string[] {
    const rows: string[] = [];
    for (let line = this.#lines[this.#next]; line !== undefined && line.indent > owner.indent; line = this.#lines[this.#next]) {
      rows.push(line.text);
      this.#next += 1;
    }
    if (rows.length === 0) this.#fail(owner, `the wanted ${what} is missing: write it below, indented deeper`);
    return rows;
  }

  #withinAndEnd(words: WordReader): number {
    const withinMs = words.withinMs();
    words.end();
    return withinMs;
  }

  #lastMachine(words: WordReader, preposition: 'on' | 'from' | 'of'): string {
    words.literal(preposition);
    const machine = this.#known(words.word('the machine'), words);
    words.end();
    return machine;
  }

  #known(name: string, words: WordReader): string {
    if (this.#machines.has(name)) return name;
    return words.fail(`there is no machine called ${name}; the machines are ${[...this.#machines.keys()].join(', ') || 'none'}`);
  }

  #reader(line: SourceLine): WordReader {
    return new WordReader(line.text, (message) => this.#fail(line, message));
  }

  #take(): SourceLine | undefined {
    const line = this.#lines[this.#next];
    if (line !== undefined) this.#next += 1;
    return line;
  }

  #fail(line: SourceLine, message: string): never {
    throw new ScenarioError(this.#file, line.number, message);
  }
}
