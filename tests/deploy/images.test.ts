/**
 * The images of the real Dockerfiles, built on stand-in bases (tests/setup/stand-in-images.ts: the sizes of the upstream
 * bases differ a little) and run as they are to be run: no rights, a root that can't be written.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { Api } from '../cluster/api.ts';
import { buildImages, IMAGE_NAMES, type ImageName } from '../setup/built-images.ts';
import { startDockerEngine, type DockerEngine } from '../setup/docker-engine.ts';

const MB = 1_000_000;
const LARGEST: Readonly<Record<ImageName, number>> = {
  coordinator: 300 * MB,
  'cpu-worker': 300 * MB,
  'gpu-worker': 700 * MB,
  nginx: 300 * MB,
};
const CONFINED = ['--read-only', '--tmpfs=/tmp', '--cap-drop=ALL', '--security-opt=no-new-privileges'];
const LOOK_MS = 50;
const PATIENCE_MS = 60_000;
/** What may not be in an image: tests, keys, history, what only builds and tests need. */
const UNWANTED =
  /\.test\.tsx?$|\.(key|pem)$|\/\.git\/|\/\.npmrc$|\/client\/browser\/|\/node_modules\/(typescript|vite|eslint|playwright-core|node|assemblyscript|preact)\//;
const LIST =
  "const fs=require('fs');for(const f of fs.readdirSync('/app',{recursive:true,withFileTypes:true}))if(f.isFile())console.log(f.parentPath+'/'+f.name)";

const inspected = z.object({
  Size: z.number(),
  Config: z.object({
    User: z.string(),
    Labels: z.record(z.string(), z.string()),
    Healthcheck: z.object({ Test: z.array(z.string()) }),
    Env: z.array(z.string()),
  }),
});

