/** House rules about code that no linter of ours knows. Each gives one line for each violation. */
import { dirname } from 'node:path';
import ts from 'typescript';
import { isCode, isProgram, isTest, lineCount, parse, placeOf, type SourceFile } from './sources.ts';

export const FILE_LINES_SOFT = 400;
export const FILE_LINES_MAX = 600;
export const FUNCTION_LINES_MAX = 70;

export function longFiles(files: readonly SourceFile[], limit: number): string[] {
  return files
    .filter((file) => isCode(file) && lineCount(file.text) > limit)
    .map((file) => `${file.path}: ${lineCount(file.text)} lines, the limit is ${limit}`);
}

export function longFunctions(files: readonly SourceFile[]): string[] {
  return files.filter(isProgram).flatMap((file) => {
    const tree = parse(file);
    const problems: string[] = [];
    const visit = (node: ts.Node) => {
      if (isFunctionWithBody(node)) {
        const lines = lineAt(tree, node.getEnd()) - lineAt(tree, node.getStart()) + 1;
        const what = `${placeOf(file, tree, node)}: a function of ${lines} lines, the limit is ${FUNCTION_LINES_MAX}`;
        if (lines > FUNCTION_LINES_MAX && !groupsTests(node)) problems.push(what);
      }
      ts.forEachChild(node, visit);
    };
    visit(tree);
    return problems;
  });
}

function isFunctionWithBody(node: ts.Node): node is ts.FunctionLikeDeclaration {
  return ts.isFunctionLike(node) && 'body' in node && node.body !== undefined;
}

/** The callback of `describe` and a function around several `it` is a list of tests, as long as the list is. */
function groupsTests(node: ts.Node): boolean {
  let found = false;
  const visit = (child: ts.Node) => {
    if (found) return;
    if (ts.isCallExpression(child) && /^(describe|it|test)$/.test(calleeWords(child)[0] ?? '')) found = true;
    else ts.forEachChild(child, visit);
  };
  ts.forEachChild(node, visit);
  return found;
}

function lineAt(tree: ts.SourceFile, position: number): number {
  return tree.getLineAndCharacterOfPosition(position).line;
}

/** A folder of src is entered through its index.ts, so it has one. The mains in entry are not entered at all. */
export function foldersWithoutIndex(files: readonly SourceFile[]): string[] {
  const layers = new Set<string>();
  for (const { path } of files) {
    const part = /^src\/(?:(?:os|dataplane|cli)\/[^/]+|[^/]+)(?=\/)/.exec(path)?.[0];
    if (part !== undefined && path.endsWith('.ts') && dirname(path).startsWith(part)) layers.add(part);
  }
  return [...layers]
    .filter((layer) => layer !== 'src/entry' && !files.some((file) => file.path === `${layer}/index.ts`))
    .map((layer) => `${layer}: no index.ts`);
}

const OFF = new Set(['only', 'skip', 'todo', 'fails']);

/** A test that is switched off, or that switches the others off, looks like a test that passes. */
export function switchedOffTests(files: readonly SourceFile[]): string[] {
  return testCalls(files)
    .filter(({ callee }) => callee.some((word) => OFF.has(word)))
    .map(({ place, callee }) => `${place}: ${callee.join('.')}`);
}

/** Two tests of one name in one group: a failure does not say which. */
export function duplicateTestNames(files: readonly SourceFile[]): string[] {
  const seen = new Map<string, string>();
  return testCalls(files).flatMap(({ place, file, names }) => {
    const key = [file, ...names].join(' > ');
    const first = seen.get(key);
    if (first === undefined) seen.set(key, place);
    return first === undefined ? [] : [`${place}: the same name as ${first}: ${names.join(' > ')}`];
  });
}

interface TestCall {
  readonly file: string;
  readonly place: string;
  /** `it`, or `describe` and `each`: the words before the arguments. */
  readonly callee: readonly string[];
  readonly names: readonly string[];
}

function testCalls(files: readonly SourceFile[]): TestCall[] {
  return files.filter(isTest).flatMap((file) => {
    const tree = parse(file);
    const calls: TestCall[] = [];
    const visit = (node: ts.Node, groups: readonly string[]) => {
      const name = testName(node);
      const names = name === undefined ? groups : [...groups, name];
      if (name !== undefined) {
        calls.push({ file: file.path, place: placeOf(file, tree, node), callee: calleeWords(node), names });
      }
      ts.forEachChild(node, (child) => visit(child, names));
    };
    visit(tree, []);
    return calls;
  });
}

/** Of `it.skip.each([…])('name', …)`: it, skip, each. */
function calleeWords(node: ts.Node): string[] {
  if (ts.isCallExpression(node)) return calleeWords(node.expression);
  if (ts.isPropertyAccessExpression(node)) return [...calleeWords(node.expression), node.name.text];
  return ts.isIdentifier(node) ? [node.text] : [];
}

function testName(node: ts.Node): string | undefined {
  if (!ts.isCallExpression(node) || !/^(describe|it|test)$/.test(calleeWords(node)[0] ?? '')) return undefined;
  const [title] = node.arguments;
  return title && ts.isStringLiteralLike(title) ? title.text : undefined;
}

/** A file of tests without a single expectation cannot fail. */
export function testsWithoutExpectation(files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => isTest(file) && !/\b(expect|assert|\w*compliance)\w*(\.\w+)*\(/i.test(file.text))
    .map((file) => `${file.path}: no expectation`);
}
