/** Grafana's dashboards as data: Grafana itself is in no package that the tests could run. */
import { z } from 'zod';

const datasource = z.object({ type: z.literal('prometheus'), uid: z.literal('${datasource}') });
const target = z.object({ datasource, expr: z.string().min(1), refId: z.string(), legendFormat: z.string() });
const place = z.object({ x: z.int(), y: z.int(), w: z.int().min(1), h: z.int().min(1) });

const row = z.object({ id: z.int(), type: z.literal('row'), title: z.string().min(1), gridPos: place });
const panel = z.object({
  id: z.int(),
  type: z.enum(['timeseries', 'stat', 'bargauge', 'table', 'gauge']),
  title: z.string().min(1),
  description: z.string().min(1),
  datasource,
  gridPos: place,
  fieldConfig: z.object({ defaults: z.object({ unit: z.string().min(1) }) }),
  targets: z.array(target).min(1),
});
const dashboard = z.object({
  uid: z.string().regex(/^[a-z-]{1,40}$/),
  title: z.string().min(1),
  schemaVersion: z.int().min(36),
  templating: z.object({
    list: z.array(z.object({ name: z.string(), type: z.string(), query: z.string() })).min(1),
  }),
  annotations: z.object({ list: z.array(z.object({ datasource, expr: z.string() })) }),
  panels: z.array(z.union([row, panel])).min(1),
});

/** A dashboard file as it was read. */
export interface DashboardFile {
  readonly name: string;
  readonly content: unknown;
}

/** What is wrong with the dashboards, each by itself and all together. */
export function problemsOf(files: readonly DashboardFile[]): readonly string[] {
  const problems: string[] = [];
  const uids = new Map<string, string>();
  for (const { name, content } of files) {
    const parsed = dashboard.safeParse(content);
    if (!parsed.success) {
      problems.push(
        ...parsed.error.issues.map(({ path, message }) => `${name}: ${path.join('.')}: ${message}`),
      );
      continue;
    }
    const { uid, panels, templating } = parsed.data;
    const other = uids.get(uid);
    if (other !== undefined) problems.push(`${name} and ${other} have the uid ${uid}`);
    uids.set(uid, name);
    const variable = templating.list.find((one) => one.name === 'datasource');
    if (variable?.type !== 'datasource' || variable.query !== 'prometheus') {
      problems.push(`${name}: its variable datasource chooses no Prometheus`);
    }
    const ids = panels.map(({ id }) => id);
    if (new Set(ids).size < ids.length) problems.push(`${name}: two panels have one id`);
    for (const [i, { title, gridPos: a }] of panels.entries()) {
      if (a.x + a.w > 24) problems.push(`${name}: ${title} is wider than the page`);
      for (const { title: of, gridPos: b } of panels.slice(i + 1)) {
        const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
        if (!apart) problems.push(`${name}: ${title} lies over ${of}`);
      }
    }
  }
  return problems;
}

/** Every expression of a dashboard, with its panel's title. @throws ZodError */
export function expressionsOf({ content }: DashboardFile): readonly { title: string; expr: string }[] {
  const { panels, annotations } = dashboard.parse(content);
  return [
    ...panels.flatMap((one) =>
      'targets' in one ? one.targets.map(({ expr }) => ({ title: one.title, expr })) : [],
    ),
    ...annotations.list.map(({ expr }) => ({ title: 'annotations', expr })),
  ];
}
