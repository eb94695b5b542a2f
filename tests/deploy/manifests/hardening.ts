/** What the pod security standard `restricted` asks, and what this project asks beyond it. */
import { at, fields, items, text, type Fields, type Finding } from './manifest.ts';
import type { Container, PodShape } from './pods.ts';

const VOLUMES = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
];
const SYSCTLS = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
];
const SECCOMP = ['RuntimeDefault', 'Localhost'];

export function hardeningFindings(pods: readonly PodShape[]): Finding[] {
  return pods.flatMap((pod) => [
    ...restrictedPod(pod),
    ...ownRules(pod),
    ...pod.containers.flatMap((container) => restrictedContainer(container, pod)),
  ]);
}

const finding =
  (rule: string, where: string) =>
  (what: string): Finding => ({ rule, where, what });

function restrictedPod({ manifest: { title }, spec }: PodShape): Finding[] {
  const shared = ['hostNetwork', 'hostPID', 'hostIPC'].filter((field) => spec[field] === true);
  const volumes = items(spec['volumes']).flatMap((volume) =>
    Object.keys(fields(volume)).filter((key) => key !== 'name' && !VOLUMES.includes(key)),
  );
  const sysctls = items(at(spec, 'securityContext', 'sysctls')).map((sysctl) => text(at(sysctl, 'name')));
  return [
    ...shared.map((field) => `${field} shares the node's`),
    ...volumes.map((kind) => `a volume is a ${kind}`),
    ...sysctls.filter((name) => !SYSCTLS.includes(name)).map((name) => `sysctl ${name} is not a safe one`),
  ].map(finding('restricted', title));
}

function restrictedContainer({ title, body }: Container, { spec }: PodShape): Finding[] {
  const own = fields(body['securityContext']);
  const pod = fields(spec['securityContext']);
  const either = (...path: readonly string[]) => at(own, ...path) ?? at(pod, ...path);
  const added = items(at(own, 'capabilities', 'add')).filter((name) => name !== 'NET_BIND_SERVICE');
  const seccomp = text(either('seccompProfile', 'type'));
  const problems: readonly [boolean, string][] = [
    [own['privileged'] === true, 'is privileged'],
    [own['allowPrivilegeEscalation'] !== false, 'allowPrivilegeEscalation is not false'],
    [!items(at(own, 'capabilities', 'drop')).includes('ALL'), 'does not drop ALL capabilities'],
    [added.length > 0, `adds the capability ${added.join(', ')}`],
    [either('runAsNonRoot') !== true, 'runAsNonRoot is not true'],
    [either('runAsUser') === 0, 'runs as user 0'],
    [!SECCOMP.includes(seccomp), `its seccomp profile is ${seccomp || 'not named'}`],
    [own['procMount'] !== undefined && own['procMount'] !== 'Default', 'has another procMount'],
    [either('seLinuxOptions') !== undefined, 'has SELinux options'],
    [items(body['ports']).some((port) => at(port, 'hostPort') !== undefined), 'has a hostPort'],
  ];
  return problems.filter(([wrong]) => wrong).map(([, what]) => finding('restricted', title)(what));
}

/** Beyond `restricted`. */
function ownRules({ manifest: { title }, spec, containers }: PodShape): Finding[] {
  const temporary = items(spec['volumes'])
    .filter((volume) => at(volume, 'emptyDir') !== undefined)
    .filter((volume) => at(volume, 'emptyDir', 'sizeLimit') === undefined)
    .map((volume) => text(at(volume, 'name')));
  const problems: readonly [boolean, string][] = [
    [spec['automountServiceAccountToken'] !== false, 'has a token for the Kubernetes API'],
    [
      spec['enableServiceLinks'] !== false,
      'gets a variable for each Service, which could set one of its options',
    ],
    [
      at(spec, 'securityContext', 'runAsUser') === undefined,
      'names no user, so a user by name in its image is refused',
    ],
    ...temporary.map((name): [boolean, string] => [true, `emptyDir ${name} has no sizeLimit`]),
    ...containers.map(({ name, body }): [boolean, string] => [
      !isReadOnly(body),
      `container ${name} can write to its own files`,
    ]),
  ];
  return problems.filter(([wrong]) => wrong).map(([, what]) => finding('hardening', title)(what));
}

const isReadOnly = (body: Fields) => at(body, 'securityContext', 'readOnlyRootFilesystem') === true;
