/** TCP_CHECK and HTTP_GET to the model. */
import { seconds } from '../../base/index.ts';
import type { Check, CheckTiming, HttpUrl, RealServerKey } from '../../model/index.ts';
import { type BoundBlock, type BoundStatement, wordsOf } from './bind.ts';
import type { Context } from './context.ts';
import { type Token, wordValue } from './lexer.ts';
import { tokenPlace } from './syntax.ts';

const DEFAULT_STATUS_CODES = [{ from: 200, to: 299 }];
const MD5_HEX_DIGITS = 32;

/** The blocks that a check inherits from, nearest first: real_server, virtual_server. */
type Parents = readonly BoundBlock[];

export function readChecks(server: RealServerKey, parents: Parents, context: Context): Check[] {
  const block = parents[0] as BoundBlock;
  return block.statements.flatMap((bound): Check[] => {
    if (!bound.block) return [];
    const chain = [bound.block, ...parents];
    const target = readTarget(bound.block, server);
    if (bound.keyword.name === 'TCP_CHECK') return [{ kind: 'tcp', ...readTiming(chain, seconds(1)), target }];
    if (bound.keyword.name !== 'HTTP_GET') return [];
    const urls = readUrls(bound.block, chain, context);
    if (urls.length === 0) return [];
    return [
      {
        kind: 'http',
        ...readTiming(chain, seconds(3)),
        target,
        urls,
        httpVersion: bound.block.text('http_protocol') === '1.1' ? '1.1' : '1.0',
      },
    ];
  });
}

function inherited(chain: Parents, name: string): number | undefined {
  for (const block of chain) {
    const value = block.number(name);
    if (value !== undefined) return value;
  }
  return undefined;
}

function readTiming(chain: Parents, delayBeforeRetry: number): CheckTiming {
  return {
    delayLoop: inherited(chain, 'delay_loop') ?? seconds(60),
    connectTimeout: inherited(chain, 'connect_timeout') ?? seconds(5),
    retry: inherited(chain, 'retry') ?? 1,
    delayBeforeRetry: inherited(chain, 'delay_before_retry') ?? delayBeforeRetry,
  };
}

function readTarget(block: BoundBlock, server: RealServerKey): Check['target'] {
  const bindAddress = block.address('bindto');
  return {
    address: block.address('connect_ip') ?? server.address,
    port: block.number('connect_port') ?? server.port,
    ...(bindAddress && { bindAddress }),
  };
}

function readUrls(check: BoundBlock, chain: Parents, context: Context): HttpUrl[] {
  const virtualHost = chain.map((block) => block.text('virtualhost')).find((host) => host !== undefined);
  return check.all('url').flatMap((bound): HttpUrl[] => {
    const path = bound.block?.text('path');
    if (!bound.block || path === undefined) return [];
    const digest = readDigest(bound.block.last('digest'), context);
    const host = bound.block.text('virtualhost') ?? virtualHost;
    const statusCodes = readStatusCodes(bound.block.last('status_code'), context) ?? (digest === undefined ? DEFAULT_STATUS_CODES : []);
    return [{ path, statusCodes, ...(digest !== undefined && { digest }), ...(host !== undefined && { virtualHost: host }) }];
  });
}

function readDigest(bound: BoundStatement | undefined, { reporter }: Context): string | undefined {
  const token = bound?.statement.words[1];
  if (!bound || !token) return undefined;
  const text = wordValue(token).toLowerCase();
  if (/^[0-9a-f]{32}$/.test(text)) return text;
  reporter.report(
    'config/bad-value',
    tokenPlace(bound.source, token),
    `digest takes an MD5 sum, ${MD5_HEX_DIGITS} hexadecimal digits; this has ${text.length} characters.`,
    { help: 'vipwright genhash, or md5sum of the page, prints it.' },
  );
  return undefined;
}

/** `200`, `200-204`, several of them; undefined when none is given. */
function readStatusCodes(bound: BoundStatement | undefined, context: Context): HttpUrl['statusCodes'] | undefined {
  if (!bound) return undefined;
  const codes = wordsOf(bound).flatMap((token) => readCodeRange(token, bound, context) ?? []);
  return codes.length > 0 ? codes : undefined;
}

function readCodeRange(token: Token, bound: BoundStatement, { reporter }: Context): { from: number; to: number } | undefined {
  const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(wordValue(token));
  const place = tokenPlace(bound.source, token);
  if (!match) {
    reporter.report('config/bad-value', place, `status_code takes codes such as 200 or ranges such as 200-299, not ${token.text}.`);
    return undefined;
  }
  const from = Number(match[1]);
  const to = Number(match[2] ?? match[1]);
  if (from >= 100 && to <= 999 && from <= to) return { from, to };
  reporter.report('config/out-of-range', place, `Status codes go from 100 to 999, the lower one first; ${token.text} does not.`);
  return undefined;
}
