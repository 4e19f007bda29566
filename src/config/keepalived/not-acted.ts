/** Says of a keyword that it is understood and not acted on, and why; or that there is a better one. */
import type { Keyword } from './keyword.ts';
import { type Token, tokenEnd } from './lexer.ts';
import type { Place, Reporter } from './report.ts';
import type { SourceText } from './source.ts';

const CONSEQUENCE = {
  refused: 'Without it the system would do something else than asked.',
  harmless: 'Everything else works without it.',
  cosmetic: 'Everything else works without it.',
} as const;

/** Whether this version acts on a keyword, and whether there is a better one. `token` is the keyword in the text. */
export function reportStanding(keyword: Keyword, token: Token, source: SourceText, reporter: Reporter): void {
  if (keyword.support === 'acted' && keyword.deprecated === undefined) return;
  const place = { source, start: token.start, end: tokenEnd(token) };
  if (keyword.support !== 'acted') reportNotActedOn(keyword, keyword.support, place, reporter);
  else if (keyword.deprecated !== undefined)
    reporter.report('config/deprecated-keyword', place, `${keyword.name} is deprecated in keepalived. It works as ever.`, {
      help: keyword.deprecated,
      ...(keyword.aliasOf !== undefined && {
        fix: { description: `Write ${keyword.aliasOf}`, start: place.start, end: place.end, replacement: keyword.aliasOf },
      }),
    });
}

function reportNotActedOn(keyword: Keyword, support: keyof typeof CONSEQUENCE, place: Place, reporter: Reporter): void {
  const what = keyword.block ? `The block ${keyword.name}` : keyword.name;
  const reason =
    keyword.reason === undefined ? 'is understood but not acted on in this version.' : `is understood but not acted on: ${keyword.reason}.`;
  reporter.report(
    support === 'refused' ? 'config/unsupported' : 'config/not-acted-on',
    place,
    `${what} ${reason} ${CONSEQUENCE[support]}`,
    {
      ...(support === 'cosmetic' && { severity: 'info' as const }),
      ...(support === 'refused' && { help: 'Remove it if that is acceptable.' }),
    },
  );
}
