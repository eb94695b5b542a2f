/** audit: who did what. */
import type { AuditLine, AuditList } from '../../protocol/access.ts';
import { apiClient, CLIENT_OPTIONS, EXIT, note, print, wantsJson } from '../command.ts';
import type { Command } from '../command.ts';
import * as options from '../options.ts';
import { table, type Column } from '../table.ts';

const PAGE = 1000;

export const audit: Command = {
  usage: 'audit',
  about: 'Who did what to which job, node or key, newest first. With --json a line of JSON each.',
  options: [
    options.USER_FILTER,
    options.ACTION_FILTER,
    options.TARGET_FILTER,
    options.LIMIT,
    options.ALL,
    ...CLIENT_OPTIONS,
  ],
  takes: [0, 0],
  examples: ['audit --action job.cancel', 'audit --all --json > audit.ndjson'],
  async run(context) {
    const { settings } = context;
    const api = apiClient(context);
    const all = settings.get(options.ALL);
    let before: number | null = null;
    do {
      const { value }: { readonly value: AuditList } = await api.audit({
        user: settings.get(options.USER_FILTER),
        action: settings.get(options.ACTION_FILTER),
        target: settings.get(options.TARGET_FILTER),
        limit: String(all ? PAGE : settings.get(options.LIMIT)),
        before: before === null ? undefined : String(before),
      });
      if (wantsJson(context)) for (const entry of value.entries) print(context, JSON.stringify(entry));
      else if (value.entries.length > 0) print(context, table(value.entries, COLUMNS));
      else if (before === null) note(context, 'Nothing of this kind was done.');
      before = value.next_before;
    } while (all && before !== null);
    return EXIT.done;
  },
};

const COLUMNS: Column<AuditLine>[] = [
  { title: 'WHEN', text: (entry) => entry.at.replace('T', ' ').slice(0, 19) },
  { title: 'USER', text: (entry) => entry.user ?? '–' },
  { title: 'KEY', text: (entry) => entry.key_id ?? '–' },
  { title: 'ROLE', text: (entry) => entry.role ?? '–' },
  { title: 'FROM', text: (entry) => entry.address ?? '–' },
  { title: 'ACTION', text: (entry) => entry.action },
  { title: 'TARGET', text: (entry) => entry.target ?? '–' },
  { title: 'OUTCOME', text: (entry) => entry.outcome },
];
