/** The language of keepalived.conf(5): text to tree, tree to model, diagnostics on the way. */
export type { IncludeResolver } from './bind.ts';
export type { InterfaceUse } from './context.ts';
export { checkAgainstHost, type HostFacts } from './host.ts';
export { createIncludeResolver, type FileAccess } from './include.ts';
export type { ArgumentForm, BlockForm, Keyword, Support } from './keyword.ts';
export { parse } from './parser.ts';
export { type ConfigurationSource, type KeepalivedReading, type ReadOptions, readKeepalived, readKeepalivedFiles } from './read.ts';
export { type Place, Reporter } from './report.ts';
export { SourceText } from './source.ts';
export { type Block, type Document, type Part, print, type Statement } from './syntax.ts';
export { type KeywordPath, keywordPaths, ROOT_SCOPE } from './table.ts';
