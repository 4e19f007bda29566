// Puts the parts of the `vipwright` command that read configurations into a few files under dist/bin, from more than a hundred: Node
// needs longer to find and load so many modules than `vipwright check` needs for most configurations. Every other command is loaded
// from where the compiler has put it, when it is asked for.
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const bundled = /^(entry|base|model|config)\/|^cli\/(check|config|files)\/|^cli\/(main|index)\.ts$/;

/** `repository` is where src and dist are. */
export async function bundleCommand(repository) {
  const sources = join(repository, 'src/');
  const bundle = await rolldown({
    input: join(sources, 'entry/vipwright.ts'),
    platform: 'node',
    plugins: [
      {
        name: 'leave other commands where they are',
        async resolveId(specifier, importer) {
          if (!importer?.startsWith(sources) || !specifier.startsWith('.')) return null;
          const path = join(importer, '..', specifier).slice(sources.length);
          return bundled.test(path) ? null : { id: `../src/${path.replace(/\.ts$/, '.js')}`, external: true };
        },
      },
    ],
  });
  const folder = join(repository, 'dist/bin');
  await bundle.write({ dir: folder, format: 'esm', cleanDir: true });
  await bundle.close();
  // The one package among what is bundled; its licence asks to go with it.
  copyFileSync(join(repository, 'node_modules/commander/LICENSE'), join(folder, 'LICENSE.commander'));
}
