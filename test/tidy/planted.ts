/** A small working copy with the house's own configuration, in which a test plants violations. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const CONFIGURATION = ['package.json', 'tsconfig.json', 'biome.json', '.oxlintrc.json', 'knip.json'];

export class PlantedCopy {
  readonly root: string;

  /** Outside the repository, whose .gitignore the tools would obey; packages are this repository's. */
  constructor(files: Readonly<Record<string, string>>) {
    this.root = realpathSync(mkdtempSync(join(tmpdir(), 'vipwright-planted-')));
    symlinkSync(join(REPOSITORY, 'node_modules'), join(this.root, 'node_modules'));
    for (const name of CONFIGURATION) copyFileSync(join(REPOSITORY, name), join(this.root, name));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.root, path)), { recursive: true });
      writeFileSync(join(this.root, path), text);
    }
  }

  /** Runs a tool of this repository in the copy and gives all that it printed, without colours. */
  run(tool: string, ...args: readonly string[]): { readonly status: number | null; readonly output: string } {
    const environment = { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined };
    const binary = join(REPOSITORY, 'node_modules/.bin', tool);
    const { status, stdout, stderr } = spawnSync(binary, args, { cwd: this.root, encoding: 'utf8', env: environment });
    return { status, output: stdout + stderr };
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
