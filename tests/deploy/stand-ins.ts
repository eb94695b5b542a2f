/**
 * Recording stand-ins for docker and kubectl: they write down how they were called and answer by rules. They show what
 * deploy-cluster.sh asks for and how it takes a failure; what the real ones do with it, tests/deploy/docker-cluster.test.ts
 * shows with a real engine.
 */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

const ROOT = join(import.meta.dirname, '..', '..');

/** First match counts; `*` in `call` is anything, as the shell has it. */
export interface Rule {
  /** `docker version *`. */
  readonly call: string;
  readonly code?: number;
  /** One line. */
  readonly out?: string;
  readonly err?: string;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const STAND_IN = `#!/bin/sh
call="$(basename "$0") $*"
# As the real ones do; whoever writes to them would else be ended by a broken pipe.
cat >/dev/null
printf '%s\\n' "$call" >>"$STAND_IN_CALLS"
while IFS='	' read -r pattern code out err; do
  case "$call" in
    $pattern)
      [ "$out" = - ] || printf '%b\\n' "$out"
      [ "$err" = - ] || printf '%b\\n' "$err" >&2
      exit "$code"
      ;;
  esac
done <"$STAND_IN_RULES"
exit 0
`;

/** What the script needs of a system beside docker and kubectl. */
const TOOLS = [
  'bash basename cat chmod cut date dirname du env grep head id ls mkdir mktemp mv printf rm sed sh sha256sum sleep sort',
  'stat tail tar tr true uname wc gzip od base64',
]
  .join(' ')
  .split(' ');

export interface Script {
  /** Its own .cluster. */
  readonly state: string;
  /** A folder for files. */
  readonly folder: string;
  /** @param input of a person at a pipe; never a terminal */
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>;
  /** How the stand-ins were called, in order. */
  calls(): string[];
  forgetCalls(): void;
  rules(rules: readonly Rule[]): void;
}

/** deploy-cluster.sh on a machine that has only `commands`, all of them stand-ins. */
export function scriptWith(t: TestContext, commands: readonly string[], rules: readonly Rule[] = []): Script {
  const folder = mkdtempSync(join(tmpdir(), 'threads-deploy-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  for (const tool of TOOLS) {
    for (const from of ['/usr/bin', '/bin']) {
      try {
        readFileSync(join(from, tool));
      } catch {
        continue;
      }
      symlinkSync(join(from, tool), join(bin, tool));
      break;
    }
  }
  for (const command of commands) {
    writeFileSync(join(bin, command), STAND_IN);
    chmodSync(join(bin, command), 0o755);
  }
  // A copy, so that nothing of this checkout's own (.env, .cluster) plays a part.
  const project = join(folder, 'project');
  for (const path of ['deploy-cluster.sh', 'deploy', 'docker-compose.yml', 'k8s', 'monitoring'])
    cpSync(join(ROOT, path), join(project, path), { recursive: true });
  const calls = join(folder, 'calls');
  const ruleFile = join(folder, 'rules');
  const state = join(project, '.cluster');
  const setRules = (wanted: readonly Rule[]) =>
    writeFileSync(
      ruleFile,
      wanted
        .map(({ call, code = 0, out = '-', err = '-' }) => `${[call, code, out, err].join('\t')}\n`)
        .join(''),
    );
  setRules(rules);
  writeFileSync(calls, '');
  return {
    state,
    folder,
    run: (args, env = {}) =>
      new Promise((resolve, reject) => {
        const child = spawn(join(project, 'deploy-cluster.sh'), args, {
          cwd: folder,
          stdio: ['ignore', 'pipe', 'pipe'],
          env: {
            PATH: bin,
            HOME: folder,
            CLUSTER_SYSFS: join(folder, 'sys'),
            STAND_IN_CALLS: calls,
            STAND_IN_RULES: ruleFile,
            // Of this machine, whatever else runs on it, nothing listens there.
            HTTP_PORT: '1',
            HTTPS_PORT: '2',
            API_PORT: '3',
            GRAFANA_PORT: '4',
            PROMETHEUS_PORT: '5',
            ...env,
          },
        });
        let stdout = '';
        let stderr = '';
        child.stdout.on('data', (data) => (stdout += String(data)));
        child.stderr.on('data', (data) => (stderr += String(data)));
        child.on('error', reject);
        child.on('close', (code) => resolve({ code, stdout, stderr }));
      }),
    calls: () =>
      readFileSync(calls, 'utf8')
        .split('\n')
        .filter((line) => line !== ''),
    forgetCalls: () => writeFileSync(calls, ''),
    rules: setRules,
  };
}
