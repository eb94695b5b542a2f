/** k8s/ rendered by kubectl as it is applied, for the tests that look at it. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import project from '../../package.json' with { type: 'json' };
import { runCommand } from '../setup/command.ts';
import { findKubectl } from '../setup/kubectl.ts';
import { readManifests, type Finding, type Manifest } from './manifests/manifest.ts';
import { podsOf, type PodShape } from './manifests/pods.ts';

export const ROOT = join(import.meta.dirname, '..', '..');
export const K8S = join(ROOT, 'k8s');
export const expected = { namespace: 'threads-cluster', version: project.version };

const kubectl = await findKubectl();
/** Why nothing can be rendered here; false where it can. */
export const skip = 'missing' in kubectl ? kubectl.missing : false;

const rendered = new Map<string, Promise<readonly Manifest[]>>();

/** Each folder once. */
export function render(folder: string): Promise<readonly Manifest[]> {
  const known = rendered.get(folder) ?? renderAnew(folder);
  rendered.set(folder, known);
  return known;
}

async function renderAnew(folder: string): Promise<readonly Manifest[]> {
  assert.ok('path' in kubectl);
  const { ok, stdout, problem } = await runCommand(kubectl.path, ['kustomize', folder]);
  assert.ok(ok, `${folder} is not rendered: ${problem}`);
  return readManifests(stdout);
}

export const told = (findings: readonly Finding[]) =>
  findings.map(({ rule, where, what }) => `${rule}: ${where}: ${what}`);
export const find = (manifests: readonly Manifest[], title: string): Manifest => {
  const found = manifests.find((manifest) => manifest.title === title);
  assert.ok(found, `${title} is there`);
  return found;
};
export const podOf = (manifests: readonly Manifest[], title: string): PodShape => {
  const [pod] = podsOf([find(manifests, title)]);
  assert.ok(pod);
  return pod;
};

/** In a copy of what it reads, at the place where deploy-cluster.sh writes it. */
export async function renderBeside(kustomization: string): Promise<readonly Manifest[]> {
  const folder = mkdtempSync(join(tmpdir(), 'threads-k8s-'));
  try {
    for (const name of ['k8s', 'monitoring', 'deploy'])
      cpSync(join(ROOT, name), join(folder, name), { recursive: true });
    const place = join(folder, '.cluster', 'kubernetes');
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'kustomization.yaml'), kustomization);
    return await renderAnew(place);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
