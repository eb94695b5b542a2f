/** What the page shows, as its address: `?n=2^68+1&job=…`. */
import { parseNumber } from '../format/parse-number.ts';

export interface Shown {
  /** As it was entered. */
  readonly n: string;
  readonly job: string | undefined;
}

const JOB_ID = /^[a-z0-9-]{1,64}$/;

/** @param search of a URL, with or without its question mark. What can't be read is left out. */
export function readAddress(search: string): Partial<Shown> {
  const query = new URLSearchParams(search);
  const n = query.get('n');
  const job = query.get('job');
  return {
    ...(n !== null && 'value' in parseNumber(n) ? { n } : {}),
    ...(job !== null && JOB_ID.test(job) ? { job } : {}),
  };
}

/** The part of the address after the path. Powers stay readable. */
export function writeAddress({ n, job }: Shown): string {
  const number = encodeURIComponent(n.replace(/\s/g, '')).replaceAll('%5E', '^').replaceAll('%2C', ',');
  return `?n=${number}${job === undefined ? '' : `&job=${job}`}`;
}
