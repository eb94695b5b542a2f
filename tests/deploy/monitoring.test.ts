/** monitoring/ by the programs that read it: promtool and amtool check the files, and try the alerts. */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { temporaryFolder } from '../cluster/temporary.ts';
import { runCommand } from '../setup/command.ts';
import { findPrometheus, type PrometheusTools } from '../setup/prometheus.ts';
import { problemsOf, type DashboardFile } from './watching/dashboards.ts';
import { alerts, dashboards, list, read, ROOT } from './watching/files.ts';
import { readConfiguration } from './watching/programs.ts';
import { exportedBy, selectorsOf, unknownTo } from './watching/promql.ts';

const MONITORING = join(ROOT, 'monitoring');
const found = await findPrometheus();
const skip = 'missing' in found ? found.missing : false;
function tools(): PrometheusTools {
  if ('missing' in found) throw new Error(found.missing);
  return found.tools;
}

/** Runs promtool or amtool. */
const check = (program: 'promtool' | 'amtool', ...args: string[]) => runCommand(tools()[program], args);

suite('the files of monitoring/', () => {
  test('Prometheus takes its configurations and rules', { skip }, async (t) => {
    for (const name of ['prometheus', 'prometheus.kubernetes']) {
      const folder = temporaryFolder(t);
      cpSync(join(MONITORING, 'prometheus/rules'), join(folder, 'rules'), { recursive: true });
      // There the rules are mounted at a place of their own.
      const text = read(`monitoring/prometheus/${name}.yml`).replace('/etc/prometheus/rules/', 'rules/');
      writeFileSync(join(folder, 'prometheus.yml'), text);
      const { ok, stdout, problem } = await check(
        'promtool',
        'check',
        'config',
        join(folder, 'prometheus.yml'),
      );
      assert.ok(ok, problem);
      assert.match(stdout, /2 rule files found/);
    }
  });

  test('in Kubernetes the same is scraped, by other names', () => {
    const compose = readConfiguration(read('monitoring/prometheus/prometheus.yml'));
    const kubernetes = readConfiguration(read('monitoring/prometheus/prometheus.kubernetes.yml'));
    const nameless = (configuration: typeof compose) =>
      JSON.stringify(configuration).replaceAll(/"names":\[[^\]]*\]/g, '');
    const rulesAt = { rule_files: compose.rule_files };
    assert.equal(nameless({ ...kubernetes, ...rulesAt }), nameless(compose));
  });

  test('each alert fires when it should and is silent when it should not', { skip }, async () => {
    const files = list('monitoring/prometheus/tests');
    const { ok, problem, stdout } = await check(
      'promtool',
      'test',
      'rules',
      ...files.map((file) => join(ROOT, file)),
    );
    assert.ok(ok, `${problem}\n${stdout}`);
    const texts = files.map(read).join('\n');
    const shown = Array.from(
      texts.matchAll(/alertname="(\w+)"\}\)\s+eval_time: \S+\s+exp_samples: *(\[\])?/g),
      ([, name, none]) => `${name ?? ''} ${none === undefined ? 'fires' : 'is silent'}`,
    );
    const wanted = alerts.flatMap(({ alert }) => [`${alert} fires`, `${alert} is silent`]);
    assert.deepEqual(
      wanted.filter((what) => !shown.includes(what)),
      [],
      'these are not tried',
    );
  });

  test('every runbook is an entry of the troubleshooting guide', () => {
    const guide = read('docs/troubleshooting.md');
    const anchors = Array.from(guide.matchAll(/^#+ (.+)$/gm), ([, title = '']) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} -]/gu, '')
        .replaceAll(' ', '-'),
    );
    const lost = alerts.filter(
      ({ annotations }) => !anchors.includes(annotations.runbook.split('#')[1] ?? ''),
    );
    assert.deepEqual(
      lost.map(({ alert, annotations }) => `${alert}: ${annotations.runbook}`),
      [],
    );
  });

  test(
    'Alertmanager takes its configuration as it stands, and as render.sh makes it',
    { skip },
    async (t) => {
      const folder = temporaryFolder(t);
      const script = join(MONITORING, 'alertmanager/render.sh');
      const rendered = async (name: string, env: Record<string, string>) => {
        const { ok, stdout, problem } = await runCommand(script, [], { env });
        assert.ok(ok, problem);
        const file = join(folder, `${name}.yml`);
        writeFileSync(file, stdout);
        const checked = await check('amtool', 'check-config', file);
        assert.ok(checked.ok, `${name}: ${checked.problem}`);
        return stdout;
      };
      const webhook = { ALERT_WEBHOOK_URL: "https://example.org/it's?a=1#b: c" };
      const mail = {
        ALERT_EMAIL_TO: 'ops@example.org',
        ALERT_EMAIL_SERVER: 'smtp.example.org:587',
        ALERT_EMAIL_USER: 'ops',
        ALERT_EMAIL_PASSWORD: `"quo'te\\$HOME`,
      };
      assert.equal(await rendered('nobody', {}), read('monitoring/alertmanager/alertmanager.yml'));
      assert.match(await rendered('webhook', webhook), /receiver: operator[^]*https:\/\/example\.org\/it''s/);
      assert.match(await rendered('mail', mail), /auth_password: '"quo''te\\\$HOME'/);
      assert.match(await rendered('both', { ...webhook, ...mail }), /webhook_configs[^]*email_configs/);
      for (const wrong of [
        { ALERT_WEBHOOK_URL: 'example.org' },
        { ALERT_EMAIL_TO: 'ops@example.org' },
        { ...mail, ALERT_EMAIL_TLS: 'no' },
        { ...mail, ALERT_EMAIL_PASSWORD: 'two\nlines' },
      ]) {
        const { ok, problem } = await runCommand(script, [], { env: wrong });
        assert.ok(!ok && problem.includes('ALERT_'), JSON.stringify(wrong));
      }
    },
  );

  test('what is asked of nginx is what its certificate watcher writes, on the port that is scraped', () => {
    const nginx = list('nginx')
      .filter((path) => /\.(sh|in)$/.test(path))
      .map(read)
      .join('\n');
    const names = /\b(certificate_\w+|load_balancer_\w+)\b/g;
    const asked = new Set(alerts.flatMap(({ expr }) => expr.match(names) ?? []));
    assert.ok(asked.size >= 3);
    assert.deepEqual(
      [...asked].filter((name) => !nginx.includes(name)),
      [],
      'nobody writes these',
    );
    assert.ok(/\blisten 9113\b|_LISTEN=9113\b/.test(nginx), 'nothing listens on port 9113');
  });

  test('the dashboards are whole', () => {
    assert.equal(dashboards.length, 4);
    assert.deepEqual(problemsOf(dashboards), []);
  });

  test('everything is in the kustomization', () => {
    const listed = Array.from(
      read('monitoring/kustomization.yaml').matchAll(/^ {6}- (?:\S+=)?(\S+)$/gm),
      ([, path]) => path,
    );
    const files = [
      'prometheus/rules',
      'grafana/dashboards',
      'grafana/provisioning/datasources',
      'grafana/provisioning/dashboards',
    ];
    const wanted = files.flatMap((folder) =>
      readdirSync(join(MONITORING, folder)).map((name) => `${folder}/${name}`),
    );
    assert.deepEqual(
      listed.toSorted(),
      [...wanted, 'alertmanager/alertmanager.yml', 'prometheus/prometheus.kubernetes.yml'].toSorted(),
    );
  });
});

