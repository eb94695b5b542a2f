/**
 * The one door of every command: `node scripts/bootstrap.mjs FILE.ts [ARGUMENT…]`. Plain JavaScript that needs
 * Node 20 and npm and nothing else. It brings the dependencies up to package-lock.json (`npm ci`; the npm
 * package `node` among them is Node 24, which runs TypeScript as it stands), builds kernels and pages when
 * their sources changed, and runs FILE.ts under Node 24. It says what it does on stderr, and nothing when there
 * is nothing to do: stdout belongs to the command.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import module from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const MODULES = path.join(ROOT, 'node_modules');
const NODE_24 = path.join(MODULES, '.bin', process.platform === 'win32' ? 'node.cmd' : 'node');
const LOCK_STAMP = path.join(MODULES, '.threads-lock-hash');
const BUILD_STAMP = path.join(ROOT, 'build', '.sources-hash');
const WANTED_MAJOR = 24;
/**
 * What Node 24 makes of each TypeScript file, kept for the next process. Without it every process loads the
 * type stripper: 35 MB resident, and twice the time to start.
 */
const COMPILE_CACHE = path.join(ROOT, '.cache', 'compile');
/**
 * glibc gives each thread a heap of its own, and none of them shrinks: a GPU worker on lavapipe has 50 MB more resident with
 * them where it compiles its kernels, 15 MB more where the driver has them from the time before. Heaps are made when a process starts, so
 * this is for the processes that this one starts.
 */
const MALLOC_ARENAS = '1';

/** What the kernels and pages are made from. Whole folders: a file that turns out not to matter costs one build. */
const BUILD_SOURCES = ['shaders', 'protocol', 'client', 'scripts', 'package-lock.json'];
const isTest = (name) => name.endsWith('.test.ts') || name.endsWith('.md');

class BootstrapError extends Error {}

const say = (line) => process.stderr.write(`threads: ${line}\n`);
const major = (version) => Number(version.replace(/^v/, '').split('.')[0]);
const sha256 = (data) => createHash('sha256').update(data).digest('hex');

function readIfThere(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** A stamp that can't be written (a read-only installation) only costs the comparison again next time. */
function writeStamp(file, text) {
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  } catch (error) {
    if (!['EROFS', 'EACCES', 'EPERM'].includes(error.code)) throw error;
  }
}

/** Whether what npm says it installed is what package-lock.json names: true after a plain `npm ci`, too. */
function installedMatches(lockText) {
  const installedText = readIfThere(path.join(MODULES, '.package-lock.json'));
  if (installedText === undefined) return false;
  const wanted = JSON.parse(lockText).packages;
  const installed = JSON.parse(installedText).packages;
  return Object.entries(wanted).every(
    ([name, entry]) =>
      name === '' ||
      (installed[name] === undefined ? entry.optional === true : installed[name].version === entry.version),
  );
}

function dependenciesReady() {
  const lockText = fs.readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8');
  const hash = sha256(lockText);
  if (readIfThere(LOCK_STAMP) !== hash) {
    if (!installedMatches(lockText)) return false;
    writeStamp(LOCK_STAMP, hash);
  }
  return fs.existsSync(NODE_24);
}

function installDependencies() {
  const lockText = fs.readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8');
  // The node on the path of an npm script lies in node_modules, which `npm ci` is about to empty.
  const outside = (process.env.PATH ?? '')
    .split(path.delimiter)
    .filter((folder) => !path.resolve(folder).startsWith(MODULES))
    .join(path.delimiter);
  if (!installedMatches(lockText)) {
    say('installing the dependencies with npm ci: about half a minute, only the first time');
    runNpm(['ci'], outside);
  }
  // npm can be told not to run install scripts; that of `node` is what fetches the binary.
  if (!fs.existsSync(NODE_24)) {
    say(`fetching Node ${WANTED_MAJOR} from npm (install scripts seem to be switched off)`);
    const folder = path.join(MODULES, 'node');
    const ran = spawnSync(process.execPath, ['installArchSpecificPackage.js'], {
      cwd: folder,
      env: { ...process.env, PATH: outside },
      stdio: ['ignore', 2, 2],
    });
    if (ran.status !== 0 || !fs.existsSync(path.join(folder, 'bin', 'node'))) {
      throw new BootstrapError(
        `there is no Node ${WANTED_MAJOR} for ${process.platform}-${process.arch} on npm, or npm cannot be reached: ` +
          'install Node 24 yourself and run the same command with it',
      );
    }
    fs.rmSync(NODE_24, { force: true });
    fs.symlinkSync(path.join('..', 'node', 'bin', 'node'), NODE_24);
  }
  writeStamp(LOCK_STAMP, sha256(lockText));
}

