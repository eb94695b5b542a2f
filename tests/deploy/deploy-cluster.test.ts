/** deploy-cluster.sh on Docker: what it refuses, and that it has changed nothing then. Docker is a recording stand-in. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { Ended, Rule } from './stand-ins.ts';
import { scriptWith } from './stand-ins.ts';

const KEY = 'tc_0123456789ab_0123456789012345678901234567890123456789012';
const WORKS: readonly Rule[] = [
  { call: 'docker info *', out: 'runc nvidia' },
  { call: 'docker compose * ps -q coordinator', out: 'a1b2' },
  { call: 'docker compose * token create *', out: `{"key":"${KEY}"}` },
  { call: 'docker compose * cat /etc/threads/certificates/ca.crt', out: 'A CERTIFICATE' },
  { call: 'docker compose * cat /var/lib/grafana/admin-password', out: 'a-password' },
  { call: 'docker compose * config --services', out: 'nginx\\ncoordinator\\ncpu-worker' },
  { call: 'docker volume inspect *', code: 1 },
];
/** What changes nothing. */
const LOOKS = /^(docker (version|info|volume inspect)|docker compose (version|.* (ps|config)( |$)))/;

function assertRefused(ended: Ended, code: number, what: RegExp, todo: RegExp): void {
  assert.equal(ended.code, code, ended.stderr);
  assert.match(ended.stderr, new RegExp(`^error: .*${what.source}`, 'm'));
  assert.match(ended.stderr, new RegExp(`^  → .*${todo.source}`, 'm'));
}

suite('deploy-cluster.sh: wrong usage is refused with an example', () => {
  for (const [args, what] of [
    [['docker'], /two numbers/],
    [['docker', '3'], /two numbers/],
    [['docker', '3', '1', '2'], /two numbers/],
    [['docker', 'three', '1'], /whole number, not 'three'/],
    [['docker', '-1', '0'], /whole number, not '-1'/],
    [['docker', '1e3', '0'], /whole number/],
    [['docker', '99999999999999999999', '0'], /whole number/],
    [['docker', '1001', '0'], /at most 1000/],
    [['docker', '0', '0'], /at least one worker/],
    [['docker', '2', '3'], /3 GPU workers of 2/],
    [['scale'], /one number/],
    [['scale', '$(id)'], /whole number/],
    [['status', 'now'], /takes nothing more/],
    [['logs', 'a', 'b'], /one service at most/],
    [['cleanup', '--force'], /--yes or nothing/],
    [['restore'], /the file of a backup/],
    [['destroy'], /no command 'destroy'/],
  ] as const) {
    test(args.join(' '), async (t) => {
      const script = scriptWith(t, ['docker'], WORKS);
      assertRefused(await script.run(args), 2, what, /deploy-cluster\.sh/);
      assert.deepEqual(script.calls(), []);
      assert.equal(existsSync(script.state), false);
    });
  }

  test('help and no command tell the same, and exit 0', async (t) => {
    const script = scriptWith(t, []);
    const help = await script.run(['help']);
    assert.equal(help.code, 0);
    for (const command of ['docker N G', 'kubernetes N G', 'scale N', 'restore FILE', 'GPU_ENABLED'])
      assert.ok(help.stdout.includes(command), command);
    assert.deepEqual(await script.run([]), help);
  });
});

