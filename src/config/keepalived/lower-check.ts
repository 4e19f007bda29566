/** The checks of a real server to the model; `lower-http.ts` reads those of web servers. */
import { type IpAddress, MICROS_PER_SECOND, seconds } from '../../base/index.ts';
import type { Check, CheckTarget, CheckTiming, ScriptCommand, TrackerWeight } from '../../model/index.ts';
import { type BoundBlock, type BoundStatement, isNumber, isText, linePart, placeOf } from './bind.ts';
import { readCommand } from './commands.ts';
import type { Token } from './lexer.ts';
import { readUrls } from './lower-http.ts';
import { readPattern, readPayload } from './payload.ts';
import { readContent, type ServiceContext } from './service-context.ts';
import { statementPlace, tokenPlace } from './syntax.ts';

const DEFAULT_HELO = 'smtpchecker.keepalived.org';
const DEFAULT_MAX_REPLY = 255;
/** RFC 1035 section 2.3.4, without the dots of the wire format. */
const MAX_DOMAIN = 253;
const MAX_LABEL = 63;

/** The blocks that a check inherits from, nearest first: the check itself, real_server, virtual_server. */
export type Chain = readonly BoundBlock[];

interface ServerAddress {
  readonly address: IpAddress;
  readonly port: number;
}

/** `parents`: real_server, then virtual_server. */
export function readChecks(server: ServerAddress, parents: Chain, context: ServiceContext): Check[] {
  const [block] = parents as [BoundBlock, BoundBlock];
  return block.statements.flatMap(
    (bound) =>
      readContent(bound, context, (content, itsContext) => new CheckReader(bound, content, server, parents, itsContext).read()) ?? [],
  );
}

class CheckReader {
  private readonly bound: BoundStatement;
  private readonly block: BoundBlock;
  private readonly server: ServerAddress;
  private readonly parents: Chain;
  private readonly context: ServiceContext;
  private readonly chain: Chain;

  constructor(bound: BoundStatement, block: BoundBlock, server: ServerAddress, parents: Chain, context: ServiceContext) {
    this.bound = bound;
    this.block = block;
    this.server = server;
    this.parents = parents;
    this.context = context;
    this.chain = [block, ...parents];
  }

  read(): Check[] {
    switch (this.bound.keyword.name) {
      case 'TCP_CHECK':
        return [{ kind: 'tcp', ...this.timing(), target: this.target() }];
      case 'HTTP_GET':
      case 'SSL_GET':
        return this.http();
      case 'SMTP_CHECK':
        return this.smtp();
      case 'DNS_CHECK':
        return this.dns();
      case 'UDP_CHECK':
        return this.udp();
      case 'PING_CHECK':
        return [{ kind: 'ping', ...this.timing(), target: this.target() }];
      case 'MISC_CHECK':
        return this.misc();
      case 'FILE_CHECK':
        return this.file();
      case 'BFD_CHECK':
        return this.bfd();
      default:
        return [];
    }
  }

  private http(): Check[] {
    const read = readUrls(this.bound, this.block, this.chain, this.context);
    return read ? [{ kind: 'http', ...this.timing({ delayBeforeRetry: seconds(3) }), target: this.target(), ...read }] : [];
  }

  /** Each legacy `host` block is a check of its own. */
  private smtp(): Check[] {
    const heloName = this.block.text('helo_name') ?? DEFAULT_HELO;
    const hosts = this.block.all('host').flatMap(({ block }) => block ?? []);
    const chains = hosts.length > 0 ? hosts.map((host) => [host, ...this.chain]) : [this.chain];
    return chains.map((chain) => ({ kind: 'smtp', ...this.timing({}, chain), target: this.target(chain), heloName }));
  }

  private dns(): Check[] {
    const queryType = (this.block.text('type') ?? 'SOA') as Extract<Check, { kind: 'dns' }>['queryType'];
    const delayLoop = inherited(this.chain, 'delay_loop') ?? seconds(60);
    return [
      {
        kind: 'dns',
        ...this.timing({ retry: 3, delayBeforeRetry: delayLoop }),
        target: this.target(),
        queryType,
        queryName: this.domain(),
      },
    ];
  }

