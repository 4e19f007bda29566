/** Configuration languages to the model, with diagnostics. Pure: files are read by whoever calls. */
export { DIAGNOSTIC_CODES, type DiagnosticCode } from './codes.ts';
export { consequenceOf } from './consequences.ts';
export {
  type Change,
  changeText,
  diffConfigurations,
  type Shown,
  type ShownConfiguration,
  showConfiguration,
  shownText,
} from './effective/index.ts';
export { type FirewallProblem, readFirewall } from './firewall/index.ts';
export { applyFixes, type Fixable, isFixable } from './fixes.ts';
export {
  type ConfigurationSource,
  checkAgainstHost,
  createIncludeResolver,
  decodeConfiguration,
  encodeConfiguration,
  type FileAccess,
  formatConfiguration,
  type HostFacts,
  type IncludeResolver,
  type InterfaceUse,
  type KeepalivedReading,
  type KeywordPath,
  keywordPaths,
  lineWordPaths,
  parse,
  print,
  type ReadOptions,
  Reporter,
  ROOT_SCOPE,
  readKeepalived,
  readKeepalivedFiles,
  SourceText,
} from './keepalived/index.ts';
export { type KeywordReference, keywordReferences, keywordsPage } from './reference.ts';
export { formatDiagnostic, renderDiagnostic, summarize, verdictOf } from './render.ts';
export { toSarif } from './sarif.ts';
export { checkScripts, type ProgramFacts, type ProgramLookup } from './scripts.ts';
export { KEEPALIVED_EXIT, keepalivedExitCode } from './verdict.ts';
