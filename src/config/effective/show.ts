/**
 * The effective configuration: what the file says, includes and parameters resolved, the last of repeated keywords only; then
 * every default written out. The text is a configuration again, with the same meaning (but for secrets), and shown it is itself.
 */
import { IpAddress } from '../../base/index.ts';
import type { CheckedRealServer, CheckedService, Configuration, SyncGroup, VirtualRouter, VrrpScript } from '../../model/index.ts';
import type { BoundBlock, BoundStatement, Keyword } from '../keepalived/index.ts';
import { canonicalName, type KeepalivedReading, placeOf, ROOT_SCOPE, wordValue } from '../keepalived/index.ts';
import {
  CHECK,
  type Effective,
  FROM_PARENTS,
  GLOBAL,
  GROUP,
  INHERITS,
  MASK,
  ROUTER,
  SCRIPT,
  SECRETS,
  SERVER,
  SERVICE,
} from './defaults.ts';
import { headerOf, SHOWN_HEADER, type Shown } from './shown.ts';

export interface ShownConfiguration {
  readonly header: string;
  readonly statements: readonly Shown[];
}

/** For a reading without errors. `file` is named in the header, unless the text is a shown one already. */
export function showConfiguration(reading: KeepalivedReading, file: string): ShownConfiguration {
  const first = reading.sources[0]?.text.split('\n', 1)[0] ?? '';
  return {
    header: first.startsWith(SHOWN_HEADER) ? first : headerOf(file),
    statements: new Shower(reading).run(),
  };
}

/** A block that is being shown: its path, what it became in the model, and the blocks around it that its settings may come from. */
interface Frame {
  readonly path: string;
  readonly effective: (keyword: string) => string | undefined;
  readonly parents: readonly BoundStatement[];
  /** The virtual service or real server that the block became. */
  readonly service?: CheckedService;
  readonly server?: CheckedRealServer;
}

const NOTHING = (): undefined => undefined;

class Shower {
  private readonly reading: KeepalivedReading;
  private readonly configuration: Configuration;
  private readonly globals: readonly BoundStatement[];
  private readonly routers: ReadonlyMap<string, VirtualRouter>;
  private readonly groups: ReadonlyMap<string, SyncGroup>;
  private readonly scripts: ReadonlyMap<string, VrrpScript>;
  private readonly shownLines = new Map<string, readonly string[] | undefined>();
  private nextService = 0;
  private readonly nextServer = new Map<CheckedService, number>();
  private readonly nextCheck = new Map<CheckedRealServer, number>();

  constructor(reading: KeepalivedReading) {
    this.reading = reading;
    this.configuration = reading.configuration;
    this.routers = byName(reading.configuration.routers);
    this.groups = byName(reading.configuration.groups);
    this.scripts = byName(reading.configuration.scripts);
    this.globals = reading.tree.all('global_defs').flatMap((bound) => bound.block?.statements ?? []);
  }

  run(): Shown[] {
    const frame: Frame = { path: '', effective: NOTHING, parents: [] };
    const others = lastOfEach(this.reading.tree.statements).filter(({ keyword }) => keyword.name !== 'global_defs');
    const { leaves, blocks } = this.statements(others, frame);
    return [...leaves, this.globalDefs(), ...blocks];
  }

  /** Several blocks count as one; without any the defaults stand in one all the same. */
  private globalDefs(): Shown {
    const keyword = ROOT_SCOPE.children.get('global_defs') as Keyword;
    const first = this.reading.tree.all('global_defs')[0];
    const frame: Frame = { path: 'global_defs', effective: of(GLOBAL, this.configuration), parents: [] };
    return { words: ['global_defs'], origin: first ? this.originOf(first) : 'default', ...this.inside(keyword, this.globals, frame) };
  }

  private inside(keyword: Keyword, statements: readonly BoundStatement[], frame: Frame): Pick<Shown, 'block' | 'notes'> {
    const given = lastOfEach(statements);
    const { leaves, blocks } = this.statements(given, frame);
    const { defaults, notes } = this.defaults(keyword, new Set(given.map((bound) => canonicalName(bound.keyword))), frame);
    return { block: [...leaves, ...defaults, ...blocks], notes };
  }

  /** Lines before blocks, each in the order of the file. */
  private statements(statements: readonly BoundStatement[], frame: Frame): { leaves: Shown[]; blocks: Shown[] } {
    const leaves: Shown[] = [];
    const blocks: Shown[] = [];
    for (const bound of statements) {
      if (!bound.keyword.block) leaves.push(this.leaf(bound, frame));
      else if (bound.block) blocks.push(...this.block(bound, bound.block, frame));
    }
    return { leaves, blocks };
  }

