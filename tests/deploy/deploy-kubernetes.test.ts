/** deploy-cluster.sh on Kubernetes. kubectl, docker and what loads images are recording stand-ins: no API server is here. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import { runCommand } from '../setup/command.ts';
import { findKubectl } from '../setup/kubectl.ts';
import type { Ended, Rule, Script } from './stand-ins.ts';
import { scriptWith } from './stand-ins.ts';

const KEY = 'tc_0123456789ab_0123456789012345678901234567890123456789012';
/** A cluster of kind on which nothing is deployed. */
const EMPTY: readonly Rule[] = [
  { call: 'kubectl config current-context', out: 'kind-lab' },
  { call: 'kubectl get nodes -o jsonpath=*nvidia*', out: '2\\n\\n1' },
  { call: 'kubectl get nodes -o name', out: 'node/a\\nnode/b' },
  { call: 'kubectl * get secret *', code: 1 },
  { call: 'kubectl * get horizontalpodautoscaler *', code: 1 },
  { call: 'kubectl * get persistentvolumeclaim *', code: 1 },
  { call: 'kubectl get namespace *', code: 1 },
  { call: 'kubectl * token create *', out: `{"key":"${KEY}"}` },
  { call: 'kubectl * get service *', out: 'load-balancer-service  LoadBalancer' },
];
/** Commands that ask and change nothing. */
const LOOKS =
  /^(kubectl( -n \S+)? (kustomize|config|get|auth|version)|docker (version|compose version|info)|git )/;

function assertRefused(ended: Ended, code: number, what: RegExp, todo: RegExp): void {
  assert.equal(ended.code, code, ended.stderr);
  assert.match(ended.stderr, new RegExp(`^error: .*${what.source}`, 'm'));
  assert.match(ended.stderr, new RegExp(`^  → .*${todo.source}`, 'm'));
}

function assertUnchanged(script: Script): void {
  assert.deepEqual(
    script.calls().filter((call) => !LOOKS.test(call)),
    [],
  );
  assert.equal(existsSync(script.state), false);
}

const machine = (t: TestContext, rules: readonly Rule[] = EMPTY, more: readonly string[] = ['kind']) =>
  scriptWith(t, ['kubectl', 'docker', ...more], rules);

