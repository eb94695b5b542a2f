/** A folder of "another machine" without a network: sshfs, fed by the file server of OpenSSH through a pipe. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { detectDebian, installPackages } from './apt.ts';
import { runCommand } from './command.ts';

const SSHFS = '/usr/bin/sshfs';
const SERVER = '/usr/lib/openssh/sftp-server';
const MOUNT_TIMEOUT_MS = 20_000;

/** @returns why it can't be had */
export async function installSshfs(): Promise<string | undefined> {
  const debian = detectDebian();
  if (debian?.root !== true) return 'mounting a folder by sshfs takes root on Debian';
  if (!existsSync('/dev/fuse')) return 'there is no /dev/fuse';
  if (existsSync(SSHFS) && existsSync(SERVER)) return undefined;
  const { ok, problem } = await installPackages(['sshfs', 'openssh-sftp-server']);
  return ok ? undefined : problem;
}

/**
 * Mounts `shared` at `place`; both exist.
 * @returns what unmounts it
 * @throws Error if it is not mounted within 20 s
 */
export async function mountSshfs(shared: string, place: string): Promise<() => Promise<void>> {
  const client = spawn(SSHFS, [`:${shared}`, place, '-f', '-o', 'passive'], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const server = spawn(SERVER, [], { stdio: ['pipe', 'pipe', 'ignore'] });
  client.stdout.pipe(server.stdin);
  server.stdout.pipe(client.stdin);
  let said = '';
  client.stderr.on('data', (text: Buffer) => (said += text.toString()));
  for (const pipe of [client.stdin, server.stdin]) pipe.on('error', () => undefined);
  const ends = Promise.all([once(client, 'exit'), once(server, 'exit')]);
  const unmount = async (): Promise<void> => {
    await runCommand('umount', ['--lazy', place], { timeoutMs: 10_000 });
    client.kill();
    server.kill();
    await ends;
  };
  const giveUpAt = Date.now() + MOUNT_TIMEOUT_MS;
  // The kernel tells of a new mount only to whoever looks.
  while (!readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${place} `)) {
    if (Date.now() > giveUpAt || client.exitCode !== null) {
      await unmount();
      throw new Error(`sshfs did not mount ${place}: ${said}`);
    }
    await sleep(20);
  }
  return unmount;
}
