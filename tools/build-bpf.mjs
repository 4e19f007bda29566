// Compiles the packet path, and the BPF programs of the benchmarks and of the lab, with Debian's clang. Plain JavaScript: part of the set-up.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = dirname(dirname(fileURLToPath(import.meta.url)));
const output = join(repository, 'dist/bpf');
const flags = ['-O2', '-g', '-mcpu=v3', '-target', 'bpf', '-Wall', '-Wextra', '-Werror', '-Wno-unused-function', '-fno-strict-aliasing'];
/** Debian keeps the C library's machine-dependent headers in a directory of the machine's name. */
const include = `/usr/include/${process.arch === 'x64' ? 'x86_64' : process.arch === 'arm64' ? 'aarch64' : process.arch}-linux-gnu`;

function filesBelow(folder) {
  const path = join(repository, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, encoding: 'utf8' }).map((name) => join(path, name));
}

/** Compiles every *.bpf.c that is newer, or that has a newer header, than its object. Throws with clang's words. */
export async function buildBpf() {
  mkdirSync(output, { recursive: true });
  const files = [...filesBelow('bpf'), ...filesBelow('bench'), ...filesBelow('lab/programs')].filter((name) => /\.(h|c)$/.test(name));
  const newest = Math.max(...files.map((name) => statSync(name).mtimeMs));
  for (const source of files.filter((name) => name.endsWith('.bpf.c'))) {
    const object = join(output, basename(source).replace(/\.c$/, '.o'));
    if (existsSync(object) && statSync(object).mtimeMs >= newest) continue;
    compile(source, object);
  }
}

/** Compiles what `change` makes of a file of the repository: another version of the packet path, as tests of its exchange need one. */
export function compileChanged(file, object, change) {
  const source = `${object}.c`;
  writeFileSync(source, change(readFileSync(join(repository, file), 'utf8')));
  try {
    compile(source, object);
  } finally {
    rmSync(source);
  }
}

function compile(source, object) {
  const words = [...flags, '-I', include, '-I', join(repository, 'bpf'), '-c', source, '-o', object];
  const { status, stderr, error } = spawnSync('clang-19', words, { encoding: 'utf8' });
  if (error) throw error;
  if (status !== 0) throw new Error(`clang-19 could not compile ${source}:\n${stderr}`);
}
