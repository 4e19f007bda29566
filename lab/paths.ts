/** Where things are in the project, found the same way from the sources and from the compiled tree. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('the lab is not inside the project');
    folder = parent;
  }
  return folder;
}

export const projectRoot = findRoot();

/** A compiled script of the project. The lab's machines run the compiled tree, also when the lab itself runs from its sources. */
export function compiled(path: string): string {
  const script = join(projectRoot, 'dist', path);
  if (!existsSync(script)) throw new Error(`${script} is missing: run "npm run build" first`);
  return script;
}
