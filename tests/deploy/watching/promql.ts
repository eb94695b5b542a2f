/** Which metrics an expression of PromQL asks for. No parser: Prometheus itself says whether an expression is one. */

const WORDS = new Set(
  'and or unless by without on ignoring group_left group_right bool offset inf nan'.split(' '),
);

export interface Selected {
  readonly metric: string;
  /** Labels that its matchers name. */
  readonly labels: readonly string[];
}

/** Every selector of an expression, in its order. */
export function selectorsOf(expression: string): readonly Selected[] {
  const bare = expression
    // Labels in parentheses are no metrics.
    .replaceAll(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ')
    // Ranges hold units: [5m], [1h:30s].
    .replaceAll(/\[[^\]]*\]/g, ' ');
  const found: Selected[] = [];
  const selector = /([a-zA-Z_:][\w:]*)\s*(\(|\{((?:[^}"']|"[^"]*"|'[^']*')*)\})?|"[^"]*"|\d[\w.]*/g;
  for (const [, metric, behind, matchers = ''] of bare.matchAll(selector)) {
    if (metric === undefined || behind === '(' || WORDS.has(metric.toLowerCase())) continue;
    const labels = Array.from(matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g), ([, label = '']) => label);
    found.push({ metric, labels });
  }
  return found;
}

/** What a process exports: for each name, labels included those of a histogram's parts, the labels that its series have. */
export function exportedBy(text: string): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  const named = (name: string) => {
    const labels = found.get(name) ?? new Set<string>();
    found.set(name, labels);
    return labels;
  };
  for (const [, name = '', type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const parts = type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    for (const part of parts) named(`${name}${part}`);
  }
  for (const [, name = '', labels = ''] of text.matchAll(/^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? /gm)) {
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) named(name).add(label);
  }
  return found;
}

/** Labels that Prometheus itself adds to what it scrapes, or to its alerts. */
const ADDED = new Set(['job', 'instance']);
/** Prometheus makes these while it scrapes and evaluates. */
const OWN: ReadonlyMap<string, readonly string[]> = new Map([
  ['up', []],
  ['ALERTS', ['alertname', 'alertstate', 'severity', 'component']],
]);

/** What an expression asks for that nobody exports, as lines to read. */
export function unknownTo(
  exported: ReadonlyMap<string, ReadonlySet<string>>,
  recorded: ReadonlySet<string>,
  expression: string,
): readonly string[] {
  return selectorsOf(expression).flatMap(({ metric, labels }) => {
    if (recorded.has(metric)) return [];
    const known = OWN.get(metric) ?? exported.get(metric);
    if (known === undefined) return [`${metric}: nobody exports it (${expression})`];
    const has = new Set(known);
    // A metric without a series yet has no labels to compare.
    if (has.size === 0 && !OWN.has(metric)) return [];
    return labels
      .filter((label) => !ADDED.has(label) && !has.has(label))
      .map((label) => `${metric} has no label ${label} (${expression})`);
  });
}