suite('the checks themselves', () => {
  const broken = (change: (text: string) => string): DashboardFile => {
    const text = read('monitoring/grafana/dashboards/jobs.json');
    const changed = change(text);
    assert.notEqual(changed, text);
    return { name: 'broken', content: JSON.parse(changed) };
  };

  test('a broken dashboard is caught', () => {
    const cases: [RegExp, DashboardFile[]][] = [
      [/have the uid threads-jobs/, [...dashboards, broken((text) => `${text} `)]],
      [/two panels have one id/, [broken((text) => text.replace('"id": 2,', '"id": 1,'))]],
      [/unit: /, [broken((text) => text.replace(/"unit": "none"/, '"unit": ""'))]],
      [/title: /, [broken((text) => text.replace(/"title": "Leases"/, '"title": ""'))]],
      [/datasource/, [broken((text) => text.replace('${datasource}', 'P1234'))]],
      [/chooses no Prometheus/, [broken((text) => text.replace('"query": "prometheus"', '"query": "loki"'))]],
      [/lies over/, [broken((text) => text.replace(/"x": 12,/, '"x": 11,'))]],
    ];
    for (const [problem, files] of cases) assert.match(problemsOf(files).join('\n'), problem);
  });

  test('metrics are read out of expressions', () => {
    const names = (expression: string) => selectorsOf(expression).map(({ metric }) => metric);
    assert.deepEqual(
      names('sum by (type, kind) (rate(a_total{x="b{c}",y=~"d|e"}[5m])) / (b:c > 0) or vector(0)'),
      ['a_total', 'b:c'],
    );
    assert.deepEqual(
      names('a * on (instance, node_id) group_left () b{kind="cpu"} and time() - c < 14 * 86400'),
      ['a', 'b', 'c'],
    );
    assert.deepEqual(names('predict_linear(f[6h], 86400) < 0 unless g[1h:30s] offset 5m'), ['f', 'g']);
    assert.deepEqual(selectorsOf('a{x="1",y!~"2"}'), [{ metric: 'a', labels: ['x', 'y'] }]);
  });

  test('a metric or a label that nobody exports is caught', () => {
    const exported = exportedBy(
      '# TYPE a_total counter\na_total{x="1"} 2\n# TYPE h histogram\nh_bucket{le="1"} 1\n',
    );
    const unknown = (expression: string) => unknownTo(exported, new Set(['r:x']), expression);
    assert.deepEqual(unknown('a_total{x="1",job="j"} + r:x + up + h_count + h_bucket{le="1"}'), []);
    assert.match(unknown('rate(b_total[5m])').join(), /b_total: nobody exports it/);
    assert.match(unknown('a_total{y="1"}').join(), /no label y/);
  });

  test('broken copies of the files are caught by the programs', { skip }, async (t) => {
    const folder = temporaryFolder(t);
    cpSync(join(MONITORING, 'prometheus'), folder, { recursive: true });
    const breaks = async (file: string, from: string, to: string, ...args: string[]) => {
      const [path, kept] = [join(folder, file), readFileSync(join(folder, file), 'utf8')];
      assert.ok(kept.includes(from), `${file} has no ${from}`);
      writeFileSync(path, kept.replace(from, to));
      const { ok } = await check('promtool', ...args);
      assert.equal(ok, false, `${file} with ${to} is taken`);
      writeFileSync(path, kept);
    };
    const [config, alertsAt] = [join(folder, 'prometheus.yml'), join(folder, 'rules/alerts.yml')];
    const tests = join(folder, 'tests/workers.yml');
    await breaks('prometheus.yml', 'scrape_interval', 'scrap_interval', 'check', 'config', config);
    await breaks(
      'rules/alerts.yml',
      'worker_connected == 0',
      'worker_connected ==',
      'check',
      'rules',
      alertsAt,
    );
    await breaks(
      'rules/alerts.yml',
      'worker_connected == 0',
      'worker_connected == 2',
      'test',
      'rules',
      tests,
    );
    const missing = 'max(cluster_workers_expected)\n        for: ';
    await breaks('rules/alerts.yml', `${missing}10m`, `${missing}1h`, 'test', 'rules', tests);
    const other = join(folder, 'alertmanager.yml');
    writeFileSync(
      other,
      read('monitoring/alertmanager/alertmanager.yml').replace('receiver: nobody', 'receiver: somebody'),
    );
    assert.equal((await check('amtool', 'check-config', other)).ok, false);
  });
});
