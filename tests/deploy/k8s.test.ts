/**
 * k8s/ rendered as it is applied, against the schemas of Kubernetes and the checks of manifests/; and broken/, one fault
 * in each file, as proof that the checks catch it. There is no API server here: what it would refuse beyond the schemas
 * is what the checks are for.
 */
import assert from 'node:assert/strict';
import { globSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import project from '../../package.json' with { type: 'json' };
import { findingsIn } from './manifests/checks.ts';
import { at, items, readManifests, shown, text, texts, type Manifest } from './manifests/manifest.ts';
import { podsOf, type PodShape } from './manifests/pods.ts';
import { hasPort } from './manifests/references.ts';
import { quantity } from './manifests/running.ts';
import { allowedInside, Traffic, type Party } from './manifests/traffic.ts';
import { expected, find, K8S, podOf, render, renderBeside, ROOT, skip, told } from './rendered-manifests.ts';

const BROKEN = join(import.meta.dirname, 'broken');

/** Components that no overlay has: for the operator's own kustomization. */
const ALONE: ReadonlyMap<string, readonly string[]> = new Map([
  ['software GPUs on a laptop', ['local', 'software-gpu']],
  ['a public certificate of its own', ['acme']],
  ['alerts that are sent', ['alert-receivers']],
  ['a runtime class for GPUs', ['nvidia-runtime-class']],
  ['a runtime class for GPUs of every node', ['gpu-every-node', 'nvidia-runtime-class']],
  ['autoscaled behind an Ingress', ['ingress', 'cert-manager', 'autoscale']],
]);

const withComponents = (components: readonly string[]) =>
  [
    'resources: [../../k8s/overlays/default]',
    'components:',
    ...components.map((name) => `  - ../../k8s/components/${name}`),
  ].join('\n');

describe('every overlay', { skip }, () => {
  for (const name of readdirSync(join(K8S, 'overlays'))) {
    test(`${name} passes every check`, async (t) => {
      const manifests = await render(join(K8S, 'overlays', name));
      t.diagnostic(`${manifests.length} objects`);
      assert.deepEqual(told(findingsIn(manifests, expected)), []);
      for (const title of [
        'Service/load-balancer-service',
        'Service/coordinator-service',
        'Deployment/cpu-workers',
      ]) {
        find(manifests, title);
      }
    });
  }

  for (const [what, components] of ALONE) {
    test(`${what} (${components.join(', ')}) passes every check`, async () => {
      assert.deepEqual(told(findingsIn(await renderBeside(withComponents(components)), expected)), []);
    });
  }

  test('every component is in an overlay or tried above', () => {
    const used = new Set([...ALONE.values()].flat());
    for (const file of globSync('overlays/*/kustomization.yaml', { cwd: K8S })) {
      const overlay: unknown = parse(readFileSync(join(K8S, file), 'utf8'));
      for (const path of items(at(overlay, 'components'))) used.add(basename(text(path)));
    }
    assert.deepEqual(new Set(readdirSync(join(K8S, 'components'))), used);
  });

  test('the kustomization that k8s/README.md shows renders, with its images, settings and bounds', async () => {
    const [, example] =
      /```yaml\n(# \.cluster\/kubernetes\/kustomization\.yaml\n[\s\S]*?)```/.exec(
        readFileSync(join(K8S, 'README.md'), 'utf8'),
      ) ?? [];
    assert.ok(example);
    const manifests = await renderBeside(example);
    const image = text(podOf(manifests, 'Deployment/cpu-workers').containers[0]?.body['image']);
    assert.equal(image, 'registry.example.org/team/threads-cluster/cpu-worker:1.4.2');
    assert.deepEqual(told(findingsIn(manifests, { ...expected, version: '1.4.2' })), []);
    assert.equal(
      at(find(manifests, 'ConfigMap/cluster-settings').body, 'data', 'DOMAIN'),
      'cluster.example.org',
    );
    assert.equal(at(find(manifests, 'HorizontalPodAutoscaler/cpu-workers').body, 'spec', 'maxReplicas'), 12);
    assert.equal(at(find(manifests, 'Deployment/cpu-workers').body, 'spec', 'replicas'), undefined);
  });
});

describe('what is rendered', { skip }, () => {
  test('resources by default are those that are documented', async () => {
    const manifests = await render(join(K8S, 'overlays', 'default'));
    const resources = (title: string) => at(podOf(manifests, title).containers[0]?.body, 'resources');
    assert.deepEqual(resources('Deployment/cpu-workers'), {
      requests: { cpu: '500m', memory: '1Gi' },
      limits: { cpu: '2', memory: '4Gi' },
    });
    assert.deepEqual(resources('Deployment/gpu-workers'), {
      requests: { cpu: '1', memory: '2Gi', 'nvidia.com/gpu': 1 },
      limits: { cpu: '4', memory: '8Gi', 'nvidia.com/gpu': 1 },
    });
  });

  test('the namespace asks for restricted pods', async () => {
    const labels = texts(
      at(find(await render(join(K8S, 'base')), 'Namespace/threads-cluster').body, 'metadata', 'labels'),
    );
    assert.equal(labels.get('pod-security.kubernetes.io/enforce'), 'restricted');
  });

  test('a DaemonSet for each place of a GPU gives every GPU of a node to a worker with a name of its own', async () => {
    const manifests = await render(join(K8S, 'overlays', 'gpu-every-node'));
    const sets = podsOf(manifests).filter(({ manifest }) => manifest.kind === 'DaemonSet');
    /** How many pods a node gets, by its number of GPUs. */
    const onNode = (gpus: number) => sets.filter((pod) => gpus > Number(place(pod))).length;
    const place = ({ spec }: PodShape) => {
      const terms = at(
        spec,
        'affinity',
        'nodeAffinity',
        'requiredDuringSchedulingIgnoredDuringExecution',
        'nodeSelectorTerms',
      );
      const [expression] = items(at(items(terms)[0], 'matchExpressions'));
      assert.equal(at(expression, 'key'), 'nvidia.com/gpu.count');
      assert.equal(at(expression, 'operator'), 'Gt');
      return at(expression, 'values', 0);
    };
    assert.deepEqual([0, 1, 2, 4, 8].map(onNode), [0, 1, 2, 4, 8]);
    const ids = sets.map(({ containers }) =>
      items(containers[0]?.body['env']).find((entry) => at(entry, 'name') === 'NODE_ID'),
    );
    assert.equal(new Set(ids.map((entry) => at(entry, 'value'))).size, sets.length);
    for (const { containers } of sets)
      assert.equal(quantity(at(containers[0]?.body, 'resources', 'limits', 'nvidia.com/gpu')), 1);
    assert.ok(!manifests.some(({ title }) => title === 'Deployment/gpu-workers'));
  });

  test('Prometheus and Grafana find by name what they read', async () => {
    // It has all of it; a name that nobody has finds nothing elsewhere.
    const manifests = await render(join(K8S, 'overlays', 'production'));
    const config = (name: string, key: string): unknown => {
      const map = manifests.find(
        (manifest) => manifest.kind === 'ConfigMap' && manifest.name.startsWith(`${name}-`),
      );
      return parse(text(at(map?.body, 'data', key)));
    };
    const prometheus = config('prometheus-config', 'prometheus.yml');
    const looked = items(at(prometheus, 'scrape_configs'))
      .flatMap((job) => items(at(job, 'dns_sd_configs')))
      .flatMap((lookup) =>
        items(at(lookup, 'names')).map((name) => `${text(name)}:${shown(at(lookup, 'port'))}`),
      );
    const fixed = [
      ...items(at(prometheus, 'scrape_configs')),
      ...items(at(prometheus, 'alerting', 'alertmanagers')),
    ]
      .flatMap((job) => items(at(job, 'static_configs')))
      .flatMap((target) => items(at(target, 'targets')).map(text))
      .filter((target) => !target.startsWith('127.0.0.1:'));
    const grafana = items(
      at(config('grafana-provisioning-datasources', 'prometheus.yml'), 'datasources'),
    ).map((source) => text(at(source, 'url')).replace('http://', ''));
    assert.ok(looked.length >= 4 && fixed.length >= 2 && grafana.length >= 1);
    const missing = [...looked, ...fixed, ...grafana].filter((address) => {
      const [host = '', port = ''] = address.split(':');
      return !hasPort(
        manifests.find(({ title }) => title === `Service/${host}`),
        Number(port),
      );
    });
    assert.deepEqual(missing, []);
  });

  test('files are mounted where they are read', async () => {
    const manifests = await render(join(K8S, 'overlays', 'default'));
    const mounts = (title: string) =>
      items(podOf(manifests, title).containers[0]?.body['volumeMounts']).map((mount) =>
        text(at(mount, 'mountPath')),
      );
    const providers = manifests.find(({ name }) => name.startsWith('grafana-provisioning-dashboards-'));
    const [provider] = items(at(parse(text(at(providers?.body, 'data', 'files.yml'))), 'providers'));
    assert.ok(mounts('Deployment/grafana').includes(text(at(provider, 'options', 'path'))));
    const config = manifests.find(({ name }) => name.startsWith('prometheus-config-'));
    for (const pattern of items(at(parse(text(at(config?.body, 'data', 'prometheus.yml'))), 'rule_files'))) {
      assert.ok(
        mounts('Deployment/prometheus').includes(text(pattern).replace(/\/[^/]*$/, '')),
        text(pattern),
      );
    }
  });

  test('images of others have the tags that docker-compose.yml has', async () => {
    const compose = ['docker-compose.yml', 'deploy/postgres.yml']
      .map((file) => readFileSync(join(ROOT, file), 'utf8'))
      .join('\n');
    const tags = new Map(
      Array.from(compose.matchAll(/image: ([\w/]+):\$\{\w+:-([^}]+)\}/g), ([, name = '', tag = '']) => [
        name,
        tag,
      ]),
    );
    const images = podsOf(await render(join(K8S, 'overlays', 'production')))
      .flatMap(({ containers }) => containers.map(({ body }) => text(body['image'])))
      .filter((image) => !image.startsWith('threads-cluster/'));
    assert.equal(images.length, 5);
    for (const image of images) {
      const [name = '', tag] = image.split(':');
      assert.equal(tag, tags.get(name), image);
    }
  });
});