function runNpm(args, PATH) {
  const env = { ...process.env, PATH };
  // Inherited from an outer `npm run`, this would make npm look at that run's settings for this folder.
  delete env.npm_config_ignore_scripts;
  const ran = spawnSync('npm', args, {
    cwd: ROOT,
    env,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (ran.error !== undefined) {
    throw new BootstrapError(`npm cannot be started (${ran.error.message}): install npm 10 or newer`);
  }
  if (ran.status !== 0) {
    throw new BootstrapError(
      `npm ${args.join(' ')} failed (above is what it said): check that the npm registry can be reached ` +
        'and that this folder can be written, then run the same command again',
    );
  }
}

/** Hash over names and contents of all that the build reads. About 10 ms for a few hundred files. */
function sourcesHash() {
  const hash = createHash('sha256');
  const add = (name) => {
    const full = path.join(ROOT, name);
    const stat = fs.statSync(full, { throwIfNoEntry: false });
    if (stat === undefined) return;
    if (stat.isDirectory()) {
      for (const entry of fs.readdirSync(full).sort()) add(path.join(name, entry));
    } else if (!isTest(name)) {
      hash.update(name).update('\0').update(fs.readFileSync(full)).update('\0');
    }
  };
  for (const name of BUILD_SOURCES) add(name);
  return hash.digest('hex');
}

function build(hash) {
  say('building kernels and pages');
  const ran = spawnSync(NODE_24, [path.join(ROOT, 'scripts', 'build.ts')], {
    cwd: ROOT,
    stdio: ['ignore', 2, 2],
  });
  if (ran.status !== 0) throw new BootstrapError('the build failed (above is what it said)');
  writeStamp(BUILD_STAMP, hash);
}

/**
 * Runs `work` while no other process of this checkout installs or builds. The lock file holds the pid of its
 * owner; that of a dead one is taken over.
 */
function exclusively(work) {
  const lock = path.join(ROOT, '.cache', 'bootstrap.lock');
  fs.mkdirSync(path.dirname(lock), { recursive: true });
  let told = false;
  for (;;) {
    try {
      fs.writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const owner = Number(readIfThere(lock) ?? '');
    // An empty file is one that its owner is about to write; give it the time of one more look.
    if (owner > 0 && !isAlive(owner)) {
      takeAway(lock, owner);
      continue;
    }
    if (!told) say(`waiting for process ${owner}, which installs or builds here`);
    told = true;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
  try {
    work();
  } finally {
    fs.rmSync(lock, { force: true });
  }
}

/** Removes a dead owner's lock, unless another process has just done so and holds its own there now. */
function takeAway(lock, deadOwner) {
  const aside = `${lock}.${process.pid}`;
  try {
    fs.renameSync(lock, aside);
    if (readIfThere(aside) !== String(deadOwner)) fs.linkSync(aside, lock);
    fs.rmSync(aside);
  } catch (error) {
    if (!['ENOENT', 'EEXIST'].includes(error.code)) throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Brings dependencies and build up to date. Cheap when they are. */
export function prepare() {
  if (!dependenciesReady()) exclusively(() => dependenciesReady() || installDependencies());
  const hash = sourcesHash();
  const isBuilt = () => readIfThere(BUILD_STAMP) === hash;
  if (!isBuilt()) exclusively(() => isBuilt() || build(hash));
}

/** Runs a TypeScript file of this checkout under Node 24, as if it had been started by hand. */
async function runFile(file, args) {
  const full = path.resolve(ROOT, file);
  process.env.NODE_COMPILE_CACHE ??= COMPILE_CACHE;
  process.env.MALLOC_ARENA_MAX ??= MALLOC_ARENAS;
  if (major(process.version) >= WANTED_MAJOR) {
    // Already the right Node (npm scripts find the one in node_modules): no second process.
    process.argv = [process.execPath, full, ...args];
    module.enableCompileCache(process.env.NODE_COMPILE_CACHE);
    quietExperimental();
    await import(pathToFileURL(full).href);
    return;
  }
  // The channel tells the command when this process dies, even by kill -9.
  const child = spawn(NODE_24, ['--disable-warning=ExperimentalWarning', full, ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, PATH: [path.dirname(NODE_24), process.env.PATH].join(path.delimiter) },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    say(`${NODE_24} cannot be started: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/** node:sqlite says on every start that it is experimental, which tells a user nothing. */
function quietExperimental() {
  const emit = process.emitWarning;
  process.emitWarning = (warning, ...rest) => {
    const type = typeof rest[0] === 'string' ? rest[0] : rest[0]?.type;
    if (type !== 'ExperimentalWarning') emit.call(process, warning, ...rest);
  };
}

/** Prepares this checkout, then runs `file` (below its root) with `args`. */
export async function main(file, args) {
  try {
    if (major(process.version) < 20) {
      throw new BootstrapError(`Node 20 or newer is needed, this is ${process.version}`);
    }
    prepare();
  } catch (error) {
    say(error instanceof BootstrapError ? error.message : (error.stack ?? String(error)));
    process.exitCode = 1;
    return;
  }
  await runFile(file, args);
}

const started = process.argv[1];
if (started !== undefined && fs.realpathSync(started) === fileURLToPath(import.meta.url)) {
  const [file, ...args] = process.argv.slice(2);
  if (file === undefined) {
    say('usage: node scripts/bootstrap.mjs FILE.ts [ARGUMENT…]');
    process.exitCode = 2;
  } else {
    await main(file, args);
  }
}
