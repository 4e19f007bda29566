/** HTTP_GET and SSL_GET: urls, what their answers must be, and how TLS is spoken. */
import { didYouMean } from '../../base/index.ts';
import type { Check, CheckTls, HttpRegex, HttpUrl } from '../../model/index.ts';
import { type BoundBlock, type BoundStatement, placeOf, wordsOf } from './bind.ts';
import type { Context } from './context.ts';
import { type Token, wordValue } from './lexer.ts';
import type { ServiceContext } from './service-context.ts';
import { tokenPlace } from './syntax.ts';
import { REGEX_OPTIONS } from './table-check.ts';

const DEFAULT_STATUS_CODES = [{ from: 200, to: 299 }];
const MD5_HEX_DIGITS = 32;
/** keepalived's bounds: three digits, less than 999. */
const MIN_STATUS = 100;
const MAX_STATUS = 998;
const REGEX_WORDS = ['regex_no_match', 'regex_options', 'regex_min_offset', 'regex_max_offset', 'regex_stack'];

type HttpSettings = Pick<Extract<Check, { kind: 'http' }>, 'urls' | 'httpVersion' | 'connectionClose' | 'fastRecovery' | 'tls'>;

/** Undefined when no url could be read, which has been reported. `chain` is the check and what it inherits from. */
export function readUrls(
  bound: BoundStatement,
  check: BoundBlock,
  chain: readonly BoundBlock[],
  context: ServiceContext,
): HttpSettings | undefined {
  const virtualHost = chain.map((block) => block.text('virtualhost')).find((host) => host !== undefined);
  const urls = check.all('url').flatMap((url): HttpUrl[] => (url.block ? readUrl(url.block, virtualHost, context) : []));
  if (urls.length === 0) return undefined;
  const protocol = check.text('http_protocol') ?? '1.0';
  const tls = readTls(bound, check, virtualHost, context);
  return {
    urls,
    httpVersion: protocol === '1.1' ? '1.1' : '1.0',
    connectionClose: protocol !== '1.0',
    fastRecovery: check.flag('fast_recovery') ?? false,
    ...(tls && { tls }),
  };
}

function readTls(
  bound: BoundStatement,
  check: BoundBlock,
  virtualHost: string | undefined,
  { reporter, tls }: ServiceContext,
): CheckTls | undefined {
  const secure = bound.keyword.name === 'SSL_GET';
  const sni = check.last('sni_name') ?? check.last('enable_sni');
  if (!secure) {
    if (sni && sni.value !== false)
      reporter.report('config/no-effect', placeOf(sni), `${sni.keyword.name} concerns TLS, and HTTP_GET speaks none. It is ignored.`, {
        help: 'Write SSL_GET instead of HTTP_GET, or remove the line.',
      });
    return undefined;
  }
  const serverName = check.text('sni_name') ?? (check.flag('enable_sni') ? virtualHost : undefined);
  if (sni && sni.value === true && serverName === undefined)
    reporter.report('config/no-effect', placeOf(sni), 'enable_sni sends the virtual host, and there is none. No server name is sent.', {
      help: 'Add virtualhost and the name to the check.',
    });
  return { ...tls, ...(serverName !== undefined && { serverName }) };
}

function readUrl(block: BoundBlock, inheritedHost: string | undefined, context: Context): HttpUrl[] {
  const path = block.text('path');
  if (path === undefined) return [];
  const digest = readDigest(block.last('digest'), context);
  const regex = readRegex(block, context);
  const virtualHost = block.text('virtualhost') ?? inheritedHost;
  const fallback = digest === undefined && !regex ? DEFAULT_STATUS_CODES : [];
  return [
    {
      path,
      statusCodes: readStatusCodes(block.last('status_code'), context) ?? fallback,
      ...(digest !== undefined && { digest }),
      ...(regex && { regex }),
      ...(virtualHost !== undefined && { virtualHost }),
    },
  ];
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

function readRegex(block: BoundBlock, context: Context): HttpRegex | undefined {
  const pattern = block.text('regex');
  if (pattern === undefined) {
    reportWithoutRegex(block, context);
    return undefined;
  }
  const minOffset = block.number('regex_min_offset') ?? 0;
  const maxOffset = block.number('regex_max_offset');
  const bound = block.last('regex_max_offset');
  if (bound && maxOffset !== undefined && maxOffset < minOffset)
    context.reporter.report(
      'config/out-of-range',
      placeOf(bound),
      `regex_max_offset ${maxOffset} is below regex_min_offset ${minOffset}: no match could ever start.`,
    );
  return {
    pattern,
    options: readRegexOptions(block.last('regex_options'), context),
    inverted: block.has('regex_no_match'),
    minOffset,
    ...(maxOffset !== undefined && { maxOffset }),
  };
}

function reportWithoutRegex(block: BoundBlock, { reporter }: Context): void {
  if (block.has('regex')) return;
  for (const name of REGEX_WORDS) {
    const bound = block.last(name);
    if (bound)
      reporter.report('config/no-effect', placeOf(bound), `${name} means nothing without regex. It is ignored.`, {
        help: 'Add regex and a pattern, or remove the line.',
      });
  }
}

function readRegexOptions(bound: BoundStatement | undefined, { reporter }: Context): string[] {
  if (!bound) return [];
  return wordsOf(bound).flatMap((token): string[] => {
    const text = wordValue(token);
    if ((REGEX_OPTIONS as readonly string[]).includes(text)) return [text];
    const meant = didYouMean(text, REGEX_OPTIONS);
    reporter.report('config/bad-value', tokenPlace(bound.source, token), `${token.text} is no option of a pattern.`, {
      help: meant === undefined ? `Options are ${REGEX_OPTIONS.join(', ')}.` : `Did you mean ${meant}?`,
    });
    return [];
  });
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
  if (from >= MIN_STATUS && to <= MAX_STATUS && from <= to) return { from, to };
  reporter.report(
    'config/out-of-range',
    place,
    `Status codes go from ${MIN_STATUS} to ${MAX_STATUS}, the lower one first; ${token.text} does not.`,
  );
  return undefined;
}