  private domain(): string {
    const name = this.block.text('name') ?? '.';
    const labels = name.replace(/\.$/, '').split('.');
    const bound = this.block.last('name');
    if (!bound || name === '.') return '.';
    const bytes = new TextEncoder();
    const fault = labels.includes('')
      ? 'has an empty label'
      : labels.some((label) => bytes.encode(label).length > MAX_LABEL)
        ? `has a label of more than ${MAX_LABEL} characters`
        : bytes.encode(name).length > MAX_DOMAIN
          ? `has more than ${MAX_DOMAIN} characters`
          : undefined;
    if (fault === undefined) return name;
    this.context.reporter.report('config/bad-value', placeOf(bound), `The name ${name} ${fault}, so no server could be asked for it.`);
    return '.';
  }

  private udp(): Check[] {
    const { reporter } = this.context;
    const payload = readPayload(this.block.last('payload'), reporter);
    const asked = this.block.last('require_reply');
    const reply = readPattern(asked, reporter);
    const minReplyLength = this.block.number('min_reply_length') ?? 0;
    const maxReplyLength = this.block.number('max_reply_length') ?? DEFAULT_MAX_REPLY;
    const bound = this.block.last('max_reply_length') ?? this.block.last('min_reply_length');
    if (bound && minReplyLength > maxReplyLength)
      reporter.report(
        'config/out-of-range',
        placeOf(bound),
        `The shortest reply that passes (${minReplyLength}) is longer than the longest (${maxReplyLength}): the check would always fail.`,
      );
    return [
      {
        kind: 'udp',
        ...this.timing(),
        target: this.target(),
        ...(payload && { payload }),
        requireReply: asked !== undefined,
        ...(reply && { reply }),
        minReplyLength,
        maxReplyLength,
      },
    ];
  }

  private misc(): Check[] {
    const command = this.command();
    if (!command) return [];
    const service = this.parents.at(-1) as BoundBlock;
    // 0 is keepalived's way to say "not given".
    const timeout = (this.block.number('misc_timeout') ?? 0) * MICROS_PER_SECOND || (service.number('delay_loop') ?? seconds(60));
    return [{ kind: 'misc', ...this.timing({ retry: 0 }), command, timeout, dynamic: this.block.has('misc_dynamic') }];
  }

  private command(): ScriptCommand | undefined {
    const text = this.block.command('misc_path');
    if (!text) return undefined;
    const line = this.block.line('user');
    const user = linePart(line, 0, isText) ?? this.context.globals.scriptUser;
    const group = line ? linePart(line, 1, isText) : this.context.globals.scriptGroup;
    return readCommand(text, { ...(user !== undefined && { user }), ...(group !== undefined && { group }) }, this.context.reporter);
  }

  private file(): Check[] {
    const trackFile = this.reference('track_file', 'track_file', this.context.trackFiles);
    if (trackFile === undefined) return [];
    const line = this.block.line('weight');
    const fallback = this.context.trackFiles.find(({ name }) => name === trackFile)?.weight ?? { weight: 1, reverse: false };
    const weight: TrackerWeight = {
      weight: linePart(line, 0, isNumber) ?? fallback.weight,
      reverse: line ? linePart(line, 1, isText) === 'reverse' : fallback.reverse,
    };
    return [{ kind: 'file', trackFile, weight }];
  }

  private bfd(): Check[] {
    const session = this.reference('name', 'bfd_instance', this.context.bfdSessions);
    return session === undefined ? [] : [{ kind: 'bfd', session, alpha: this.alpha(this.chain) }];
  }

