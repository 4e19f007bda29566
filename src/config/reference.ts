/** What the keyword table says, put into words for a person: `vipwright check --explain` and the manual's page of keywords. */
import { expectation, rangeText, synopsis } from './keepalived/argument-text.ts';
import { type Keyword, keywordPaths, type Support } from './keepalived/index.ts';
import { lineWordPaths } from './keepalived/table.ts';

/** One keyword in one place, in words. */
export interface KeywordReference {
  readonly path: string;
  readonly name: string;
  /** The line as a manual writes it: `priority NUMBER`, `vrrp_instance NAME { … }`. */
  readonly form: string;
  /** `a whole number from 1 to 255` */
  readonly takes: string;
  readonly range?: string;
  readonly default?: string;
  readonly doc: string;
  readonly since?: string;
  readonly extension?: true;
  readonly deprecated?: string;
  readonly aliasOf?: string;
  readonly required: boolean;
  readonly tier: number;
  readonly support: Support;
  /** `yes`, or `no` and why. */
  readonly acted: string;
}

/** Of what is told about the lines of a block in one cell. */
const LONGEST_LINE = 60;

const WITHOUT: Readonly<Record<Exclude<Support, 'acted'>, string>> = {
  harmless: 'everything else works without it',
  cosmetic: 'nobody can notice the difference',
  refused: 'without it the system would do something else than asked, so it is an error',
};

/** Of a keyword that is ours. */
const EXTENSION_TEXT = 'An extension: keepalived does not know it.';

/** Every keyword of the table in its order, then the words inside lines of addresses, routes and rules. */
export function keywordReferences(): KeywordReference[] {
  return [...keywordPaths(), ...lineWordPaths()].map(({ path, keyword }) => describe(path, keyword));
}

function describe(path: string, keyword: Keyword): KeywordReference {
  const { name, doc, since, extension, deprecated, aliasOf, defaultText, required, tier, support, reason } = keyword;
  const range = rangeText(keyword.form);
  return {
    path,
    name,
    form: [name, synopsis(keyword.form), blockText(keyword)].filter((text) => text !== '').join(' '),
    takes: takesText(keyword),
    ...(range !== undefined && { range }),
    ...(defaultText !== undefined && { default: defaultText }),
    doc,
    ...(since !== undefined && { since }),
    ...(extension && { extension }),
    ...(deprecated !== undefined && { deprecated }),
    ...(aliasOf !== undefined && { aliasOf }),
    required: required !== undefined,
    tier,
    support,
    acted: support === 'acted' ? 'yes' : `no: ${reason ?? WITHOUT[support]}`,
  };
}

function blockText({ block, entry }: Keyword): string {
  if (block === undefined) return '';
  if (block === 'keywords' || entry === undefined) return '{ … }';
  const line = synopsis(entry);
  // The words of such a line have a table of their own.
  const shown = line.length <= LONGEST_LINE ? line : (line.split(' [', 1)[0] as string);
  return shown.startsWith('[') ? '{ … }' : `{ ${shown} … }`;
}

function takesText({ form, block, entry }: Keyword): string {
  if (block === undefined) return expectation(form);
  const inside = block === 'keywords' ? 'a block of keywords' : `a block with lines${entry ? `: ${expectation(entry)}` : ''}`;
  return form.kind === 'none' ? inside : `${expectation(form)}, and ${inside}`;
}

/** docs/manual/keepalived-keywords.md as a whole. */
export function keywordsPage(): string {
  const references = keywordReferences();
  const sections = groupBy(references, ({ path, name }) => path.slice(0, -name.length).replace(/\.$/, ''));
  const acted = references.filter(({ support }) => support === 'acted').length;
  return `# Keywords of keepalived.conf

Made from the keyword table by \`npx vitest run --project unit src/config/reference.test.ts -u\`; do not edit. A test compares the two.
[vipwright check](check.md) explains one keyword: \`vipwright check --explain priority\`.

${references.length} keywords in their places, ${acted} of them acted on. The others are read and checked, and \`vipwright check\` says why nothing
comes of them. A bold keyword is one that its block cannot work without. Times are in seconds unless the column says otherwise.

${[...sections].map(([parent, members]) => section(parent, members)).join('\n')}`;
}

function section(parent: string, members: readonly KeywordReference[]): string {
  const title =
    parent === '' ? 'Top level' : parent.endsWith(' line') ? `Words of ${articleOf(parent)}` : `In ${parent.replaceAll('.', ' → ')}`;
  const rows = members.map((member) => {
    const form = member.required ? `**\`${member.form}\`**` : `\`${member.form}\``;
    const cells = [form, member.range ?? '', member.default ?? '', sentence(member)];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return `## ${title}

| Keyword | Range | Default | Meaning |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}

function articleOf(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`;
}

function sentence({ doc, aliasOf, deprecated, since, extension, support, acted }: KeywordReference): string {
  return [
    doc,
    aliasOf === undefined ? '' : `The present name is \`${aliasOf}\`.`,
    deprecated === undefined ? '' : `Deprecated: ${deprecated}`,
    since === undefined ? '' : `Since keepalived ${since}.`,
    extension ? EXTENSION_TEXT : '',
    support === 'acted' ? '' : `Not acted on: ${acted.slice('no: '.length).replace(/\.$/, '')}.`,
  ]
    .filter((text) => text !== '')
    .join(' ');
}

function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key);
    if (group) group.push(value);
    else groups.set(key, [value]);
  }
  return groups;
}