describe('who may talk to whom', { skip }, () => {
  const world: Party = { kind: 'address', address: '203.0.113.7' };
  const own = (manifests: readonly Manifest[], title: string): Party => ({
    kind: 'own',
    pod: podOf(manifests, title),
  });
  /** Of `titles`, those that the world reaches (`from`) or that reach it, on any of these ports. */
  const exposed = (manifests: readonly Manifest[], ports: readonly number[]) => {
    const traffic = new Traffic(manifests, expected.namespace);
    return podsOf(manifests).flatMap((pod) => {
      const self: Party = { kind: 'own', pod };
      return ports.flatMap((port) => [
        ...(traffic.allows(world, self, port) ? [`world → ${pod.manifest.name}:${port}`] : []),
        ...(traffic.allows(self, world, port) ? [`${pod.manifest.name} → world:${port}`] : []),
      ]);
    });
  };
  const PORTS = [22, 25, 53, 80, 443, 465, 587, 3000, 6443, 9090, 9093, 9100, 9113];

  test('inside the namespace it is these connections and no others', async () => {
    const manifests = await render(join(K8S, 'overlays', 'default'));
    assert.deepEqual(allowedInside(manifests, expected.namespace).toSorted(), [
      'coordinator → prometheus:9090',
      'cpu-workers → coordinator:3000',
      'gpu-workers → coordinator:3000',
      'grafana → prometheus:9090',
      'load-balancer → coordinator:3000',
      'load-balancer → grafana:3000',
      'prometheus → alertmanager:9093',
      'prometheus → coordinator:9090',
      'prometheus → cpu-workers:9100',
      'prometheus → gpu-workers:9100',
      'prometheus → load-balancer:9113',
    ]);
  });

  test('the world reaches nginx alone, and nothing reaches the world', async () => {
    const manifests = await render(join(K8S, 'overlays', 'default'));
    assert.deepEqual(exposed(manifests, PORTS), ['world → load-balancer:80', 'world → load-balancer:443']);
  });

  test('names are asked of the cluster’s DNS alone, and other namespaces reach nothing', async () => {
    const manifests = await render(join(K8S, 'overlays', 'default'));
    const traffic = new Traffic(manifests, expected.namespace);
    const of = (namespace: string): Party => ({
      kind: 'other',
      namespace,
      labels: new Map([['k8s-app', 'kube-dns']]),
    });
    for (const pod of podsOf(manifests)) {
      const self: Party = { kind: 'own', pod };
      assert.ok(traffic.allows(self, of('kube-system'), 53), pod.manifest.title);
      assert.ok(!traffic.allows(self, of('kube-system'), 443), pod.manifest.title);
      assert.ok(!traffic.allows(self, of('elsewhere'), 53), pod.manifest.title);
      for (const { number } of pod.ports) {
        const open = pod.manifest.name === 'load-balancer' && [80, 443].includes(number);
        assert.equal(traffic.allows(of('elsewhere'), self, number), open, `${pod.manifest.title}:${number}`);
      }
    }
  });

  test('certificates and alerts open what they need, towards the internet and not towards the inside', async () => {
    const manifests = await renderBeside(withComponents(['acme', 'alert-receivers']));
    assert.deepEqual(exposed(manifests, PORTS).toSorted(), [
      ...['alertmanager → world:443', 'alertmanager → world:465', 'alertmanager → world:587'],
      'load-balancer → world:443',
      ...['world → load-balancer:443', 'world → load-balancer:80'],
    ]);
    const traffic = new Traffic(manifests, expected.namespace);
    for (const address of ['10.0.0.1', '169.254.169.254', '192.168.1.1', 'fd00::1']) {
      const inside: Party = { kind: 'address', address };
      assert.ok(!traffic.allows(own(manifests, 'Deployment/load-balancer'), inside, 443), address);
    }
  });

  test('an Ingress controller and the operator’s Prometheus reach what they are for', async () => {
    const pod = (namespace: string, name: string): Party => ({
      kind: 'other',
      namespace,
      labels: new Map([['app.kubernetes.io/name', name]]),
    });
    const behind = await render(join(K8S, 'overlays', 'ingress'));
    const traffic = new Traffic(behind, expected.namespace);
    assert.ok(
      traffic.allows(pod('ingress-nginx', 'ingress-nginx'), own(behind, 'StatefulSet/coordinator'), 3000),
    );
    assert.ok(
      !traffic.allows(pod('ingress-nginx', 'ingress-nginx'), own(behind, 'StatefulSet/coordinator'), 9090),
    );
    const watched = await render(join(K8S, 'overlays', 'service-monitor'));
    const watching = new Traffic(watched, expected.namespace);
    assert.ok(watching.allows(pod('monitoring', 'prometheus'), own(watched, 'Deployment/cpu-workers'), 9100));
    assert.ok(!watching.allows(pod('monitoring', 'grafana'), own(watched, 'Deployment/cpu-workers'), 9100));
  });
});