  /** A name that must be defined elsewhere in the file. */
  private reference(keyword: string, block: string, defined: readonly { readonly name: string }[]): string | undefined {
    const { reporter } = this.context;
    const bound = this.block.last(keyword);
    const name = this.block.text(keyword);
    if (!bound || name === undefined) return undefined;
    if (defined.some((candidate) => candidate.name === name)) return name;
    if (!reporter.lostNames.has(name))
      reporter.report(
        'config/unknown-reference',
        tokenPlace(bound.source, bound.statement.words[1] as Token),
        `There is no ${block} ${name}.`,
        {
          help: `Define it: ${block} ${name} { … }`,
        },
      );
    return undefined;
  }

  private timing(defaults: { retry?: number; delayBeforeRetry?: number } = {}, chain: Chain = this.chain): CheckTiming {
    return {
      delayLoop: inherited(chain, 'delay_loop') ?? seconds(60),
      connectTimeout: inherited(chain, 'connect_timeout') ?? seconds(5),
      retry: inherited(chain, 'retry') ?? defaults.retry ?? 1,
      delayBeforeRetry: inherited(chain, 'delay_before_retry') ?? defaults.delayBeforeRetry ?? seconds(1),
      warmup: inherited(chain, 'warmup') ?? 0,
      alpha: this.alpha(chain),
      logAllFailures: inheritedFlag(chain.slice(0, -2), 'log_all_failures') ?? this.context.logAllFailures,
    };
  }

  private alpha(chain: Chain): boolean {
    return inheritedFlag(chain, 'alpha') ?? false;
  }

  private target(chain: Chain = this.chain): CheckTarget {
    const own = chain.slice(0, -2);
    const first = <T>(read: (block: BoundBlock) => T | undefined): T | undefined => firstOf(own, read);
    const address = first((block) => block.address('connect_ip')) ?? this.server.address;
    const port = first((block) => block.number('connect_port')) ?? this.server.port;
    const bindAddress = first((block) => block.address('bindto'));
    const bindPort = first((block) => block.number('bind_port'));
    const bindInterface = first((block) => block.text('bind_if'));
    if (port === 0 && this.bound.keyword.name !== 'PING_CHECK') this.reportNoPort();
    const agrees = bindAddress === undefined || bindAddress.family === address.family;
    if (!agrees) this.reportForeignBind(first((block) => block.last('bindto')));
    this.useInterface(first((block) => block.last('bind_if')));
    return {
      address,
      port,
      ...(bindAddress && agrees && { bindAddress }),
      ...(bindPort !== undefined && { bindPort }),
      ...(bindInterface !== undefined && { bindInterface }),
      mark: first((block) => block.number('fwmark')) ?? 0,
    };
  }

  private reportNoPort(): void {
    this.context.reporter.report(
      'config/missing-value',
      statementPlace(this.bound.source, this.bound.statement),
      `${this.bound.keyword.name} does not know its port: neither the real server nor its service has one.`,
      { help: 'Add connect_port to the check.' },
    );
  }

  private reportForeignBind(bound: BoundStatement | undefined): void {
    if (!bound) return;
    this.context.reporter.report(
      'config/family-mismatch',
      placeOf(bound),
      'The source address and the address to connect to are of different families. bindto is ignored, as keepalived does.',
      { help: 'Give both of one family.' },
    );
  }

  private useInterface(bound: BoundStatement | undefined): void {
    const token = bound?.statement.words[1];
    if (bound && token && typeof bound.value === 'string')
      this.context.interfaces.push({ interface: bound.value, place: tokenPlace(bound.source, token) });
  }
}

function inherited(chain: Chain, name: string): number | undefined {
  return firstOf(chain, (block) => block.number(name));
}

function inheritedFlag(chain: Chain, name: string): boolean | undefined {
  return firstOf(chain, (block) => block.flag(name));
}

/** What the first block that says something says. */
function firstOf<T>(chain: Chain, read: (block: BoundBlock) => T | undefined): T | undefined {
  for (const block of chain) {
    const value = read(block);
    if (value !== undefined) return value;
  }
  return undefined;
}
