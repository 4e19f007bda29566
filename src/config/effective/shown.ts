/** A shown configuration: statements with where each comes from, and its text. */

/** One statement, or one line of a block of entries (which has no keyword of its own). */
export interface Shown {
  readonly words: readonly string[];
  /** `default`, `FILE:LINE`, or the block that it is taken over from and its place. */
  readonly origin: string;
  readonly block?: readonly Shown[];
  /** What holds though it cannot be written as a statement: `nopreempt: off`. */
  readonly notes?: readonly string[];
}

/** The first line of a shown configuration. By it `show` knows its own work, and believes the origins that are written there. */
export const SHOWN_HEADER = '# Effective configuration of ';
const MARGIN = 48;
const INDENT = '    ';

export function headerOf(file: string): string {
  return `${SHOWN_HEADER}${file.replace(/\p{Cc}/gu, '\ufffd')}. Secrets are left out.`;
}

/** keepalived.conf again, the origin of each line behind it. */
export function shownText(header: string, statements: readonly Shown[]): string {
  const parts = statements.map((statement) => (statement.block ? `\n${statementText(statement, '')}` : statementText(statement, '')));
  return `${header}\n${parts.join('')}`;
}

function statementText({ words, origin, block, notes = [] }: Shown, indent: string): string {
  const head = `${indent}${words.join(' ')}`;
  if (!block) return withOrigin(head, origin);
  const inner = indent + INDENT;
  const lines = [...block.map((statement) => statementText(statement, inner)), ...notes.map((note) => `${inner}# ${note}\n`)];
  return `${withOrigin(`${head} {`, origin)}${lines.join('')}${indent}}\n`;
}

function withOrigin(statement: string, origin: string): string {
  return `${statement.padEnd(MARGIN)} # ${origin}\n`;
}
