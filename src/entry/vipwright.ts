#!/usr/bin/env node
import { runCli } from '../cli/index.ts';

process.exitCode = await runCli(process.argv);
// To wait for what the engine's own threads have begun, which nobody needs any more, takes longer than most commands. What a slow reader
// has not taken yet must go out first.
if (process.stdout.writableLength === 0 && process.stderr.writableLength === 0) process.exit();
