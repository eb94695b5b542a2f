/** Every check of Kubernetes objects that belong together, as one rendered overlay. */
import { environmentFindings } from './environment.ts';
import { hardeningFindings } from './hardening.ts';
import { type Finding, type Manifest } from './manifest.ts';
import { nameFindings } from './names.ts';
import { podsOf } from './pods.ts';
import { referenceFindings } from './references.ts';
import { runningFindings } from './running.ts';
import { schemaFindings } from './schema.ts';
import { serviceFindings } from './services.ts';
import { targetFindings } from './targets.ts';
import { workloadFindings } from './workloads.ts';

export interface Expected {
  readonly namespace: string;
  /** Of the product: tag of its images. */
  readonly version: string;
}

export function findingsIn(manifests: readonly Manifest[], { namespace, version }: Expected): Finding[] {
  const pods = podsOf(manifests);
  return [
    ...manifests.flatMap(schemaFindings),
    ...nameFindings(manifests, namespace),
    ...workloadFindings(manifests),
    ...serviceFindings(manifests),
    ...targetFindings(manifests),
    ...referenceFindings(manifests),
    ...hardeningFindings(pods),
    ...runningFindings(pods, version),
    ...environmentFindings(manifests),
  ];
}
