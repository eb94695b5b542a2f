/** The command `threads`. */
import './heap-size.ts';
import { run } from './program.ts';

// `threads jobs | head` closes the pipe early, which is no error, unless the command has said beforehand that it is.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? (process.exitCode ?? 0) : 1);
});

process.exitCode = await run(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
});
