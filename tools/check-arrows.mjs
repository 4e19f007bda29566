// Runs the boundary rules of .dependency-cruiser.cjs. The tool's own command is content when it finds no module at all
// (a missing compiler package is enough for that); this fails then.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cruise } from 'dependency-cruiser';
import extractTsConfig from 'dependency-cruiser/config-utl/extract-ts-config';

const repository = dirname(dirname(fileURLToPath(import.meta.url)));

/** Cruises the folders under `root` and gives every violation as one line, and how many modules were seen. */
export async function checkArrows(root, folders) {
  const { options, forbidden } = createRequire(import.meta.url)(join(repository, '.dependency-cruiser.cjs'));
  const { output } = await cruise(
    folders,
    { ...options, baseDir: root, validate: true, ruleSet: { forbidden }, tsConfig: { fileName: join(root, 'tsconfig.json') } },
    undefined,
    { tsConfig: extractTsConfig(join(root, 'tsconfig.json')) },
  );
  return {
    modules: output.summary.totalCruised,
    violations: output.summary.violations.map(({ rule, from, to, cycle }) => {
      const path = cycle ? [from, ...cycle.map((step) => step.name ?? step)].join(' → ') : `${from} → ${to}`;
      return `${rule.name}: ${path}`;
    }),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { modules, violations } = await checkArrows(repository, ['src', 'lab', 'sim', 'bench', 'test']);
  for (const line of violations) console.error(line);
  console.error(`${modules} modules cruised, ${violations.length} boundary violations`);
  process.exitCode = modules === 0 || violations.length > 0 ? 1 : 0;
}
