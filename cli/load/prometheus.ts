/** Reads values of Prometheus' text format. */

const TIMEOUT_MS = 10_000;

/** The whole text; undefined if it can't be had. */
export async function readMetrics(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return response.ok ? await response.text() : undefined;
  } catch {
    return undefined;
  }
}

/** The sum over all labels of a metric; undefined if it can't be had. */
export async function readMetric(url: string, name: string): Promise<number | undefined> {
  const text = await readMetrics(url);
  return text === undefined ? undefined : sumOf(text, name);
}

export function sumOf(text: string, name: string): number | undefined {
  const values = samples(text, name).map(({ value }) => value);
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
}

/** Counts up to each bound of a histogram without other labels, as they are: cumulative. */
export function bucketsOf(text: string, name: string): Map<number, number> {
  const buckets = new Map<number, number>();
  for (const { labels, value } of samples(text, `${name}_bucket`)) {
    const [, bound] = /le="([^"]*)"/.exec(labels) ?? [];
    if (bound !== undefined) buckets.set(bound === '+Inf' ? Infinity : Number(bound), value);
  }
  return buckets;
}

function samples(text: string, name: string): { readonly labels: string; readonly value: number }[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith(name) && /[ {]/.test(line[name.length] ?? ''))
    .map((line) => {
      const space = line.lastIndexOf(' ');
      return { labels: line.slice(name.length, space), value: Number(line.slice(space + 1)) };
    });
}
