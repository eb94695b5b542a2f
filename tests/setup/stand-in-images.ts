/**
 * Stand-ins for the images that the project's own are built on and run beside, for machines that reach Debian and
 * npm but no registry of images. They test the project's files and never the upstream images: every one has the label
 * org.threads-cluster.stand-in. They know this machine's package sources and certificate authorities, so that builds
 * on them get through where builds on the real ones would: never publish one, or what was built on one.
 *
 *     const problem = await provideStandIns(engine, ['node:24-bookworm-slim', 'prom/prometheus:v3.5.0']);
 *
 * The first time 60 to 120 s, all of them together; afterwards they are in the engine's cache (docker-engine.ts).
 */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { alone } from './alone.ts';
import { installPackages } from './apt.ts';
import { runCommand } from './command.ts';
import { enginePlaces, type DockerEngine } from './docker-engine.ts';
import { findProgram } from './docker-tools.ts';

export const STAND_IN_LABEL = 'org.threads-cluster.stand-in';
/** To be raised when what is done here makes other images than before. */
const VERSION = '1';
const RECIPE_LABEL = 'org.threads-cluster.stand-in.recipe';
const ROOT = resolve(import.meta.dirname, '..', '..');
const RECIPES = join(import.meta.dirname, 'stand-ins');
/** 43 s on two idle cores; much of it waits for the disk. */
const BOOTSTRAP_TIMEOUT_MS = 900_000;
const CODENAME = 'bookworm';
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

export const DEBIAN_STAND_IN = 'debian:bookworm-slim';
export const NODE_STAND_IN = 'node:24-bookworm-slim';

/** What an upstream image is made from here: a Dockerfile in stand-ins/, and what must be there before. */
interface Recipe {
  readonly dockerfile: string;
  readonly base: string;
  /** Puts what the Dockerfile copies into its folder. Returns what is wrong. */
  readonly fill?: (context: string) => Promise<string | undefined>;
}

/** By the name without the tag, since tags are the operator's to choose. */
const RECIPE_OF: Readonly<Record<string, Recipe>> = {
  node: { dockerfile: 'node.Dockerfile', base: DEBIAN_STAND_IN, fill: nodeAndNpm },
  'prom/prometheus': { dockerfile: 'prometheus.Dockerfile', base: DEBIAN_STAND_IN },
  'prom/alertmanager': { dockerfile: 'alertmanager.Dockerfile', base: DEBIAN_STAND_IN },
  postgres: {
    dockerfile: 'postgres.Dockerfile',
    base: DEBIAN_STAND_IN,
    fill: files('postgres-entrypoint.sh'),
  },
  'grafana/grafana': {
    dockerfile: 'grafana.Dockerfile',
    base: NODE_STAND_IN,
    fill: files('grafana.mjs', 'grafana-run.sh'),
  },
};

/** Files of stand-ins/ that a Dockerfile copies. */
function files(...names: readonly string[]): (context: string) => Promise<undefined> {
  return (context) => {
    for (const name of names) copyFileSync(join(RECIPES, name), join(context, name));
    return Promise.resolve(undefined);
  };
}

/**
 * Makes those of `names` that the engine has not got. Returns why that is impossible, undefined if all are there.
 * An image of that name that is no stand-in (a machine with a registry) is left as it is.
 * @param names with their tags, as Dockerfiles and docker-compose.yml name them
 */
export async function provideStandIns(
  engine: DockerEngine,
  names: readonly string[],
): Promise<string | undefined> {
  return alone('stand-ins', async () => {
    for (const name of names) {
      const problem = await provide(engine, name);
      if (problem !== undefined) return `stand-in for ${name}: ${problem}`;
    }
    return undefined;
  });
}

