#!/usr/bin/env node
/** The command `threads` when this package is linked or installed. */
import { main } from '../scripts/bootstrap.mjs';

await main('cli/main.ts', process.argv.slice(2));