describe('broken manifests are caught', { skip }, () => {
  for (const file of readdirSync(BROKEN)) {
    test(file.replace('.yaml', '').replaceAll('-', ' '), async () => {
      const yaml = readFileSync(join(BROKEN, file), 'utf8');
      const wanted = Array.from(yaml.matchAll(/^# Caught as (.*)$/gm), ([, line = '']) =>
        line.replace('VERSION', project.version),
      );
      assert.ok(wanted.length > 0, `${file} says what it is caught as`);
      const broken = readManifests(yaml);
      const others = (await render(join(K8S, 'overlays', 'default'))).filter(
        ({ title }) => !broken.some((manifest) => manifest.title === title),
      );
      assert.deepEqual(told(findingsIn([...others, ...broken], expected)).toSorted(), wanted.toSorted());
    });
  }

  test('each check has a broken manifest', () => {
    const sources = globSync('manifests/*.ts', { cwd: import.meta.dirname }).map((file) =>
      readFileSync(join(import.meta.dirname, file), 'utf8'),
    );
    const rules = sources.flatMap((source) =>
      Array.from(
        source.matchAll(/(?:rule: |rule = |form\(\s*|finding\()'([a-z-]+)'/g),
        ([, rule = '']) => rule,
      ),
    );
    const proven = readdirSync(BROKEN).flatMap((file) =>
      Array.from(
        readFileSync(join(BROKEN, file), 'utf8').matchAll(/^# Caught as ([a-z-]+):/gm),
        ([, rule = '']) => rule,
      ),
    );
    assert.ok(rules.length > 30);
    // Its manifest is made below: 300 KB.
    assert.deepEqual(
      [...new Set(rules)].filter((rule) => !proven.includes(rule)),
      ['size'],
    );
  });

  test('an object too large for what `kubectl apply` remembers of it', async () => {
    const data = { 'dashboard.json': 'x'.repeat(300_000) };
    const metadata = { name: 'broken', namespace: expected.namespace };
    const yaml = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
    const [finding, ...more] = findingsIn(readManifests(yaml), expected);
    assert.equal(finding?.rule, 'size');
    assert.deepEqual(more, []);
  });

  test('a file that says a key twice is no manifest', () => {
    assert.throws(() => readManifests('kind: Service\nkind: Pod\n'), /Map keys must be unique/);
  });
});
