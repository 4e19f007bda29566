/** The keyword table: everything that may stand in a keepalived.conf, as the parser and the readers use it. */
import { rangeText, synopsis } from './argument-text.ts';
import type { Keyword, Support, Tier } from './keyword.ts';
import type { Scope } from './scope.ts';
import { BFD_INSTANCE } from './table-bfd.ts';
import { SSL } from './table-check.ts';
import { GLOBAL_DEFS } from './table-global.ts';
import { ADDRESS_WORDS, ROUTE_WORDS, RULE_WORDS } from './table-lines.ts';
import { PACKET_PATH } from './table-packet-path.ts';
import { TOP_LEVEL_WORDS } from './table-process.ts';
import { LOCAL_ADDRESS_GROUP, REAL_SERVER, VIRTUAL_SERVER, VIRTUAL_SERVER_GROUP } from './table-service.ts';
import { TRACK_BLOCKS, VRRP_SCRIPT } from './table-track.ts';
import { VRRP_INSTANCE, VRRP_SYNC_GROUP } from './table-vrrp.ts';

const TOP_LEVEL: readonly Keyword[] = [
  GLOBAL_DEFS,
  ...TOP_LEVEL_WORDS,
  VRRP_SYNC_GROUP,
  VRRP_INSTANCE,
  VRRP_SCRIPT,
  ...TRACK_BLOCKS,
  BFD_INSTANCE,
  SSL,
  VIRTUAL_SERVER_GROUP,
  VIRTUAL_SERVER,
  LOCAL_ADDRESS_GROUP,
  PACKET_PATH,
];

export const ROOT_SCOPE: Scope = {
  form: 'keywords',
  children: new Map(TOP_LEVEL.map((keyword) => [keyword.name, keyword])),
  adopts: new Map([[REAL_SERVER.name, REAL_SERVER]]),
};

/** Everything the table knows of one keyword in one place, in words where a person reads it. */
export interface KeywordPath {
  /** The blocks that lead to it and its name, for example `virtual_server.real_server.weight`. */
  readonly path: string;
  readonly keyword: Keyword;
  readonly doc: string;
  /** What follows it, as a manual page writes it; empty when nothing does. */
  readonly argument: string;
  /** The same for a line of its block, where that holds entries. */
  readonly entry?: string;
  /** `from 1 to 255`, where the value is a number. */
  readonly range?: string;
  readonly default?: string;
  readonly since?: string;
  /** Ours: keepalived does not know it. */
  readonly extension?: true;
  /** What to write instead. */
  readonly deprecated?: string;
  readonly aliasOf?: string;
  /** Whether it takes a block of keywords or of entries. */
  readonly block?: 'keywords' | 'entries';
  readonly required: boolean;
  readonly tier: Tier;
  readonly support: Support;
  /** Why this version does not act on it. */
  readonly reason?: string;
}

/** Every path of the table, in its order. */
export function keywordPaths(): readonly KeywordPath[] {
  const paths: KeywordPath[] = [];
  const visit = (prefix: string, children: Iterable<Keyword>): void => {
    for (const keyword of children) {
      const path = prefix === '' ? keyword.name : `${prefix}.${keyword.name}`;
      paths.push(describe(path, keyword));
      visit(path, keyword.children.values());
    }
  };
  visit('', ROOT_SCOPE.children.values());
  return paths;
}

/** The words inside lines of addresses, routes and rules: paths such as `virtual_ipaddress line.dev`. */
export function lineWordPaths(): readonly KeywordPath[] {
  const lines = [
    ['address line', ADDRESS_WORDS],
    ['route line', ROUTE_WORDS],
    ['rule line', RULE_WORDS],
  ] as const;
  return lines.flatMap(([where, keywords]) => keywords.map((keyword) => describe(`${where}.${keyword.name}`, keyword)));
}

function describe(path: string, keyword: Keyword): KeywordPath {
  const { doc, form, entry, defaultText, since, extension, deprecated, aliasOf, block, required, tier, support, reason } = keyword;
  const range = rangeText(form);
  return {
    path,
    keyword,
    doc,
    argument: synopsis(form),
    required: required !== undefined,
    tier,
    support,
    ...(entry && { entry: synopsis(entry) }),
    ...(range !== undefined && { range }),
    ...(defaultText !== undefined && { default: defaultText }),
    ...(since !== undefined && { since }),
    ...(extension && { extension }),
    ...(deprecated !== undefined && { deprecated }),
    ...(aliasOf !== undefined && { aliasOf }),
    ...(block && { block }),
    ...(reason !== undefined && { reason }),
  };
}
