/** The worker loop's log in a browser. */
import type { Log } from '../../log.ts';

export const consoleLog: Log = {
  debug: (fields, message) => console.debug(message, fields),
  info: (fields, message) => console.info(message, fields),
  warn: (fields, message) => console.warn(message, fields),
  error: (fields, message) => console.error(message, fields),
};
