/**
 * The project's images, built from the real Dockerfiles on stand-in bases.
 *
 *     const engine = await startDockerEngine(t);
 *     if (typeof engine === 'string') return t.skip(engine);
 *     const images = await buildImages(engine, ['coordinator', 'cpu-worker']);
 *     if (typeof images === 'string') return t.skip(images);
 *     await engine.must(['run', '--detach', images.coordinator]);
 *
 * Nothing is built twice: the engine is shared by the test files that run at once and keeps its build cache in .cache/
 * (docker-engine.ts), so whoever comes second, be it this function, `docker compose build` or deploy-cluster.sh, waits
 * for the first and takes what it made: 1 to 3 s an image. With an empty cache all four take 2 to 4 minutes on two cores.
 */
import { join, resolve } from 'node:path';
import type { DockerEngine } from './docker-engine.ts';
import { DEBIAN_STAND_IN, NODE_STAND_IN, provideStandIns } from './stand-in-images.ts';

const ROOT = resolve(import.meta.dirname, '..', '..');
const BUILD_TIMEOUT_MS = 480_000;

export const IMAGE_NAMES = ['coordinator', 'cpu-worker', 'gpu-worker', 'nginx'] as const;
export type ImageName = (typeof IMAGE_NAMES)[number];

/**
 * References by name, `threads-cluster/NAME:TAG`; or why there can be no bases, in one line.
 * @throws Error with what the build said if it fails: that is a defect of the Dockerfile
 */
export async function buildImages<Name extends ImageName>(
  engine: DockerEngine,
  names: readonly Name[],
  tag = 'under-test',
): Promise<Readonly<Record<Name, string>> | string> {
  const problem = await provideStandIns(engine, [DEBIAN_STAND_IN, NODE_STAND_IN]);
  if (problem !== undefined) return problem;
  const built: Partial<Record<ImageName, string>> = {};
  for (const name of names) {
    const reference = `threads-cluster/${name}:${tag}`;
    const from = name === 'nginx' ? [join(ROOT, 'nginx')] : ['--target', name, ROOT];
    await engine.must(['buildx', 'build', '--progress', 'plain', '--tag', reference, ...from], {
      timeoutMs: BUILD_TIMEOUT_MS,
    });
    built[name] = reference;
  }
  return requireAll(names, built);
}

function requireAll<Name extends ImageName>(
  names: readonly Name[],
  built: Partial<Record<ImageName, string>>,
): Readonly<Record<Name, string>> {
  const all = (found: Partial<Record<ImageName, string>>): found is Record<Name, string> =>
    names.every((name) => found[name] !== undefined);
  if (!all(built)) throw new Error('an image is missing');
  return built;
}
