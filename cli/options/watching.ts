/** Options of the report: which Prometheus, and over what time. */
import type { Option } from '../option.ts';

export const PROMETHEUS_URL: Option<string> = {
  flag: 'prometheus',
  env: 'PROMETHEUS_URL',
  value: 'URL',
  help: 'the Prometheus that watches the cluster',
  shown: 'http://127.0.0.1:9091',
  fallback: 'http://127.0.0.1:9091',
  parse: prometheusUrl,
};
export const HOURS: Option<number | undefined> = {
  flag: 'hours',
  value: 'N',
  help: 'the last so many hours; 0.5 is half an hour',
  shown: '1',
  fallback: undefined,
  parse: (text) => {
    const hours = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
    if (hours >= 0.01 && hours <= MOST_HOURS) return hours;
    throw new Error(`a number from 0.01 to ${MOST_HOURS}`);
  },
};
export const SINCE: Option<Date | undefined> = {
  flag: 'since',
  value: 'TIME',
  help: 'from then to now instead, such as 2026-05-01 or 2026-05-01T18:30Z; without Z in this machine’s time',
  fallback: undefined,
  parse: (text) => {
    // A date alone would be read as midnight in UTC.
    const whole = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00` : text.replace(' ', 'T');
    const isTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?$/.test(whole);
    const time = new Date(isTime ? whole : NaN);
    if (!Number.isNaN(time.getTime())) return time;
    throw new Error('a time such as 2026-05-01 or 2026-05-01T18:30Z');
  },
};

const MOST_HOURS = 24 * 366;

/** May have a path, where Prometheus stands behind a proxy; gives no slash at its end. */
function prometheusUrl(text: string): string {
  const expected = 'the address of Prometheus, such as http://127.0.0.1:9091';
  const url = URL.parse(/^[a-z]+:\/\//i.test(text) ? text : `http://${text}`);
  if (url === null || !/^https?:$/.test(url.protocol)) throw new Error(expected);
  if (url.search !== '' || url.hash !== '') throw new Error(`${expected}, without a query`);
  if (url.username !== '' || url.password !== '') throw new Error(`${expected}, without a user`);
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}
