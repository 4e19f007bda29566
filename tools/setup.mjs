// The first command on a fresh clone: node tools/setup.mjs build|test|demo|bench|sim [arguments]
//
// It looks at the machine first and says everything that is missing at once, with what to do; then nothing has been changed.
// When nothing stands in the way it installs what it can (npm packages, Debian packages), compiles, and runs the command.
// Plain JavaScript, because it runs before anything is installed. Messages go to standard error: standard output belongs to the command.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installDebianPackages } from './debian.mjs';
import { lookAtMachine, obstacles } from './requirements.mjs';

const repository = dirname(dirname(fileURLToPath(import.meta.url)));

/** `needs` and, `for` what comes first behind the command, further groups of packages. */
const commands = {
  build: { needs: ['build'], privileged: false, run: () => 0 },
  test: { needs: ['build', 'lab'], privileged: true, run: runTests },
  demo: { needs: ['build', 'lab'], privileged: true, run: (rest) => runNode('dist/lab/demo.js', rest) },
  bench: { needs: ['build', 'lab'], for: { kernel: ['kernel'] }, privileged: true, run: (rest) => runNode('dist/bench/main.js', rest) },
  sim: { needs: [], privileged: false, run: (rest) => runNode('dist/sim/main.js', rest) },
};

function say(line) {
  process.stderr.write(`setup: ${line}\n`);
}

/** Runs a program with what it prints on standard error; true when it ended with 0. */
function succeeds(program, args) {
  const { status, error } = spawnSync(program, args, { cwd: repository, stdio: ['ignore', 2, 2] });
  if (error) say(`${program}: ${error.message}`);
  return status === 0;
}

/**
 * Runs a Node program in place of this one and gives its exit code. A signal that reaches us is passed on and not obeyed:
 * the program cleans up and ends, then we end. (From a terminal it gets the signal twice, which it has to bear anyway.)
 */
function runNode(script, args) {
  const child = spawn(process.execPath, [join(repository, script), ...args], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => {
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

/** npm wrote down what it installed; it must be what the lock file asks for (optional packages of other platforms may be absent). */
function npmIsCurrent() {
  const installedList = join(repository, 'node_modules/.package-lock.json');
  if (!existsSync(installedList)) return false;
  const wanted = JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(installedList, 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const found = installed[path];
    return found ? found.version === entry.version : entry.optional === true || entry.devOptional === true;
  });
}

function installNpmPackages() {
  if (npmIsCurrent()) return true;
  say('installing npm packages (npm ci)');
  if (succeeds('npm', ['ci', '--no-audit', '--no-fund'])) return true;
  say('npm ci failed (its message is above). Nothing else was done; run the same command again when that is mended.');
  return false;
}

function compileTypeScript() {
  return succeeds(process.execPath, [join(repository, 'node_modules/@typescript/native/bin/tsc'), '--project', repository]);
}

async function bundle() {
  // Loaded only here: it is no part of what must be there before npm has run.
  const { bundleCommand } = await import('./bundle.mjs');
  await bundleCommand(repository);
  linkCommands();
}

const programs = { vipwright: 'dist/bin/vipwright.js', vipwrightd: 'dist/src/entry/vipwrightd.js' };

/** npx looks for a package's own commands among those of its dependencies, where npm does not put them. */
function linkCommands() {
  for (const [name, program] of Object.entries(programs)) {
    const link = join(repository, 'node_modules/.bin', name);
    chmodSync(join(repository, program), 0o755);
    rmSync(link, { force: true });
    symlinkSync(`../../${program}`, link);
  }
}

async function compileBpf() {
  // Loaded only here: it is no part of what must be there before npm has run.
  const { buildBpf } = await import('./build-bpf.mjs');
  try {
    await buildBpf();
    return true;
  } catch (error) {
    say(error.message);
    return false;
  }
}

/** vitest, and then one line that sums it up. A file that cannot even be loaded counts as one failed test. */
async function runTests(rest) {
  const report = join(repository, 'dist/test-report.json');
  rmSync(report, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const status = await runNode('node_modules/vitest/vitest.mjs', ['run', `--root=${repository}`, ...reporters, ...rest]);
  const { passed, failed, skipped } = summarize(report, status !== 0);
  process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
  return failed > 0 ? 1 : 0;
}

function summarize(report, endedBadly) {
  if (!existsSync(report)) return { passed: 0, failed: 1, skipped: 0 };
  const result = JSON.parse(readFileSync(report, 'utf8'));
  const unloadable = result.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  );
  const failed = result.numFailedTests + unloadable.length;
  return {
    passed: result.numPassedTests,
    // An error outside any test (an unhandled rejection) makes the run fail without a failed test.
    failed: failed === 0 && endedBadly ? 1 : failed,
    skipped: result.numPendingTests + result.numTodoTests,
  };
}

async function main([name, ...rest]) {
  const command = commands[name];
  if (!command) {
    say(`usage: node tools/setup.mjs ${Object.keys(commands).join('|')} [arguments]`);
    return 1;
  }
  const machine = lookAtMachine([...command.needs, ...(command.for?.[rest[0]] ?? [])]);
  const problems = obstacles(command, machine);
  if (problems.length > 0) {
    say(`"${name}" cannot run on this machine yet; nothing was changed.`);
    for (const problem of problems) say(`- ${problem}`);
    return 1;
  }
  if (!installNpmPackages()) return 1;
  if (machine.missing.length > 0) {
    say(`installing Debian packages: ${machine.missing.join(' ')}`);
    if (!installDebianPackages(machine.missing, succeeds, say)) return 1;
  }
  if (!compileTypeScript()) return 1;
  await bundle();
  if (command.needs.includes('build') && !(await compileBpf())) return 1;
  return command.run(rest);
}

process.exitCode = await main(process.argv.slice(2));
