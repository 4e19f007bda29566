#!/usr/bin/env node
// The `vipwright` command as it is installed (dist/bin/vipwright.js): runs the bundle beside it with the code that the build has compiled.
// For another version of Node than that of the build, V8 refuses that code and compiles the bundle itself, which only takes longer.
// CommonJS, because Node needs longer to get its loader of modules going than most files need to be checked.
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');

const filename = join(__dirname, 'command.cjs');
const script = new Script(readFileSync(filename, 'latin1'), { filename, cachedData: readFileSync(`${filename}.cache`) });
script
  .runInThisContext()(require, (specifier) => import(specifier))
  .runCommand(process.argv);
