/** move: the store of a stopped coordinator, from its folder into a PostgreSQL that several coordinators share. */
import { CommandError, EXIT, note, printJson, wantsJson } from '../command.ts';
import type { Command } from '../command.ts';
import { UsageError } from '../option.ts';
import * as options from '../options.ts';
import { storeUrl } from '../store-url.ts';

export const move: Command = {
  usage: 'move --data-dir FOLDER --store-url URL',
  about:
    'Copies the embedded store of a stopped coordinator into an empty PostgreSQL database: jobs, results, keys, audit log, and the key that signs leases. Start coordinators with STORE_URL afterwards: jobs go on, and what workers hold stays good. The folder is left as it is: start nothing on it any more.',
  options: [options.DATA_DIR, options.STORE_URL, options.STORE_URL_FILE],
  takes: [0, 0],
  examples: ['move --data-dir ./data --store-url postgres://threads@db/threads'],
  async run(context) {
    const { settings } = context;
    const url = storeUrl(settings);
    if (url === undefined)
      throw new UsageError('move needs the address of the database: --store-url or STORE_URL_FILE');
    const { openContents } = await import('../../coordinator/store/contents.ts');
    const { fillFrom } = await import('../../coordinator/store/postgres/filling.ts');
    const { StartError } = await import('../../coordinator/config.ts');
    try {
      const contents = await openContents(settings.get(options.DATA_DIR));
      try {
        const { rows, done } = await fillFrom(url, contents);
        note(
          context,
          `Moved: ${rows.jobs} jobs with ${done} units counted, ${rows.keys} keys, ${rows.audit} lines of the audit log.`,
        );
        note(context, 'Start coordinators with this STORE_URL now, and none on the old folder.');
        if (wantsJson(context)) printJson(context, JSON.stringify({ ...rows, done: done.toString() }));
        return EXIT.done;
      } finally {
        await contents.close();
      }
    } catch (error) {
      if (error instanceof StartError) throw new CommandError(`nothing was moved: ${error.message}`);
      throw error;
    }
  },
};
