/** Configuration languages to the model, with diagnostics. Pure: files are read by whoever calls. */
export { DIAGNOSTIC_CODES, type DiagnosticCode } from './codes.ts';
export {
  type ConfigurationSource,
  checkAgainstHost,
  createIncludeResolver,
  type FileAccess,
  type HostFacts,
  type IncludeResolver,
  type InterfaceUse,
  type KeepalivedReading,
  type KeywordPath,
  keywordPaths,
  parse,
  print,
  type ReadOptions,
  Reporter,
  ROOT_SCOPE,
  readKeepalived,
  readKeepalivedFiles,
  SourceText,
} from './keepalived/index.ts';
export { formatDiagnostic, renderDiagnostic, summarize } from './render.ts';
