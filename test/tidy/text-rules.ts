/** House rules about words, documents and the list of dependencies. Each gives one line for each violation. */
import { posix } from 'node:path';
import { isDocument, type SourceFile } from './sources.ts';

/** Written with a bracket so that a pattern does not match itself. */
const FORBIDDEN: readonly { readonly pattern: RegExp; readonly why: string }[] = [
  { pattern: /\b(T[O]DO|F[I]XME|X[X]X\b|H[A]CK\b)/, why: 'finish it, or write an issue' },
  { pattern: /(?<![\w.])\/(wor[k]|hom[e]|User[s])\//, why: 'a path of somebody’s machine' },
  {
    pattern: /registr[y]\.(npmjs|yarnpkg|npmmirror)|npm[.]pkg[.]github|artifactor[y]/i,
    why: 'a package registry; that is npm’s configuration',
  },
  { pattern: /\b(claud[e]|anthropi[c]|opena[i]|chatgp[t]|copilo[t])\b/i, why: 'the tools of whoever wrote it' },
];

export function forbiddenWords(files: readonly SourceFile[]): string[] {
  return eachLine(files, (line, place) =>
    FORBIDDEN.filter(({ pattern }) => pattern.test(line)).map(({ pattern, why }) => `${place}: ${pattern.exec(line)?.[0]} (${why})`),
  );
}

const ADDRESS = /[\w.+-]+@(?:[\w-]+\.)+[a-z]{2,}\b/gi;
const NOBODY = /@(?:[\w-]+\.)*(?:example\.(?:com|net|org)|example|invalid|test|localhost|test\.com)$/i;

/** A mail address of a real person has no place here. */
export function personalAddresses(files: readonly SourceFile[]): string[] {
  return eachLine(files, (line, place) => {
    const found = [...line.matchAll(ADDRESS)].map((match) => match[0]);
    return found.filter((address) => !NOBODY.test(address)).map((address) => `${place}: ${address} is not at example.com`);
  });
}

function eachLine(files: readonly SourceFile[], check: (line: string, place: string) => string[]): string[] {
  return files.flatMap((file) => file.text.split('\n').flatMap((line, index) => check(line, `${file.path}:${index + 1}`)));
}

/** Links of our documents to our own files and headings lead somewhere. */
export function brokenLinks(files: readonly SourceFile[]): string[] {
  const paths = new Set(files.map((file) => file.path));
  const folders = new Set(files.flatMap((file) => ancestors(file.path)));
  const headings = new Map(files.filter(isDocument).map((file) => [file.path, headingAnchors(file.text)]));
  return files.filter(isDocument).flatMap((file) =>
    linkTargets(file.text).flatMap((target) => {
      const [path = '', anchor] = target.split('#');
      const resolved = path === '' ? file.path : posix.normalize(posix.join(posix.dirname(file.path), path)).replace(/\/$/, '');
      if (!paths.has(resolved) && !folders.has(resolved) && resolved !== '.') return [`${file.path}: ${target} leads nowhere`];
      const missing = anchor !== undefined && !headings.get(resolved)?.has(anchor);
      return missing ? [`${file.path}: ${target} names a heading that is not there`] : [];
    }),
  );
}

/** Only links within the repository: no scheme, and not in a code block. */
function linkTargets(text: string): string[] {
  const prose = text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] as string).filter((target) => !/^[a-z]+:/i.test(target));
}

/** GitHub's anchors: lower case, punctuation gone, spaces to hyphens. */
function headingAnchors(text: string): ReadonlySet<string> {
  const prose = text.replace(/^```[\s\S]*?^```/gm, '');
  const titles = [...prose.matchAll(/^#{1,6}\s+(.+)$/gm)].map((match) => match[1] as string);
  return new Set(
    titles.map((title) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replace(/\s/g, '-'),
    ),
  );
}

function ancestors(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** Every direct dependency has a row in dependencies.md (`| name | …`), and every row has a dependency. */
export function unexplainedDependencies(files: readonly SourceFile[]): string[] {
  const manifest = JSON.parse(files.find((file) => file.path === 'package.json')?.text ?? '{}');
  const names = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
  const table = files.find((file) => file.path === 'dependencies.md')?.text ?? '';
  const rows = [...table.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1] as string);
  return [
    ...names.filter((name) => !rows.includes(name)).map((name) => `dependencies.md: no row for ${name}`),
    ...rows.filter((row) => !names.includes(row)).map((row) => `dependencies.md: ${row} is no dependency`),
  ];
}
