#!/usr/bin/env node
import { runDaemon } from '../daemon/index.ts';

process.exitCode = await runDaemon(process.argv.slice(2));