describe('images', { timeout: 470_000 }, () => {
  let engine: DockerEngine | undefined;
  let images: Readonly<Record<ImageName, string>> | undefined;
  let missing = '';
  const ends: (() => Promise<void>)[] = [];

  before(async () => {
    const started = await startDockerEngine({ after: (end) => void ends.push(end) });
    const built = typeof started === 'string' ? started : await buildImages(started, IMAGE_NAMES);
    if (typeof started === 'string' || typeof built === 'string') {
      missing = typeof built === 'string' ? built : 'no engine';
      return;
    }
    engine = started;
    images = built;
  });
  after(async () => {
    for (const end of ends) await end();
  });

  function ready(
    t: TestContext,
  ): { engine: DockerEngine; images: Readonly<Record<ImageName, string>> } | undefined {
    if (engine !== undefined && images !== undefined) return { engine, images };
    t.skip(missing);
    return undefined;
  }

  for (const name of IMAGE_NAMES) {
    it(`${name}: an ordinary user, a health check, labels, a bounded size, nothing that does not belong there`, async (t) => {
      const here = ready(t);
      if (here === undefined) return;
      const image = here.images[name];
      const { Size, Config } = inspected.parse(
        JSON.parse(await here.engine.must(['image', 'inspect', '--format', '{{json .}}', image])),
      );
      t.diagnostic(`${name}: ${(Size / MB).toFixed(0)} MB unpacked`);
      assert.ok(Size <= LARGEST[name], `${Size} bytes`);
      assert.equal(Config.User, '10001:10001');
      assert.ok(Config.Healthcheck.Test.length > 1);
      assert.equal(Config.Labels['org.opencontainers.image.licenses'], 'MIT');
      assert.match(Config.Labels['org.opencontainers.image.title'] ?? '', /^Threads Cluster/);
      assert.deepEqual(
        Config.Env.filter((line) => /KEY=|PASSWORD|SECRET|TOKEN/.test(line)),
        [],
      );
      if (name === 'nginx') {
        const listed = await run(
          here.engine,
          image,
          ['find'],
          ['/opt/threads', '/etc/threads', '-type', 'f'],
        );
        assert.deepEqual(
          listed.filter((file) => UNWANTED.test(file)),
          [],
        );
        return;
      }
      const files = await run(here.engine, image, ['node'], ['-e', LIST]);
      assert.deepEqual(
        files.filter((file) => UNWANTED.test(file)),
        [],
      );
      const dawn = files.filter((file) => file.endsWith('dawn.node'));
      assert.equal(dawn.length, name === 'gpu-worker' ? 1 : 0, dawn.join());
      assert.equal(files.includes('/app/build/pages/index.html'), name === 'coordinator');
      const programs = await run(
        here.engine,
        image,
        ['sh'],
        ['-c', 'command -v npm npx gcc curl wget; true'],
      );
      assert.deepEqual(
        programs.filter((line) => line !== ''),
        [],
        'no package manager, compiler or downloader',
      );
    });
  }

  it('coordinator, workers and nginx, confined, compute a job that is asked for over HTTPS', async (t) => {
    const here = ready(t);
    if (here === undefined) return;
    const cluster = new Containers(t, here.engine);
    await cluster.network();
    const { images: built } = here;
    const api = await cluster.coordinator(built.coordinator);
    await cluster.until(
      async () => (await cluster.health('coordinator')) === 'healthy',
      'the coordinator is healthy',
    );
    await cluster.start('cpu-worker', built['cpu-worker'], [
      '--volume',
      `${cluster.name}-key:/run/threads:ro`,
    ]);
    await cluster.start('gpu-worker', built['gpu-worker'], [
      ...['--volume', `${cluster.name}-key:/run/threads:ro`, '--env', 'GPU_ENABLED=true', '--memory', '1g'],
    ]);
    await cluster.until(
      async () => (await api.cluster()).workers.connected === 2,
      'both workers are connected',
    );
    const jobs = await Promise.all(
      [false, true].map((gpu) =>
        api.submit({
          type: 'collatz',
          parameters: { start: '1', end: '1000000' },
          placement: gpu ? { require_gpu: true } : {},
        }),
      ),
    );
    for (const { job_id } of jobs) {
      await api.end(job_id, PATIENCE_MS);
      const { result } = await api.results(job_id);
      assert.equal(result?.['count'], '999999');
    }
    await cluster.start('nginx', built.nginx, [
      ...['--tmpfs', '/run:uid=10001,gid=10001', '--publish', '127.0.0.1::443', '--publish', '127.0.0.1::80'],
    ]);
    const ca = await cluster.until(
      async () => (await fetch(`http://127.0.0.1:${await cluster.port('nginx', 80)}/ca.crt`)).text(),
      'nginx gives its certificate',
    );
    const port = await cluster.port('nginx', 443);
    await cluster.until(async () => (await secureStatus(port, ca)) === 200, 'the API answers over HTTPS');
    await cluster.until(async () => (await cluster.health('nginx')) === 'healthy', 'nginx is healthy');
    for (const name of ['cpu-worker', 'gpu-worker', 'nginx', 'coordinator']) {
      const begun_ms = performance.now();
      await here.engine.must(['stop', '--time', '20', `${cluster.name}-${name}`]);
      const code = await here.engine.must([
        'inspect',
        '--format',
        '{{.State.ExitCode}}',
        `${cluster.name}-${name}`,
      ]);
      t.diagnostic(`${name} stopped in ${(performance.now() - begun_ms).toFixed(0)} ms with ${code}`);
      assert.equal(code, '0', name);
    }
  });

  it('finds the compiled sources that the image brings', async (t) => {
    const here = ready(t);
    if (here === undefined) return;
    for (const name of ['coordinator', 'cpu-worker', 'gpu-worker'] as const) {
      const look = 'NODE_DEBUG_NATIVE=COMPILE_CACHE node /app/cli/main.ts coordinator --help 2>&1';
      const said = await run(here.engine, here.images[name], ['sh'], ['-c', look]);
      const lines = said.filter((line) => line.includes('[compile cache]'));
      assert.ok(
        lines.some((line) => /cli\/program\.ts.*success/.test(line)),
        `${name}:\n${lines.slice(0, 20).join('\n')}`,
      );
      assert.deepEqual(
        lines.filter((line) => /permission denied|mismatch/.test(line)),
        [],
        name,
      );
    }
  });

  it('starts with the compiled sources of the image, and without them', async (t) => {
    const here = ready(t);
    if (here === undefined) return;
    for (const without of [false, true, false, true]) {
      const cluster = new Containers(t, here.engine);
      await cluster.network();
      const begun_ms = performance.now();
      await cluster.coordinator(here.images.coordinator, without ? ['--env', 'NODE_COMPILE_CACHE='] : []);
      const ready_ms = performance.now() - begun_ms;
      const pid = await here.engine.must([
        'inspect',
        '--format',
        '{{.State.Pid}}',
        `${cluster.name}-coordinator`,
      ]);
      t.diagnostic(
        `${without ? 'without' : 'with'} the compile cache: ready ${ready_ms.toFixed(0)} ms after docker run, ` +
          used(pid),
      );
      await cluster.remove();
    }
  });
});

