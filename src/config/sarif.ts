/** Diagnostics as SARIF 2.1.0 (OASIS standard), which editors and code hosts show beside the text. */
import type { Diagnostic, Fix, SourceRange } from '../base/index.ts';
import { DIAGNOSTIC_CODES } from './codes.ts';

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';
const LEVELS = { error: 'error', warning: 'warning', info: 'note' } as const;
const RULE_IDS = Object.keys(DIAGNOSTIC_CODES);

/** The whole log as a value for JSON. Every code is a rule; columns count characters, as they do in all our output. */
export function toSarif(diagnostics: readonly Diagnostic[], version: string): object {
  return {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'vipwright',
            semanticVersion: version,
            rules: Object.entries(DIAGNOSTIC_CODES).map(([id, { severity, meaning }]) => ({
              id,
              shortDescription: { text: meaning },
              defaultConfiguration: { level: LEVELS[severity] },
            })),
          },
        },
        columnKind: 'unicodeCodePoints',
        results: diagnostics.map(result),
      },
    ],
  };
}

function result({ code, severity, message, help, file, range, fix }: Diagnostic): object {
  const ruleIndex = RULE_IDS.indexOf(code);
  return {
    ruleId: code,
    ...(ruleIndex >= 0 && { ruleIndex }),
    level: LEVELS[severity],
    message: { text: help === undefined ? message : `${message} ${help}` },
    locations: [{ physicalLocation: { artifactLocation: { uri: uriOf(file) }, region: regionOf(range) } }],
    ...(fix && { fixes: [fixOf(file, fix)] }),
  };
}

function fixOf(file: string, { description, range, replacement }: Fix): object {
  return {
    description: { text: description },
    artifactChanges: [
      {
        artifactLocation: { uri: uriOf(file) },
        replacements: [{ deletedRegion: regionOf(range), insertedContent: { text: replacement } }],
      },
    ],
  };
}

function regionOf({ line, column, endLine, endColumn }: SourceRange): object {
  return { startLine: line, startColumn: column, endLine, endColumn };
}

/** A path as a URI reference: absolute paths get the scheme, relative ones stay relative to wherever the log is looked at. */
function uriOf(path: string): string {
  const encoded = path
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .split('/')
    .map(encodeURIComponent)
    .join('/');
  return path.startsWith('/') ? `file://${encoded}` : encoded;
}
