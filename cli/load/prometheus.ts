/** Reads single values of Prometheus' text format. */

const TIMEOUT_MS = 10_000;

/** The sum over all labels of a metric; undefined if it can't be had. */
export async function readMetric(url: string, name: string): Promise<number | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return response.ok ? sumOf(await response.text(), name) : undefined;
  } catch {
    return undefined;
  }
}

export function sumOf(text: string, name: string): number | undefined {
  const values = text
    .split('\n')
    .filter((line) => line.startsWith(name) && /[ {]/.test(line[name.length] ?? ''))
    .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
}