async function provide(engine: DockerEngine, name: string): Promise<string | undefined> {
  if (name === DEBIAN_STAND_IN) return provideDebian(engine);
  const recipe = RECIPE_OF[name.replace(/:[^:/]*$/, '')];
  if (recipe === undefined) return 'there is no recipe for it';
  const before = await provide(engine, recipe.base);
  if (before !== undefined) return before;
  const base = await engine.must(['image', 'inspect', '--format', '{{.Id}}', recipe.base]);
  const hash = hashOf(base, readFileSync(join(RECIPES, recipe.dockerfile)), VERSION);
  if (await isMade(engine, name, hash)) return undefined;

  const context = mkdtempSync(join(enginePlaces().cache, '.context-'));
  try {
    const problem = await recipe.fill?.(context);
    if (problem !== undefined) return problem;
    const labels = Object.entries(labelsOf(hash)).flatMap(([label, value]) => [
      '--label',
      `${label}=${value}`,
    ]);
    const built = await engine.docker(
      ['buildx', 'build', '--tag', name, '--file', join(RECIPES, recipe.dockerfile), ...labels, context],
      { timeoutMs: 300_000 },
    );
    return built.ok ? undefined : built.problem;
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}

const labelsOf = (hash: string) => ({ [STAND_IN_LABEL]: 'true', [RECIPE_LABEL]: hash });

function hashOf(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex').slice(0, 16);
}

async function isMade(engine: DockerEngine, name: string, hash: string): Promise<boolean> {
  const format = `{{index .Config.Labels "${STAND_IN_LABEL}"}} {{index .Config.Labels "${RECIPE_LABEL}"}}`;
  const { ok, stdout } = await engine.docker(['image', 'inspect', '--format', format, name]);
  if (!ok) return false;
  const [standIn, recipe] = stdout.trim().split(' ');
  return standIn !== 'true' || recipe === hash;
}

/** debian:bookworm-slim: Debian's own bootstrap, without what the slim image leaves out. */
async function provideDebian(engine: DockerEngine): Promise<string | undefined> {
  const authorities = existsSync(CERTIFICATES) ? readFileSync(CERTIFICATES) : '';
  const hash = hashOf(authorities, VERSION);
  if (await isMade(engine, DEBIAN_STAND_IN, hash)) return undefined;
  if (findProgram('debootstrap') === undefined) {
    const installed = await installPackages(['debootstrap']);
    if (!installed.ok) return installed.problem;
  }
  const staging = mkdtempSync(join(enginePlaces().cache, '.debian-'));
  try {
    const system = join(staging, 'system');
    const made = await runCommand(
      'debootstrap',
      ['--variant=minbase', '--include=ca-certificates', CODENAME, system, ...mirror()],
      { timeoutMs: BOOTSTRAP_TIMEOUT_MS },
    );
    if (!made.ok) return made.problem;
    slim(system);
    likeThisMachine(system);
    const archive = join(staging, 'debian.tar');
    const packed = await runCommand('tar', ['--numeric-owner', '-C', system, '-cf', archive, '.']);
    if (!packed.ok) return packed.problem;
    const changes = ['CMD ["bash"]', ...Object.entries(labelsOf(hash)).map(([k, v]) => `LABEL ${k}=${v}`)];
    const imported = await engine.docker([
      'import',
      ...changes.flatMap((change) => ['--change', change]),
      archive,
      DEBIAN_STAND_IN,
    ]);
    return imported.ok ? undefined : imported.problem;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** The machine's own, if its sources name one for the release; else that of debootstrap. */
function mirror(): string[] {
  for (const { text } of debianSources()) {
    const uri =
      /^URIs:\s*(\S+)\s*$\s*Suites:.*\bbookworm\b(?!-)/m.exec(text) ??
      /^deb (?:\[[^\]]*\] )?(\S+) bookworm /m.exec(text);
    if (uri?.[1] !== undefined) return [uri[1]];
  }
  return [];
}

/** Sources of Debian itself; other vendors' would need their keys. */
function debianSources(): { readonly name: string; readonly text: string }[] {
  const parts = '/etc/apt/sources.list.d';
  const names = existsSync(parts) ? readdirSync(parts).map((name) => join(parts, name)) : [];
  return ['/etc/apt/sources.list', ...names]
    .filter((name) => existsSync(name))
    .map((name) => ({ name, text: readFileSync(name, 'utf8') }))
    .filter(({ text }) => /^(deb |Suites:).*\bbookworm\b/m.test(text));
}

/** As the slim images do: no manuals, no documents but licences, no languages. */
function slim(system: string): void {
  const left = ['doc', 'man', 'locale', 'info', 'groff', 'lintian'];
  for (const name of left) rmSync(join(system, 'usr/share', name), { recursive: true, force: true });
  for (const name of ['var/cache/apt/archives', 'var/lib/apt/lists']) {
    rmSync(join(system, name), { recursive: true, force: true });
    mkdirSync(join(system, name, 'partial'), { recursive: true });
  }
  const excluded = left.map((name) => `path-exclude /usr/share/${name}/*\n`).join('');
  writeFileSync(
    join(system, 'etc/dpkg/dpkg.cfg.d/docker'),
    `${excluded}path-include /usr/share/doc/*/copyright\n`,
  );
  writeFileSync(
    join(system, 'etc/apt/apt.conf.d/docker'),
    'Apt::Install-Recommends "true";\nAcquire::Languages "none";\n',
  );
}

/** Package sources, certificate authorities and npm's registry, so that builds reach what this machine reaches. */
function likeThisMachine(system: string): void {
  const sources = debianSources();
  rmSync(join(system, 'etc/apt/sources.list'), { force: true });
  for (const { name, text } of sources) writeFileSync(join(system, name), text);
  const own = '/usr/local/share/ca-certificates';
  if (existsSync(own)) cpSync(own, join(system, own), { recursive: true });
  if (existsSync(CERTIFICATES)) copyFileSync(CERTIFICATES, join(system, CERTIFICATES));
}

/** Node 24 of the checkout, and the machine's npm with what it is told about registries. */
async function nodeAndNpm(context: string): Promise<string | undefined> {
  const npm = findProgram('npm');
  if (npm === undefined) return 'there is no npm';
  const node = realpathSync(join(ROOT, 'node_modules', '.bin', 'node'));
  copyFileSync(node, join(context, 'node'));
  cpSync(dirname(dirname(realpathSync(npm))), join(context, 'npm'), { recursive: true, dereference: true });
  const { ok, stdout, problem } = await runCommand('npm', ['config', 'get', 'registry'], { cwd: '/' });
  if (!ok) return problem;
  writeFileSync(join(context, 'npmrc'), `registry=${stdout.trim().split('\n').at(-1) ?? ''}\n`);
  return undefined;
}
