/**
 * True if the printed table is the wanted one: the same lines, and in each line the same words. The spaces between words do not count
 * (the exact layout is tested elsewhere); a `*` in a wanted word stands for any characters, since counters move.
 */
export function matchesTable(wanted: readonly string[], printed: string): boolean {
  const lines = printed.split('\n').filter((line) => line.trim() !== '');
  return lines.length === wanted.length && wanted.every((row, index) => matchesRow(words(row), words(lines[index] ?? '')));
}

function matchesRow(wanted: readonly string[], printed: readonly string[]): boolean {
  return wanted.length === printed.length && wanted.every((word, index) => matchesWord(word, printed[index] ?? ''));
}

function matchesWord(wanted: string, printed: string): boolean {
  const pattern = wanted.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${pattern.join('.*')}$`).test(printed);
}

function words(line: string): string[] {
  return line.trim().split(/\s+/);
}
