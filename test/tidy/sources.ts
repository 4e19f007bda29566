/** The files of a working copy, for rules that look at text. */
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative } from 'node:path';
import ts from 'typescript';

/** Made by tools, or recorded from somebody else's program: not ours to keep tidy. */
const NOT_OURS = new Set([
  '.git',
  'node_modules',
  'dist',
  'coverage',
  '.lab',
  'test/golden',
  'package-lock.json',
  'LICENSE',
  'bpf/LICENSE',
]);

export interface SourceFile {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** Every file of ours below `root`, in a stable order. */
export function readSources(root: string): readonly SourceFile[] {
  const files: SourceFile[] = [];
  const visit = (folder: string) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const absolute = join(folder, entry.name);
      const path = relative(root, absolute);
      if (NOT_OURS.has(path)) continue;
      if (entry.isDirectory()) visit(absolute);
      else if (entry.isFile()) files.push({ path, text: readFileSync(absolute, 'utf8') });
    }
  };
  visit(root);
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

const PROGRAM = new Set(['.ts', '.mjs', '.cjs']);
const KERNEL = new Set(['.c', '.h']);

export function isProgram(file: SourceFile): boolean {
  return PROGRAM.has(extname(file.path));
}

export function isCode(file: SourceFile): boolean {
  return isProgram(file) || KERNEL.has(extname(file.path));
}

export function isTest(file: SourceFile): boolean {
  return file.path.endsWith('.test.ts');
}

export function isDocument(file: SourceFile): boolean {
  return file.path.endsWith('.md');
}

export function lineCount(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}

const trees = new WeakMap<SourceFile, ts.SourceFile>();

/** The syntax tree of a program, with parents; parsed once. */
export function parse(file: SourceFile): ts.SourceFile {
  const known = trees.get(file);
  if (known) return known;
  const tree = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.Latest, true);
  trees.set(file, tree);
  return tree;
}

/** `path:line` of a node, as an editor opens it. */
export function placeOf(file: SourceFile, tree: ts.SourceFile, node: ts.Node): string {
  return `${file.path}:${tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
}