suite('kubernetes: what is missing is said before anything is changed', () => {
  test('kubectl', async (t) => {
    assertRefused(
      await scriptWith(t, ['docker']).run(['kubernetes', '3', '0']),
      3,
      /kubectl is not installed/,
      /kubernetes-client/,
    );
  });

  for (const [name, rule, what, todo] of [
    ['one that can render', { call: 'kubectl kustomize *', code: 1 }, /too old/, /kubectl version/],
    ['a cluster', { call: 'kubectl config current-context', code: 1 }, /no cluster/, /use-context/],
    [
      'a cluster that answers',
      { call: 'kubectl get --raw *', code: 1, err: 'connection refused' },
      /does not answer: connection refused/,
      /cluster-info/,
    ],
    [
      'rights',
      { call: 'kubectl auth can-i create secrets *', code: 1 },
      /you may not create secrets in the namespace threads-cluster/,
      /role admin/,
    ],
    [
      'the right to make the namespace',
      { call: 'kubectl auth can-i create namespaces', code: 1 },
      /may not create the namespace/,
      /create namespace threads-cluster/,
    ],
    [
      'an engine that builds',
      { call: 'docker version*', code: 1, err: 'Cannot connect' },
      /Docker's engine/,
      /start docker/,
    ],
  ] as const) {
    test(name, async (t) => {
      const script = machine(t, [rule, ...EMPTY]);
      assertRefused(await script.run(['kubernetes', '3', '0']), 3, what, todo);
      assertUnchanged(script);
    });
  }

  test('GPUs on the nodes: the number found is said; software adapters are one for each node', async (t) => {
    const script = machine(t);
    assertRefused(await script.run(['kubernetes', '5', '4']), 3, /4 GPU workers .* 3 adapters/, /at most 3/);
    assertRefused(
      await script.run(['kubernetes', '5', '4'], { GPU_ENABLED: 'true' }),
      3,
      /4 GPU workers .* 2 adapters/,
      /at most 2/,
    );
    assertUnchanged(script);
  });

  test('a way for images: a registry, or a cluster that they can be loaded into', async (t) => {
    const rules = [{ call: 'kubectl config current-context', out: 'prod' }, ...EMPTY];
    const script = machine(t, rules);
    assertRefused(await script.run(['kubernetes', '3', '0']), 3, /can't get images/, /IMAGE_REGISTRY=/);
    assertUnchanged(script);
    const without = machine(t, EMPTY, []);
    assertRefused(await without.run(['kubernetes', '3', '0']), 3, /kind is not here/, /install kind/);
    assertUnchanged(without);
  });
});

suite('kubernetes N G', () => {
  test('builds, loads, makes secrets by standard input, applies, scales, waits, and shows the key once', async (t) => {
    const script = machine(t);
    const { code, stdout, stderr } = await script.run(['kubernetes', '5', '2'], { IMAGE_TAG: 'v7' });
    assert.equal(code, 0, stderr);
    const calls = script.calls();
    const at = (pattern: RegExp) => calls.findIndex((call) => pattern.test(call));
    const order = [
      /^docker build .*coordinator:v7/,
      /^kind load docker-image threads-cluster\/coordinator:v7 --name lab/,
      /create secret generic worker-key --from-file=worker.key=\/dev\/stdin/,
      /apply -f .*rendered\.yaml/,
      /scale deployment cpu-workers --replicas=3/,
      /scale deployment gpu-workers --replicas=2/,
      /rollout status statefulset\/coordinator/,
      /token create --user owner --role submitter/,
    ].map(at);
    assert.ok(
      order.every((index, place) => index >= 0 && index > (order[place - 1] ?? -1)),
      `${order.join()}\n${calls.join('\n')}`,
    );
    assert.ok(stdout.includes(KEY) && stdout.includes('load-balancer-service'));
    assert.deepEqual(
      calls.filter((call) => /tc_|password=[^/]/.test(call)),
      [],
      'no secret is an argument',
    );
    assert.equal(statSync(script.state).mode & 0o777, 0o700);

    script.rules(EMPTY.filter(({ call }) => !/secret|namespace \*/.test(call)));
    script.forgetCalls();
    const again = await script.run(['kubernetes', '5', '2'], { IMAGE_TAG: 'v7' });
    assert.equal(again.code, 0, again.stderr);
    assert.ok(!again.stdout.includes(KEY));
    assert.deepEqual(
      script.calls().filter((call) => /create secret |token create/.test(call)),
      [],
      'keys stay',
    );
  });

  test('pushes to a registry where one is named, and fails where that fails', async (t) => {
    const script = machine(t, [{ call: 'docker push *nginx*', code: 1, err: 'denied' }, ...EMPTY], []);
    const env = { IMAGE_REGISTRY: 'registry.example.org/team', IMAGE_TAG: 'v7' };
    assertRefused(await script.run(['kubernetes', '1', '0'], env), 1, /could not be brought/, /docker login/);
    assert.ok(
      script.calls().includes('docker push --quiet registry.example.org/team/threads-cluster/coordinator:v7'),
    );
    assert.deepEqual(
      script.calls().filter((call) => /^kubectl .*(apply|create|scale)/.test(call) && !LOOKS.test(call)),
      [],
    );
  });

  test('software adapters and components stand in the kustomization of this cluster', async (t) => {
    const script = machine(t);
    const env = { GPU_ENABLED: 'true', K8S_COMPONENTS: 'autoscale', DOMAIN: "it's.example.org" };
    const rules = [{ call: 'kubectl get nodes -o jsonpath=*nvidia*', out: '' }, ...EMPTY];
    script.rules(rules);
    const { code, stderr } = await script.run(['kubernetes', '3', '2'], env);
    assert.equal(code, 0, stderr);
    const text = readFileSync(join(script.state, 'kubernetes/kustomization.yaml'), 'utf8');
    assert.ok(text.includes("- 'DOMAIN=it''s.example.org'\n"), text);
    for (const line of [
      '../../k8s/components/acme',
      '../../k8s/overlays/default',
      '../../k8s/components/software-gpu',
      '../../k8s/components/local',
      '../../k8s/components/autoscale',
    ])
      assert.ok(text.includes(`  - ${line}\n`), `${line}\n${text}`);
  });

  test('what it writes is rendered by a real kubectl, with its images and settings', async (t) => {
    const kubectl = await findKubectl();
    if ('missing' in kubectl) return t.skip(kubectl.missing);
    const script = machine(t, [{ call: 'kubectl get nodes -o jsonpath=*nvidia*', out: '' }, ...EMPTY]);
    const { code, stderr } = await script.run(['kubernetes', '3', '2'], {
      GPU_ENABLED: 'true',
      K8S_COMPONENTS: 'autoscale',
      DOMAIN: 'cluster.example.org',
      IMAGE_TAG: '0017',
    });
    assert.equal(code, 0, stderr);
    const { ok, stdout, problem } = await runCommand(kubectl.path, [
      'kustomize',
      join(script.state, 'kubernetes'),
    ]);
    assert.ok(ok, problem);
    for (const line of [
      'image: threads-cluster/cpu-worker:0017',
      'image: threads-cluster/nginx:0017',
      'DOMAIN: cluster.example.org',
      'GPU_ENABLED: "true"',
      'kind: HorizontalPodAutoscaler',
      '  maxReplicas: 1',
    ])
      assert.ok(stdout.includes(`${line}\n`), line);
    assert.doesNotMatch(stdout, /nvidia\.com\/gpu/);
  });

  test('who is told of alerts becomes a Secret by standard input, and the component that reads it', async (t) => {
    const script = machine(t);
    const env = { ALERT_WEBHOOK_URL: 'https://example.org/hook' };
    const { code, stderr } = await script.run(['kubernetes', '1', '0'], env);
    assert.equal(code, 0, stderr);
    const text = readFileSync(join(script.state, 'kubernetes/kustomization.yaml'), 'utf8');
    assert.ok(text.includes('components/alert-receivers\n'), text);
    const calls = script.calls();
    assert.ok(
      calls.some((call) => /create secret generic alertmanager-receivers .*=\/dev\/stdin/.test(call)),
    );
    assert.deepEqual(
      calls.filter((call) => call.includes('example.org')),
      [],
    );
    assertRefused(
      await script.run(['kubernetes', '1', '0'], { ALERT_WEBHOOK_URL: 'ftp://example.org' }),
      2,
      /alerts would reach nobody/,
      /mend the setting/,
    );
  });

  test('a pod that does not become ready is said with where to look', async (t) => {
    const script = machine(t, [
      { call: 'kubectl * rollout status deployment/cpu-workers*', code: 1, err: 'timed out' },
      ...EMPTY,
    ]);
    assertRefused(
      await script.run(['kubernetes', '2', '0']),
      1,
      /cpu-workers did not become ready/,
      /describe pods/,
    );
  });
});

suite('a cluster on Kubernetes that there is', () => {
  const deployed = async (t: TestContext) => {
    const script = machine(t);
    const { code, stderr } = await script.run(['kubernetes', '5', '2']);
    assert.equal(code, 0, stderr);
    script.rules(EMPTY.filter(({ call }) => !/secret|namespace \*/.test(call)));
    script.forgetCalls();
    return script;
  };

  test('scale: by the Deployment, or by the bounds of its autoscaler', async (t) => {
    const script = await deployed(t);
    assert.equal((await script.run(['scale', '8'])).code, 0);
    assert.ok(
      script.calls().includes('kubectl -n threads-cluster scale deployment cpu-workers --replicas=6'),
    );
    script.rules([]);
    script.forgetCalls();
    assert.equal((await script.run(['scale', '8'])).code, 0);
    const patched = script.calls().find((call) => call.includes('patch horizontalpodautoscaler cpu-workers'));
    assert.match(patched ?? '', /"minReplicas":3,"maxReplicas":6/);
    assert.deepEqual(
      script.calls().filter((call) => call.includes('scale deployment cpu-workers')),
      [],
    );
    assertRefused(await script.run(['scale', '1']), 2, /2 of them have a GPU/, /at least 2/);
  });

  test('status, logs, report, stop and cleanup ask kubectl', async (t) => {
    const script = await deployed(t);
    script.rules([
      { call: 'kubectl * get pods -l *=nobody -o name' },
      { call: 'kubectl * get pods -l *', out: 'pod/x' },
      ...EMPTY,
    ]);
    for (const [args, pattern] of [
      [['status'], /exec -i pod\/coordinator-0 .*main\.ts status/],
      [['logs', 'cpu-worker'], /logs -l app\.kubernetes\.io\/name=cpu-workers/],
      [['report', '--hours', '2'], /main\.ts report --hours 2/],
      [['stop'], /scale deployment,statefulset --all --replicas=0/],
    ] as const) {
      const { code, stderr } = await script.run(args);
      assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
      assert.ok(
        script.calls().some((call) => pattern.test(call)),
        `${args.join(' ')}\n${script.calls().join('\n')}`,
      );
    }
    assertRefused(await script.run(['logs', 'nobody']), 2, /no pod of 'nobody'/, /get pods/);
    assertRefused(await script.run(['cleanup']), 1, /nothing was removed/, /--yes/);
    assert.deepEqual(
      script.calls().filter((call) => call.includes('delete namespace')),
      [],
    );
    assert.equal((await script.run(['cleanup', '--yes'])).code, 0);
    assert.ok(script.calls().some((call) => call.startsWith('kubectl delete namespace threads-cluster')));
  });

  test('backup takes store, key and volumes; restore wants an empty cluster and starts nothing', async (t) => {
    const script = await deployed(t);
    script.rules([
      { call: 'kubectl * backup -', out: 'the store' },
      { call: 'kubectl * get secret worker-key -o *', out: Buffer.from(KEY).toString('base64') },
      { call: 'kubectl * exec deployment/* tar *', out: 'a tar' },
      ...EMPTY.filter(({ call }) => !/secret|namespace \*/.test(call)),
    ]);
    const file = join(script.folder, 'b.tar.gz');
    const backup = await script.run(['backup', file]);
    assert.equal(backup.code, 0, backup.stderr);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    script.rules(EMPTY.filter(({ call }) => !/persistentvolumeclaim/.test(call)));
    assertRefused(await script.run(['restore', file]), 1, /a cluster already/, /cleanup/);

    script.rules(EMPTY);
    mkdirSync(join(script.folder, 'elsewhere'));
    script.forgetCalls();
    const restored = await script.run(['restore', file], {
      CLUSTER_STATE: join(script.folder, 'elsewhere/state'),
    });
    assert.equal(restored.code, 0, restored.stderr);
    const calls = script.calls();
    assert.ok(
      calls.some((call) => /exec -i restore -- .*main\.ts restore -$/.test(call)),
      calls.join('\n'),
    );
    assert.deepEqual(
      calls.filter((call) => /rendered\.yaml|scale/.test(call)),
      [],
    );
    assert.ok(
      existsSync(join(script.folder, 'elsewhere/state/restore/grafana-data.tar')),
      'filled when Grafana runs',
    );
  });

  test('COORDINATORS: three on PostgreSQL, with secrets by standard input; a store of before is never left behind', async (t) => {
    const kubectl = await findKubectl();
    if ('missing' in kubectl) return t.skip(kubectl.missing);
    const none = { call: 'kubectl * get statefulset coordinator', code: 1 };
    const script = machine(t, [none, ...EMPTY]);
    const { code, stderr } = await script.run(['kubernetes', '3', '0'], {
      COORDINATORS: '2',
      IMAGE_TAG: 'v7',
    });
    assert.equal(code, 0, stderr);
    const calls = script.calls();
    for (const secret of ['admin-key', 'postgres-password', 'store-url'])
      assert.ok(
        calls.some((call) => new RegExp(`create secret generic ${secret} .*=/dev/stdin`).test(call)),
        secret,
      );
    assert.deepEqual(
      calls.filter((call) => /postgres:\/\/|tc_/.test(call)),
      [],
      'no secret is an argument',
    );
    for (const what of ['statefulset/postgres', 'deployment/coordinator'])
      assert.ok(
        calls.some((call) => call.includes(`rollout status ${what} `)),
        what,
      );
    const rendered = await runCommand(kubectl.path, ['kustomize', join(script.state, 'kubernetes')]);
    assert.ok(rendered.ok, rendered.problem);
    assert.match(rendered.stdout, /kind: CronJob/);
    assert.match(rendered.stdout, /minAvailable: 1\n/);
    assert.doesNotMatch(rendered.stdout, /data-coordinator|name: coordinator\n[^-]*serviceName/);

    // As it is the next time, and when a backup is made and put into another cluster.
    const there = EMPTY.filter(({ call }) => !/secret|namespace \*/.test(call));
    script.rules([
      { call: 'kubectl * pg_dump *', out: 'a dump' },
      { call: 'kubectl * get secret * -o *', out: Buffer.from(KEY).toString('base64') },
      { call: 'kubectl * exec deployment/* tar *', out: 'a tar' },
      none,
      ...there,
    ]);
    const file = join(script.folder, 'dump.tar.gz');
    const backup = await script.run(['backup', file]);
    assert.equal(backup.code, 0, backup.stderr);
    script.rules([none, ...EMPTY]);
    mkdirSync(join(script.folder, 'elsewhere'));
    const elsewhere = { CLUSTER_STATE: join(script.folder, 'elsewhere/state'), IMAGE_TAG: 'v7' };
    const restored = await script.run(['restore', file], elsewhere);
    assert.equal(restored.code, 0, restored.stderr);
    script.forgetCalls();
    const started = await script.run(['kubernetes', '3', '0'], elsewhere);
    assert.equal(started.code, 0, started.stderr);
    const order = [
      /apply -f .*rendered\.yaml/,
      /rollout status statefulset\/postgres/,
      /exec -i postgres-0 -- pg_restore .*--single-transaction/,
      /SELECT threads_after_restore\(\)/,
      /scale deployment coordinator --replicas=2/,
      /rollout status deployment\/coordinator/,
    ].map((pattern) => script.calls().findIndex((call) => pattern.test(call)));
    assert.ok(
      order.every((index, place) => index >= 0 && index > (order[place - 1] ?? -1)),
      order.join(),
    );
    assert.match(
      readFileSync(join(script.folder, 'elsewhere/state/kubernetes/kustomization.yaml'), 'utf8'),
      /name: coordinator \}[^]*"value": 0/,
      'no coordinator before the store is there',
    );
    assert.ok(!existsSync(join(script.folder, 'elsewhere/state/restore/store.dump')));

    const embedded = machine(t, EMPTY);
    const refused = await embedded.run(['kubernetes', '3', '0'], { COORDINATORS: '3' });
    assertRefused(refused, 1, /jobs in the embedded store/, /k8s\/README\.md/);
    assertUnchanged(embedded);
    const outside = machine(t, [none, ...EMPTY]);
    const env = { COORDINATORS: '3', K8S_COMPONENTS: 'postgres-outside' };
    assertRefused(await outside.run(['kubernetes', '3', '0'], env), 3, /Secret store-url/, /from-file=url=/);
    assertUnchanged(outside);
  });

  test('rubbish is no backup', async (t) => {
    const script = await deployed(t);
    const file = join(script.folder, 'rubbish.tar.gz');
    writeFileSync(file, 'rubbish');
    assertRefused(await script.run(['restore', file]), 1, /no backup of a cluster/, /backup made/);
  });
});
