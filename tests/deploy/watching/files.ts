/** The files of monitoring/, as they are read by the tests. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import {
  firstSeenQuestion,
  HISTOGRAMS,
  latencyQuestions,
  questions,
} from '../../../cli/watching/questions.ts';
import type { DashboardFile } from './dashboards.ts';

export const ROOT = join(import.meta.dirname, '../../..');
export const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
export const list = (path: string) => readdirSync(join(ROOT, path)).map((name) => `${path}/${name}`);

const rulesFile = z.object({
  groups: z.array(
    z.object({
      name: z.string(),
      rules: z.array(
        z.union([
          z.strictObject({ record: z.string(), expr: z.string() }),
          z.strictObject({
            alert: z.string(),
            expr: z.string(),
            for: z.string().optional(),
            labels: z.strictObject({
              severity: z.enum(['critical', 'warning']),
              component: z.string().regex(/^[a-z]+$/),
            }),
            annotations: z.strictObject({
              summary: z.string().min(1),
              description: z.string().min(1),
              runbook: z.string().regex(/^docs\/troubleshooting\.md#[a-z0-9-]+$/),
              command: z.string().min(1),
            }),
          }),
        ]),
      ),
    }),
  ),
});
export const rules = ['recording', 'alerts'].flatMap((name) =>
  rulesFile
    .parse(parse(read(`monitoring/prometheus/rules/${name}.yml`)))
    .groups.flatMap((group) => group.rules),
);
export const alerts = rules.flatMap((rule) => ('alert' in rule ? [rule] : []));
/** Names of recording rules. */
export const recorded = new Set(rules.flatMap((rule) => ('record' in rule ? [rule.record] : [])));
export const dashboards: DashboardFile[] = list('monitoring/grafana/dashboards').map((path) => ({
  name: path,
  content: z.unknown().parse(JSON.parse(read(path))),
}));
/** Every question of `threads report`. */
export const reported = [
  ...Object.values(questions('60s')),
  firstSeenQuestion(60),
  ...Object.values(HISTOGRAMS).flatMap((histogram) => Object.values(latencyQuestions(histogram, '60s'))),
];