suite('deploy-cluster.sh: what is missing is said before anything is changed', () => {
  const without = (call: string, rule: Omit<Rule, 'call'>): Rule[] => [{ call, ...rule }, ...WORKS];

  test('Docker itself', async (t) => {
    const script = scriptWith(t, []);
    assertRefused(await script.run(['docker', '1', '0']), 3, /not installed/, /apt-get install docker\.io/);
  });

  for (const [name, rules, what, todo] of [
    [
      'the right to use it',
      without('docker version*', { code: 1, err: 'permission denied while trying to connect' }),
      /may not use/,
      /usermod -aG docker/,
    ],
    [
      'an engine that runs',
      without('docker version*', { code: 1, err: 'Cannot connect to the Docker daemon' }),
      /does not answer: Cannot connect/,
      /systemctl start docker/,
    ],
    [
      'Compose',
      without('docker compose version*', { code: 1 }),
      /Compose is not installed/,
      /docker-compose/,
    ],
  ] as const) {
    test(name, async (t) => {
      const script = scriptWith(t, ['docker'], rules);
      for (const command of [
        ['docker', '1', '0'],
        ['check', 'docker'],
      ])
        assertRefused(await script.run(command), 3, what, todo);
      assert.deepEqual(
        script.calls().filter((call) => !LOOKS.test(call)),
        [],
      );
      assert.equal(existsSync(script.state), false);
    });
  }

  test('ports: each that is taken is named with its variable', async (t) => {
    const server = createServer().listen(0, '127.0.0.1');
    t.after(() => server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const script = scriptWith(t, ['docker'], WORKS);
    const ended = await script.run(['docker', '1', '0'], {
      HTTPS_PORT: String(port),
      API_PORT: String(port),
    });
    assertRefused(ended, 3, new RegExp(`HTTPS_PORT=${port} API_PORT=${port}`), /HTTPS_PORT=8443/);
    assert.deepEqual(
      script.calls().filter((call) => !LOOKS.test(call)),
      [],
    );
  });

  test('a folder to write in', async (t) => {
    const script = scriptWith(t, ['docker'], WORKS);
    assertRefused(
      await script.run(['docker', '1', '0'], { CLUSTER_STATE: '/proc/x' }),
      3,
      /can't be written/,
      /CLUSTER_STATE/,
    );
  });

  test('GPUs: the number found is said; software adapters count when asked', async (t) => {
    const script = scriptWith(t, ['docker'], WORKS);
    assertRefused(
      await script.run(['docker', '3', '1']),
      3,
      /1 GPU workers .* 0 adapters/,
      /GPU_ENABLED=true/,
    );
    assertRefused(
      await script.run(['docker', '3', '2'], { GPU_ENABLED: 'true' }),
      3,
      /2 GPU workers .* 1 adapters/,
      /at most 1/,
    );
    const { code, stderr } = await script.run(['docker', '3', '1'], { GPU_ENABLED: 'true' });
    assert.equal(code, 0, stderr);
  });

  test("NVIDIA's runtime, where its GPUs are to be used", async (t) => {
    const script = scriptWith(
      t,
      ['docker', 'nvidia-smi'],
      [
        { call: 'docker info *', out: 'runc' },
        { call: 'nvidia-smi *', out: '0, NVIDIA A\\n1, NVIDIA B' },
        ...WORKS,
      ],
    );
    assertRefused(await script.run(['docker', '3', '2']), 3, /no NVIDIA runtime/, /nvidia-container-toolkit/);
    assertRefused(await script.run(['docker', '3', '3']), 3, /2 adapters/, /at most 2/);
  });
});

suite('deploy-cluster.sh docker', () => {
  test('builds, starts so many of each, tells what to use, and the secrets once', async (t) => {
    const script = scriptWith(t, ['docker'], WORKS);
    const first = await script.run(['docker', '3', '1'], { GPU_ENABLED: 'true' });
    assert.equal(first.code, 0, first.stderr);
    const calls = script.calls();
    const up = calls.find((call) => call.includes(' up -d'));
    assert.match(up ?? '', /--remove-orphans --scale cpu-worker=2$/);
    assert.ok(calls.findIndex((call) => / build /.test(call)) < calls.indexOf(up ?? ''));
    assert.match(first.stdout, /3 workers, 1 of them with a GPU/);
    assert.ok(first.stdout.includes(KEY) && first.stdout.includes('a-password'));
    assert.match(first.stdout, /curl --cacert .*ca\.crt -H 'Authorization: Bearer tc_/);
    assert.equal(statSync(script.state).mode & 0o777, 0o700);
    assert.match(readFileSync(join(script.state, 'gpu.yml'), 'utf8'), /gpu-worker-0:\n.*extends/);

    script.forgetCalls();
    const second = await script.run(['docker', '3', '1'], { GPU_ENABLED: 'true' });
    assert.equal(second.code, 0, second.stderr);
    assert.ok(!second.stdout.includes(KEY) && !second.stdout.includes('a-password'), 'shown once');
    assert.deepEqual(
      script.calls().filter((call) => call.includes('token create')),
      [],
    );
  });

  test('each GPU worker has a device of its own', async (t) => {
    const script = scriptWith(
      t,
      ['docker', 'nvidia-smi'],
      [{ call: 'nvidia-smi *', out: '0, NVIDIA A\\n1, NVIDIA B' }, ...WORKS],
    );
    const amd = join(script.folder, 'sys/class/drm/renderD129/device');
    mkdirSync(amd, { recursive: true });
    writeFileSync(join(amd, 'vendor'), '0x1002\n');
    const { code, stderr } = await script.run(['docker', '4', '3']);
    assert.equal(code, 0, stderr);
    const services = readFileSync(join(script.state, 'gpu.yml'), 'utf8');
    assert.match(services, /gpu-worker-0:[^]*device_ids: \['0'\][^]*gpu-worker-1:[^]*device_ids: \['1'\]/);
    assert.match(services, /gpu-worker-2:[^]*\/dev\/dri\/renderD129:\/dev\/dri\/renderD129/);
  });

  test('an address for alerts becomes a receiver, whatever characters it has', async (t) => {
    const script = scriptWith(t, ['docker'], WORKS);
    const url = 'https://example.org/hook?a=1&b=|x';
    const { code, stderr } = await script.run(['docker', '1', '0'], { ALERT_WEBHOOK_URL: url });
    assert.equal(code, 0, stderr);
    const receivers = () => readFileSync(join(script.state, 'alertmanager.yml'), 'utf8');
    assert.ok(receivers().includes(url));
    // A new address counts at the next start, and Alertmanager is told to read it.
    script.forgetCalls();
    await script.run(['docker', '1', '0'], { ALERT_WEBHOOK_URL: 'https://example.org/new' });
    assert.ok(receivers().includes('https://example.org/new') && !receivers().includes(url));
    assert.ok(script.calls().some((call) => call.endsWith('exec -T alertmanager sh -c kill -HUP 1')));
  });

  test('a build or a start that fails says so, and where to look', async (t) => {
    const script = scriptWith(
      t,
      ['docker'],
      [{ call: 'docker compose * build*', code: 1, err: 'no space left' }, ...WORKS],
    );
    const built = await script.run(['docker', '1', '0']);
    assertRefused(built, 1, /could not be built/, /docs\/troubleshooting\.md/);
    assert.match(built.stderr, /no space left/);
    script.rules([{ call: 'docker compose * up *', code: 1, err: 'dependency failed' }, ...WORKS]);
    assertRefused(await script.run(['docker', '1', '0']), 1, /not everything started/, /logs coordinator/);
  });
});

suite('deploy-cluster.sh: several coordinators on PostgreSQL', () => {
  const NEW: readonly Rule[] = [{ call: 'docker compose version --short', out: '2.26.1' }, ...WORKS];
  const files =
    /^docker compose --project-directory \S+ -f \S+docker-compose\.yml -f \S+deploy\/postgres\.yml /;

  test('COORDINATORS is remembered, and every call is about both files from then on', async (t) => {
    const script = scriptWith(t, ['docker'], NEW);
    const { code, stdout, stderr } = await script.run(['docker', '3', '0'], { COORDINATORS: '3' });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /3 coordinators on PostgreSQL/);
    script.forgetCalls();
    const again = await script.run(['scale', '5']);
    assert.equal(again.code, 0, again.stderr);
    const composed = script.calls().filter((call) => call.includes('--project-directory'));
    assert.ok(composed.length > 1);
    assert.deepEqual(
      composed.filter((call) => !files.test(call)),
      [],
    );
  });

  test('what can’t be is refused, and nothing is changed', async (t) => {
    const script = scriptWith(t, ['docker'], NEW);
    const refused = async (coordinators: string, code: number, what: RegExp, todo: RegExp) => {
      assertRefused(await script.run(['docker', '3', '0'], { COORDINATORS: coordinators }), code, what, todo);
      assert.deepEqual(
        script.calls().filter((call) => !LOOKS.test(call)),
        [],
      );
      assert.equal(existsSync(script.state), false);
    };
    await refused('many', 2, /COORDINATORS is a whole number/, /deploy-cluster/);
    await refused('0', 2, /at least one coordinator/, /COORDINATORS=3/);
    await refused('33', 2, /at most 32/, /less/);
    script.rules([{ call: 'docker compose version --short', out: '2.20.3' }, ...WORKS]);
    await refused('3', 3, /2\.20\.3 is too old/, /docs\.docker\.com/);
    // A store that is left behind would be a cluster without its jobs.
    script.rules(NEW.filter(({ call }) => !call.startsWith('docker volume')));
    await refused('3', 1, /jobs in the embedded store/, /move 3/);
    assertRefused(await script.run(['move']), 2, /move takes one number/, /move 3/);
  });

  test('move: stops, moves, remembers; a move that fails leaves the cluster as it was', async (t) => {
    const script = scriptWith(t, ['docker'], NEW);
    await script.run(['docker', '3', '0']);
    const there = NEW.filter(({ call }) => !call.startsWith('docker volume'));
    script.rules([{ call: 'docker compose * coordinator move', code: 1, err: 'not empty' }, ...there]);
    assertRefused(
      await script.run(['move', '3']),
      1,
      /could not be moved/,
      /goes on with the embedded store/,
    );
    assert.equal(existsSync(join(script.state, 'coordinators')), false);
    script.rules(there);
    script.forgetCalls();
    const moved = await script.run(['move', '3']);
    assert.equal(moved.code, 0, moved.stderr);
    const order = [/ stop$/, / up -d --wait postgres$/, /run --rm -T --no-deps coordinator move$/].map(
      (pattern) => script.calls().findIndex((call) => pattern.test(call)),
    );
    assert.ok(
      order.every((index, place) => index >= 0 && index > (order[place - 1] ?? -1)),
      order.join(),
    );
    assert.equal((await script.run(['docker', '3', '0'])).code, 0);
    assertRefused(await script.run(['move', '3']), 1, /on PostgreSQL already/, /COORDINATORS=3/);
  });

  test('a backup has what pg_dump gives and is read once more; a restore makes old leases void', async (t) => {
    const dumps: readonly Rule[] = [{ call: 'docker compose * pg_dump *', out: 'a dump' }, ...NEW];
    const script = scriptWith(t, ['docker'], dumps);
    await script.run(['docker', '3', '0'], { COORDINATORS: '2' });
    const file = join(script.folder, 'dump.tar.gz');
    const backup = await script.run(['backup', file]);
    assert.equal(backup.code, 0, backup.stderr);
    script.rules([{ call: 'docker compose * pg_restore --list*', code: 1 }, ...dumps]);
    const broken = await script.run(['backup', join(script.folder, 'broken.tar.gz')]);
    assertRefused(broken, 1, /not whole/, /try again/);
    script.rules(NEW);
    await script.run(['cleanup', '--yes']);
    script.forgetCalls();
    const restored = await script.run(['restore', file]);
    assert.equal(restored.code, 0, restored.stderr);
    const order = [
      /up -d --wait postgres$/,
      /pg_restore .*--single-transaction/,
      /threads_after_restore/,
    ].map((pattern) => script.calls().findIndex((call) => pattern.test(call)));
    assert.ok(
      order.every((index, place) => index >= 0 && index > (order[place - 1] ?? -1)),
      order.join(),
    );
    assert.equal(readFileSync(join(script.state, 'coordinators'), 'utf8').trim(), '2');
  });
});

suite('deploy-cluster.sh: a cluster that there is', () => {
  const deployed = async (t: Parameters<typeof scriptWith>[0]) => {
    const script = scriptWith(t, ['docker'], WORKS);
    const { code, stderr } = await script.run(['docker', '3', '1'], { GPU_ENABLED: 'true' });
    assert.equal(code, 0, stderr);
    script.forgetCalls();
    return script;
  };

  test('without one, each command says how to get one', async (t) => {
    const script = scriptWith(t, ['docker'], WORKS);
    for (const args of [['status'], ['logs'], ['scale', '3'], ['report'], ['stop'], ['cleanup'], ['backup']])
      assertRefused(await script.run(args), 1, /no cluster of this folder/, /docker 3 1/);
    assert.deepEqual(script.calls(), []);
  });

  test('scale: workers in all, those with a GPU stay, nothing else is touched, nothing restarts', async (t) => {
    const script = await deployed(t);
    const { code, stdout, stderr } = await script.run(['scale', '8']);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /8 workers: 7 by CPU, 1 with a GPU/);
    const [up] = script.calls().filter((call) => call.includes(' up '));
    assert.match(up ?? '', /--no-recreate --scale cpu-worker=7 cpu-worker$/);
    assert.ok(
      script.calls().some((call) => call.endsWith('sh 8')),
      'status and alerts expect so many',
    );
    assertRefused(await script.run(['scale', '0']), 2, /1 of them have a GPU/, /at least 1/);
  });

  test('logs of a service that there is not', async (t) => {
    const script = await deployed(t);
    assertRefused(
      await script.run(['logs', 'redis']),
      2,
      /no service 'redis'/,
      /coordinator cpu-worker nginx/,
    );
    assert.equal((await script.run(['logs', 'coordinator'])).code, 0);
  });

  test('a coordinator that does not run', async (t) => {
    const script = await deployed(t);
    script.rules([{ call: 'docker compose * ps -q coordinator', out: '' }, ...WORKS]);
    for (const args of [['scale', '3'], ['report'], ['backup']])
      assertRefused(await script.run(args), 1, /coordinator does not run/, /docker 3 1/);
  });

  test('cleanup asks a person; without one it takes --yes', async (t) => {
    const script = await deployed(t);
    assertRefused(await script.run(['cleanup']), 1, /nothing was removed/, /--yes/);
    assert.deepEqual(
      script.calls().filter((call) => call.includes(' down')),
      [],
    );
    assert.equal((await script.run(['cleanup', '--yes'])).code, 0);
    assert.ok(script.calls().some((call) => call.endsWith('down --volumes --remove-orphans')));
    assert.equal(existsSync(script.state), false);
  });

  test('backup never writes over a file', async (t) => {
    const script = await deployed(t);
    const file = join(script.folder, 'old.tar.gz');
    writeFileSync(file, 'dear');
    assertRefused(await script.run(['backup', file]), 1, /there already/, /another file/);
    assert.equal(readFileSync(file, 'utf8'), 'dear');
  });

  test('restore: no file, rubbish, a damaged backup, a cluster that is not empty', async (t) => {
    const script = await deployed(t);
    assertRefused(await script.run(['restore', 'nowhere']), 1, /no file nowhere/, /path of a backup/);
    const file = join(script.folder, 'rubbish.tar.gz');
    writeFileSync(file, 'no archive');
    assertRefused(await script.run(['restore', file]), 1, /no backup of a cluster/, /backup made/);

    script.rules([{ call: 'docker compose * backup -', out: 'the store' }, ...WORKS]);
    const good = join(script.folder, 'good.tar.gz');
    const { code, stderr } = await script.run(['backup', good]);
    assert.equal(code, 0, stderr);
    assert.equal(statSync(good).mode & 0o777, 0o600);
    const whole = readFileSync(good);
    writeFileSync(file, whole.subarray(0, whole.length / 2));
    assertRefused(await script.run(['restore', file]), 1, /no backup|damaged/, /backup/);
    script.rules(WORKS.filter(({ call }) => !call.startsWith('docker volume')));
    assertRefused(await script.run(['restore', good]), 1, /a cluster already/, /cleanup/);
    script.rules(WORKS);
    const restored = await script.run(['restore', good]);
    assert.equal(restored.code, 0, restored.stderr);
    assert.match(restored.stdout, /goes on from there/);
  });

  test('a folder has one cluster: Kubernetes beside Docker is refused', async (t) => {
    const script = await deployed(t);
    assertRefused(await script.run(['kubernetes', '3', '0']), 1, /runs on docker/, /CLUSTER_STATE/);
  });
});
