/**
 * Every option of the project, declared once: environment variable, flag, help, default, and what is expected
 * when a value is not usable. Nothing else reads the environment.
 */
import type { Environment } from './option.ts';

export * from './options/benching.ts';
export * from './options/every.ts';
export * from './options/jobs.ts';
export * from './options/keys.ts';
export * from './options/measuring.ts';
export * from './options/services.ts';
export * from './options/watching.ts';
export * from './options/workers.ts';

export const environment: Environment = process.env;

/** How the user called this program, so that hints can be copied. */
export function selfName(variables: Environment): string {
  return variables['npm_lifecycle_event'] === undefined ? 'threads' : 'npm run -s threads --';
}
