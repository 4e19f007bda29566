/** The keyword table: everything that may stand in a keepalived.conf, as the parser and the readers use it. */
import type { Keyword } from './keyword.ts';
import type { Scope } from './scope.ts';
import { GLOBAL_DEFS, TOP_LEVEL_OTHERS, VRRP_SCRIPT } from './table-global.ts';
import { REAL_SERVER, VIRTUAL_SERVER } from './table-service.ts';
import { VRRP_INSTANCE, VRRP_SYNC_GROUP } from './table-vrrp.ts';

const TOP_LEVEL: readonly Keyword[] = [GLOBAL_DEFS, VRRP_SYNC_GROUP, VRRP_SCRIPT, VRRP_INSTANCE, VIRTUAL_SERVER, ...TOP_LEVEL_OTHERS];

export const ROOT_SCOPE: Scope = {
  form: 'keywords',
  children: new Map(TOP_LEVEL.map((keyword) => [keyword.name, keyword])),
  adopts: new Map([[REAL_SERVER.name, REAL_SERVER]]),
};

/** A keyword with the path of blocks that leads to it, for example `virtual_server.real_server.weight`. */
export interface KeywordPath {
  readonly path: string;
  readonly keyword: Keyword;
}

/** Every path of the table, in its order. */
export function keywordPaths(): KeywordPath[] {
  const paths: KeywordPath[] = [];
  const visit = (prefix: string, children: Iterable<Keyword>): void => {
    for (const keyword of children) {
      const path = prefix === '' ? keyword.name : `${prefix}.${keyword.name}`;
      paths.push({ path, keyword });
      visit(path, keyword.children.values());
    }
  };
  visit('', ROOT_SCOPE.children.values());
  return paths;
}