/** Lines that a program of the image prints. */
async function run(
  engine: DockerEngine,
  image: string,
  entry: [string],
  args: readonly string[],
): Promise<string[]> {
  const all = ['run', '--rm', '--network=none', ...CONFINED, '--entrypoint', ...entry, image, ...args];
  return (await engine.must(all)).split('\n');
}

/** What a process has used so far. Its CPU time says more than the clock on a machine that others use too. */
function used(pid: string): string {
  const resident_kb = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  // Fields 14 and 15, in hundredths of a second; the name before them may hold blanks, in brackets.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const cpu_s = (Number(fields[11]) + Number(fields[12])) / 100;
  return `${cpu_s.toFixed(2)} s of CPU time, ${Math.round(Number(resident_kb) / 1024)} MB resident`;
}

function secureStatus(port: number, ca: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port, servername: 'localhost', ca, path: '/api/status' },
      (reply) => {
        reply.resume();
        resolve(reply.statusCode ?? 0);
      },
    );
    asked.on('error', reject);
    asked.end();
  });
}

let made = 0;

/** Containers of one cluster in a network of their own, removed with the test. */
class Containers {
  readonly name = `threads-images-${process.pid}-${made++}`;
  readonly #engine: DockerEngine;
  readonly #started: string[] = [];

  constructor(t: TestContext, engine: DockerEngine) {
    this.#engine = engine;
    t.after(() => this.remove());
  }

  async network(): Promise<void> {
    await this.#engine.must(['network', 'create', this.name]);
  }

  async start(name: string, image: string, options: readonly string[] = []): Promise<void> {
    const container = `${this.name}-${name}`;
    this.#started.push(container);
    await this.#engine.must([
      ...['run', '--detach', '--name', container, '--network', this.name, '--network-alias', name],
      ...[...CONFINED, ...options, image],
    ]);
  }

  /** Resolves when it is ready. */
  async coordinator(image: string, options: readonly string[] = []): Promise<Api> {
    await this.start('coordinator', image, [
      ...['--volume', `${this.name}-data:/data`, '--volume', `${this.name}-key:/run/threads`],
      ...[
        '--env',
        'SUBMIT_ACCESS=local',
        '--env',
        'LOCAL_PEERS=gateway',
        '--publish',
        '127.0.0.1::3000',
        ...options,
      ],
    ]);
    const api = new Api(`http://127.0.0.1:${await this.port('coordinator', 3000)}`);
    await this.until(() => api.ready(), 'the coordinator is ready');
    return api;
  }

  async port(name: string, inside: number): Promise<number> {
    const published = await this.#engine.must(['port', `${this.name}-${name}`, String(inside)]);
    return Number(published.split('\n')[0]?.split(':').at(-1));
  }

  health(name: string): Promise<string> {
    return this.#engine.must(['inspect', '--format', '{{.State.Health.Status}}', `${this.name}-${name}`]);
  }

  /** The first value that is not false; what throws counts as not yet. @throws Error with the containers' output */
  async until<T>(look: () => Promise<T | false>, what: string): Promise<T> {
    for (const giveUpAt = Date.now() + PATIENCE_MS; Date.now() < giveUpAt; await sleep(LOOK_MS)) {
      const found = await look().catch((): false => false);
      if (found !== false) return found;
    }
    const logs = await Promise.all(
      this.#started.map((name) => this.#engine.docker(['logs', '--tail', '20', name])),
    );
    throw new Error(
      `waited in vain until ${what}:\n${logs.map(({ stdout, problem }) => stdout + problem).join('\n')}`,
    );
  }

  async remove(): Promise<void> {
    if (this.#started.length > 0) {
      await this.#engine.must(['rm', '--force', '--volumes', ...this.#started.splice(0)]);
    }
    await this.#engine.docker(['network', 'rm', this.name]);
    await this.#engine.docker(['volume', 'rm', `${this.name}-data`, `${this.name}-key`]);
  }
}
