/** Sets up who may do what when a coordinator starts, and says so. */
import { DEFAULT_POLICY } from '../../protocol/access.ts';
import type { AccessPolicy } from '../../protocol/access.ts';
import type { AccessRecords } from '../cluster.ts';
import { StartError } from '../config.ts';
import type { CoordinatorConfig } from '../config.ts';
import type { Log } from '../log.ts';
import { Access } from './access.ts';
import { isLoopbackHost } from './client-address.ts';
import { localPeers } from './local-peers.ts';
import { keepAdminKey, keepWorkerKey, keyFilePath } from './key-file.ts';
import type { WorkerKeyFile } from './key-file.ts';

/**
 * Beyond loopback it makes the operator's keys, where there are none; on loopback the workers' alone, and that only
 * where WORKER_KEY_FILE names a file for it.
 * @throws StartError data_dir (the admin's key can't be written), key_file (the workers'), bad_proxy, local_peers;
 *   ClusterError store_unavailable
 */
export async function openDoors(
  config: CoordinatorConfig,
  records: AccessRecords,
  log: Log,
): Promise<Access> {
  const loopbackOnly = isLoopbackHost(config.host.includes(':') ? `[${config.host}]` : config.host);
  const policy: AccessPolicy = { ...DEFAULT_POLICY, ...defined(config.policy) };
  const peers = localPeers(config.localPeers ?? []);
  let access: Access;
  try {
    access = await Access.open(records, {
      loopbackOnly,
      policy,
      rates: {
        requests: undefined,
        submits: undefined,
        connects: undefined,
        messages: undefined,
        ...config.rates,
      },
      allowedOrigins: config.allowedOrigins ?? [],
      trustedProxies: config.trustedProxies ?? [],
      localPeers: peers,
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new StartError('bad_proxy', `TRUST_PROXY: ${error.message}, such as 10.0.0.0/8`, error);
  }
  try {
    if (!loopbackOnly || config.workerKeyFile !== undefined) await keepWorkers(access, config, log);
    if (!loopbackOnly) await keepAdmins(access, config.dataDir, log);
  } catch (error) {
    access.close();
    throw error;
  }
  if (loopbackOnly) {
    log.info({ host: config.host }, 'only this machine can connect: it needs no key');
    return access;
  }
  log.info(
    { ...policy, steer: 'key', administer: 'key' },
    'other machines can connect; open is what needs no key',
  );
  if (peers.length > 0) {
    if (policy.submit === 'local')
      log.info(
        { local_peers: peers },
        'these addresses count as this machine’s own: they may submit without a key',
      );
    else
      log.warn(
        { local_peers: peers, submit: policy.submit },
        'LOCAL_PEERS counts for nothing: it goes with SUBMIT_ACCESS=local',
      );
  }
  return access;
}

async function keepWorkers({ keys }: Access, config: CoordinatorConfig, log: Log): Promise<void> {
  const file = config.workerKeyFile ?? keyFilePath(config.dataDir, 'worker');
  const { outcome, was, isPublic } = await keepWorkerKey(keys, file);
  const said = OUTCOMES[outcome];
  if (outcome === 'useless') log.error({ file, was }, said);
  else if (outcome === 'replaced') log.warn({ file, was }, said);
  else if (outcome !== 'kept') log.info({ file }, said);
  if (isPublic)
    log.warn(
      { file },
      'every user of this machine can read the workers’ key: let its owner alone (mode 600)',
    );
}

const OUTCOMES: Readonly<Record<WorkerKeyFile['outcome'], string>> = {
  kept: 'the key for the operator’s own workers is good',
  made: 'a key for the operator’s own workers was made',
  taken_in: 'the key in this file was taken in: it is the operator’s own workers’ from now on',
  replaced:
    'the key in this file was good for no worker any more: a new one was made, which workers read when they start',
  useless:
    'the key in this file is good for no worker, and is not taken in again: put another one there, and start anew',
};

async function keepAdmins({ keys }: Access, dataDir: string, log: Log): Promise<void> {
  try {
    const admin = await keepAdminKey(keys, dataDir);
    if (admin?.outcome === 'taken_in')
      log.info({ file: admin.path }, 'the admin’s key in this file was taken in');
    if (admin === null || admin.fresh === null) return;
    log.info({ file: admin.path }, 'the first admin key was made: it is in this file');
    showOnTerminal(admin.fresh);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && 'syscall' in error)) throw error;
    throw new StartError('data_dir', `no key can be kept in ${dataDir}: ${error.message}`, error);
  }
}

/** Past the log, which may be kept somewhere; once, and only where somebody is looking. */
function showOnTerminal(key: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\nAdmin key, shown this once: ${key}\n\n`);
}

/** Without what is undefined, which would hide a default. */
function defined<T extends object>(values: T | undefined): Partial<T> {
  const kept: Partial<T> = { ...values };
  for (const key in kept) if (kept[key] === undefined) delete kept[key];
  return kept;
}