  private leaf(bound: BoundStatement, frame: Frame): Shown {
    const name = canonicalName(bound.keyword);
    const path = pathOf(frame, name);
    const [, ...given] = bound.statement.words.map((word) => word.text);
    const secret = SECRETS[path];
    const effective = secret === undefined ? frame.effective(name) : undefined;
    const words =
      secret !== undefined ? [...given.slice(0, secret), MASK] : effective === undefined || effective === '' ? given : [effective];
    return { words: [name, ...words], origin: this.originOf(bound) };
  }

  private block(bound: BoundStatement, block: BoundBlock, frame: Frame): Shown[] {
    const name = canonicalName(bound.keyword);
    const inner = this.frameOf(name, bound, frame);
    if (!inner) return [];
    const words = [name, ...bound.statement.words.slice(1).map((word) => word.text)];
    const head = { words, origin: this.originOf(bound) };
    if (bound.keyword.block === 'keywords') return [{ ...head, ...this.inside(bound.keyword, block.statements, inner) }];
    const entries = block.entries.map((entry) => ({
      words: entry.words.map((word) => word.text),
      origin: this.place(entry.source.file, entry.source.position(entry.words[0]?.start ?? 0).line),
    }));
    return [{ ...head, block: entries }];
  }

  /** Undefined for what the reader has dropped (and the diagnostics have said so). */
  private frameOf(name: string, bound: BoundStatement, frame: Frame): Frame | undefined {
    const path = pathOf(frame, name);
    const title = wordValue(bound.statement.words[1] ?? { kind: 'word', text: '', start: 0 });
    const plain: Frame = { path, effective: NOTHING, parents: [bound, ...frame.parents] };
    const named = <T>(all: ReadonlyMap<string, T>, table: Readonly<Record<string, Effective<T>>>) => {
      const object = all.get(title);
      return object && { ...plain, effective: of(table, object) };
    };
    switch (path) {
      case 'vrrp_instance':
        return named(this.routers, ROUTER);
      case 'vrrp_sync_group':
        return named(this.groups, GROUP);
      case 'vrrp_script':
        return named(this.scripts, SCRIPT);
      case 'virtual_server': {
        const service = this.takeService(bound);
        return service && { ...plain, effective: of(SERVICE, service), service };
      }
      case 'virtual_server.real_server': {
        const server = frame.service && this.takeServer(frame.service, bound);
        return server && { ...plain, effective: of(SERVER, server), server };
      }
      default:
        return frame.server ? this.checkFrame(plain, bound, frame.server) : plain;
    }
  }

  /** Services come in the order of their blocks; a block of a group becomes several with one name. */
  private takeService(bound: BoundStatement): CheckedService | undefined {
    const { services } = this.configuration;
    const service = services[this.nextService];
    if (!service || !describes(bound, service)) return undefined;
    this.nextService++;
    while (sameGroup(services[this.nextService], service)) this.nextService++;
    return service;
  }

  private takeServer(service: CheckedService, bound: BoundStatement): CheckedRealServer | undefined {
    const index = this.nextServer.get(service) ?? 0;
    const server = service.servers[index];
    const address = IpAddress.parse(wordValue(bound.statement.words[1] ?? { kind: 'word', text: '', start: 0 }));
    if (!server || !address?.equals(server.address)) return undefined;
    this.nextServer.set(service, index + 1);
    return server;
  }

  /** Checks have no names; they come in the order of their blocks. */
  private checkFrame(plain: Frame, bound: BoundStatement, server: CheckedRealServer): Frame {
    const kind = CHECK_KINDS[bound.keyword.name];
    if (kind === undefined || bound.block?.has('host')) return plain;
    const index = this.nextCheck.get(server) ?? 0;
    const check = server.checks[index];
    if (check?.kind !== kind) return plain;
    this.nextCheck.set(server, index + 1);
    return { ...plain, effective: of(CHECK, check) };
  }

  /** What is not written: as statements where that is possible, in words where it is not. */
  private defaults(keyword: Keyword, given: ReadonlySet<string>, frame: Frame): { defaults: Shown[]; notes: string[] } {
    const defaults: Shown[] = [];
    const notes: string[] = [];
    for (const child of keyword.children.values()) {
      const name = child.name;
      if (child.block || child.aliasOf !== undefined || child.support !== 'acted' || given.has(name)) continue;
      const effective = frame.effective(name);
      const literal = effective ?? this.literal(child, frame);
      if (literal !== undefined && literal !== '') defaults.push({ words: [name, literal], origin: this.defaultOrigin(name, frame) });
      else if (child.defaultText !== undefined && child.tier < 3 && literal === undefined && !FROM_PARENTS.has(name))
        notes.push(`${name}: ${child.defaultText}`);
    }
    return { defaults, notes };
  }

