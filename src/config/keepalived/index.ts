/** The language of keepalived.conf(5): text to tree, tree to model, diagnostics on the way. */
export { type BoundBlock, type BoundStatement, canonicalName, placeOf } from './bind.ts';
export { decodeConfiguration, encodeConfiguration } from './bytes.ts';
export type { InterfaceUse } from './context.ts';
export { formatConfiguration } from './format.ts';
export { checkAgainstHost, type HostFacts } from './host.ts';
export { createIncludeResolver, type FileAccess, type IncludedFile, type IncludeResolver } from './include.ts';
export type { ArgumentForm, BlockForm, Keyword, Support } from './keyword.ts';
export { wordValue } from './lexer.ts';
export { parse } from './parser.ts';
export { type ConfigurationSource, type KeepalivedReading, type ReadOptions, readKeepalived, readKeepalivedFiles } from './read.ts';
export { type Place, Reporter } from './report.ts';
export { SourceText } from './source.ts';
export { type Block, type Document, print, type Statement, tokenPlace } from './syntax.ts';
export { type KeywordPath, keywordPaths, lineWordPaths, ROOT_SCOPE } from './table.ts';
