/** `vipwright check --explain WORD`: everything that is known about a keyword or a diagnostic code. */
import { didYouMean } from '../../base/index.ts';
import { consequenceOf, DIAGNOSTIC_CODES, type KeywordReference, keywordReferences } from '../../config/index.ts';

const CODES: Readonly<Record<string, { readonly severity: string; readonly meaning: string }>> = DIAGNOSTIC_CODES;

/** The explanation; or, for a word that nobody knows, what may have been meant. */
export function explain(word: string): { readonly text: string; readonly known: boolean } {
  const code = CODES[word] === undefined ? `config/${word}` : word;
  const entry = CODES[code];
  if (entry !== undefined) return { text: explainCode(code, entry), known: true };
  const references = keywordReferences();
  const found = references.filter(({ name, path }) => name === word || path === word);
  if (found.length > 0) return { text: explainKeyword(found), known: true };
  const meant = didYouMean(word, [...new Set(references.map(({ name }) => name)), ...Object.keys(CODES)]);
  return {
    text: `${word} is neither a keyword nor a diagnostic code.${meant === undefined ? '' : ` Did you mean ${meant}?`}`,
    known: false,
  };
}

function explainCode(code: string, { severity, meaning }: { readonly severity: string; readonly meaning: string }): string {
  const consequence = consequenceOf({ code });
  return `${code} (${severity})\n  ${meaning}\n${consequence === undefined ? '' : `  means: ${consequence}\n`}`;
}

/** The places of a keyword; those in which it is the same thing are told together. */
function explainKeyword(found: readonly KeywordReference[]): string {
  const groups = new Map<string, string[]>();
  for (const reference of found) {
    const body = bodyOf(reference);
    const paths = groups.get(body);
    if (paths) paths.push(reference.path);
    else groups.set(body, [reference.path]);
  }
  return [...groups].map(([body, paths]) => `${paths.join('\n')}\n${body}`).join('\n');
}

function bodyOf(reference: KeywordReference): string {
  const rows: (readonly [string, string | undefined])[] = [
    ['form', reference.form],
    ['takes', reference.takes],
    ['default', reference.default],
    ['required', reference.required ? 'yes, its block cannot work without it' : undefined],
    ['alias of', reference.aliasOf],
    ['deprecated', reference.deprecated],
    ['since', reference.since === undefined ? undefined : `keepalived ${reference.since}`],
    ['extension', reference.extension && 'yes, keepalived does not know it'],
    ['acted on', reference.acted],
  ];
  const lines = rows.flatMap(([label, text]) => (text === undefined ? [] : [`  ${`${label}:`.padEnd(12)}${text}\n`]));
  return `  ${reference.doc}\n${lines.join('')}`;
}