  /** The default of the table, where it could be written after the keyword as it is. */
  private literal({ name, form, defaultText }: Keyword, frame: Frame): string | undefined {
    if (defaultText === undefined || CHANGES_IF_WRITTEN.has(pathOf(frame, name))) return undefined;
    switch (form.kind) {
      case 'integer':
      case 'seconds':
      case 'milliseconds': {
        const value = /^-?\d+(\.\d+)?$/.test(defaultText) ? Number(defaultText) : Number.NaN;
        return value >= form.min && value <= form.max ? defaultText : undefined;
      }
      case 'choice':
        return form.words.includes(defaultText) ? defaultText : undefined;
      case 'flag':
        return /^(on|off)$/.test(defaultText) ? defaultText : undefined;
      default:
        return undefined;
    }
  }

  private defaultOrigin(name: string, frame: Frame): string {
    if (FROM_PARENTS.has(name)) {
      for (const parent of frame.parents.slice(1)) {
        const bound = parent.block?.last(name);
        if (bound) return `${parent.keyword.name}, ${this.originOf(bound)}`;
      }
    }
    for (const inherited of INHERITS[pathOf(frame, name)] ?? []) {
      const bound = this.globals.findLast((candidate) => canonicalName(candidate.keyword) === inherited);
      if (bound) return `global_defs, ${this.originOf(bound)}`;
    }
    return 'default';
  }

  private originOf(bound: BoundStatement): string {
    const { source, start } = placeOf(bound);
    return this.place(source.file, source.position(start).line);
  }

  /** `FILE:LINE`; in a shown configuration what is written there. */
  private place(file: string, line: number): string {
    const lines = this.linesOfShown(file);
    const written = lines?.[line - 1];
    const mark = written?.lastIndexOf(' # ') ?? -1;
    return written !== undefined && mark >= 0 ? written.slice(mark + 3) : `${file}:${line}`;
  }

  private linesOfShown(file: string): readonly string[] | undefined {
    if (!this.shownLines.has(file)) {
      const text = this.reading.sources.find((source) => source.file === file)?.text;
      this.shownLines.set(file, text?.startsWith(SHOWN_HEADER) ? text.split('\n') : undefined);
    }
    return this.shownLines.get(file);
  }
}

/** Absent they mean something else than their default written out. */
const CHANGES_IF_WRITTEN: ReadonlySet<string> = new Set([
  'global_defs.vrrp_garp_master_repeat',
  'global_defs.vrrp_garp_master_delay',
  'global_defs.vrrp_priority',
  'global_defs.checker_priority',
  'global_defs.bfd_priority',
  'vrrp_instance.preempt_delay',
]);

const CHECK_KINDS: Readonly<Record<string, string | undefined>> = {
  TCP_CHECK: 'tcp',
  HTTP_GET: 'http',
  SSL_GET: 'http',
  SMTP_CHECK: 'smtp',
  DNS_CHECK: 'dns',
  UDP_CHECK: 'udp',
  PING_CHECK: 'ping',
  MISC_CHECK: 'misc',
  FILE_CHECK: 'file',
  BFD_CHECK: 'bfd',
};

function byName<T extends { readonly name: string }>(values: readonly T[]): Map<string, T> {
  return new Map(values.map((value) => [value.name, value]));
}

function of<T>(table: Readonly<Record<string, Effective<T>>>, object: T): (keyword: string) => string | undefined {
  return (keyword) => (Object.hasOwn(table, keyword) ? table[keyword]?.(object) : undefined);
}

function pathOf({ path }: Frame, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** Of a keyword that stands several times and may stand once, the last one counts. */
function lastOfEach(statements: readonly BoundStatement[]): BoundStatement[] {
  const last = new Map<string, BoundStatement>();
  for (const bound of statements) last.set(canonicalName(bound.keyword), bound);
  return statements.filter((bound) => bound.keyword.repeatable || last.get(canonicalName(bound.keyword)) === bound);
}

function sameGroup(a: CheckedService | undefined, b: CheckedService): boolean {
  return a?.group !== undefined && a.group === b.group;
}

/** Whether the head of a virtual_server names this service. */
function describes(bound: BoundStatement, { key, group }: CheckedService): boolean {
  const [first = '', second = ''] = bound.statement.words.slice(1).map(wordValue);
  if (first === 'group') return group === second;
  if (first === 'fwmark') return key.kind === 'fwmark' && key.mark === Number(second);
  return key.kind === 'address' && IpAddress.parse(first)?.equals(key.address) === true && key.port === Number(second || 0);
}
