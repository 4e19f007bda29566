// Puts the parts of the `vipwright` command that read configurations into one file under dist/bin, from more than a hundred, with what V8
// makes of it beside it: Node needs longer to find, load and compile so many modules than `vipwright check` needs for most
// configurations. Every other command is loaded from where the compiler has put it, when it is asked for.
import { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { rolldown } from 'rolldown';

const bundled = /^(base|model|config)\/|^cli\/(check|config|files)\/|^cli\/(main|index)\.ts$/;

/** `repository` is where src and dist are. */
export async function bundleCommand(repository) {
  const folder = join(repository, 'dist/bin');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const filename = join(folder, 'command.cjs');
  // V8 forgets how to import for code that it did not compile itself, so whoever runs this does it.
  const text = inAscii(`(function (require, load) {\nconst exports = {};\n${await bundle(join(repository, 'src/'))}\nreturn exports;\n})`);
  writeFileSync(filename, text);
  writeFileSync(`${filename}.cache`, await compiled(text, filename, join(repository, 'test/golden/seeds')));
  copyFileSync(join(repository, 'tools/vipwright.cjs'), join(folder, 'vipwright.js'));
  chmodSync(join(folder, 'vipwright.js'), 0o755);
  // The package around it is of modules.
  writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }\n');
  // The one package among what is bundled; its licence asks to go with it.
  copyFileSync(join(repository, 'node_modules/commander/LICENSE'), join(folder, 'LICENSE.commander'));
}

async function bundle(sources) {
  const made = await rolldown({
    input: join(sources, 'cli/main.ts'),
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
      {
        name: 'start without what starts programs',
        // For commands that are programs of their own, of which there are none.
        transform(code, id) {
          return id.endsWith('/commander/lib/command.js') ? code.replace("require('node:child_process')", 'undefined') : null;
        },
      },
    ],
  });
  const minify = { compress: false, mangle: false, codegen: { removeWhitespace: true } };
  const { output } = await made.generate({ format: 'cjs', codeSplitting: false, comments: false, minify });
  await made.close();
  return output[0].code.replaceAll(/\bimport\((["'`]\.\.\/src\/)/g, 'load($1');
}

/** Whatever is not ASCII stands in strings and patterns. Text in one byte a character is read faster, and takes half of the memory. */
function inAscii(text) {
  return text.replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** V8 keeps what it has compiled by then, and it compiles what is called: so some configurations are read. */
async function compiled(text, filename, samples) {
  const script = new Script(text, { filename });
  const { runCli } = script.runInThisContext()(createRequire(filename));
  const files = readdirSync(samples).filter((name) => name.endsWith('.conf'));
  const { write } = process.stdout;
  process.stdout.write = () => true;
  try {
    await runCli(['node', 'vipwright', 'check', ...files.map((name) => join(samples, name))]);
  } finally {
    process.stdout.write = write;
  }
  return script.createCachedData();
}
