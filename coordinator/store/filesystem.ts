/**
 * What lies below a folder: the embedded store needs a disk of this machine. Over a network SQLite's locks may hold
 * nobody off, a sync may return before anything is durable, and the shared memory of its log is not shared: two
 * coordinators could own one store, and acknowledged results could be gone.
 */
import { readFileSync, statSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';

/** By the number that statfs gives (linux/magic.h and each filesystem's own source). */
const NETWORK: ReadonlyMap<bigint, string> = new Map([
  [0x6969n, 'NFS'],
  [0xff534d42n, 'CIFS'],
  [0xfe534d42n, 'SMB'],
  [0x517bn, 'SMB'],
  [0x00c36400n, 'CephFS'],
  [0x01021997n, '9P'],
  [0x5346414fn, 'AFS'],
  [0x6b414653n, 'AFS'],
  [0x73757245n, 'Coda'],
  [0x0bd00bd0n, 'Lustre'],
  [0x47504653n, 'GPFS'],
  [0x19830326n, 'BeeGFS'],
  [0xaad7aaean, 'PanFS'],
  [0x013111a8n, 'IBRIX'],
]);
const FUSE = 0x65735546n;

/**
 * FUSE is both: folders of other machines, and encryption or overlays of this one. What a mount calls itself tells
 * them apart; one that is not here is let through.
 */
const NETWORK_FUSE =
  /^fuse\.(sshfs|s3fs|s3ql|goofys|mount-s3|rclone|glusterfs|ceph(-fuse)?|davfs2?|gcsfuse|blobfuse2?|juicefs|curlftpfs|smbnetfs|moosefs|mfs|seaweedfs|beegfs.*|nfs.*)$/i;

export interface FilesystemProbe {
  /** The number of the filesystem's type. */
  type(path: string): bigint;
  /** The kernel's table of mounts. */
  mounts(): string;
  /** The number of the device that a path is on. */
  device(path: string): bigint;
}

const SYSTEM: FilesystemProbe = {
  type: (path) => statfsSync(path, { bigint: true }).type,
  mounts: () => readFileSync('/proc/self/mountinfo', 'utf8'),
  device: (path) => statSync(path, { bigint: true }).dev,
};

/**
 * The name of the network filesystem that a path is on, or would be on once it is made; null for a disk of this
 * machine, and where the system does not tell.
 */
export function networkFilesystem(path: string, probe: FilesystemProbe = SYSTEM): string | null {
  if (process.platform !== 'linux') return null;
  for (let folder = path; ; folder = dirname(folder)) {
    try {
      const type = BigInt.asUintN(32, probe.type(folder));
      return type === FUSE ? networkFuse(folder, probe) : (NETWORK.get(type) ?? null);
    } catch (error) {
      const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (!isMissing || dirname(folder) === folder) return null;
    }
  }
}

function networkFuse(path: string, probe: FilesystemProbe): string | null {
  const device = probe.device(path);
  // As the kernel packs the two numbers (gnu_dev_major, gnu_dev_minor).
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n);
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffffff00n);
  for (const line of probe.mounts().split('\n')) {
    const [about = '', rest = ''] = line.split(' - ');
    if (about.split(' ')[2] !== `${major}:${minor}`) continue;
    const [type = ''] = rest.split(' ');
    if (NETWORK_FUSE.test(type)) return type;
  }
  return null;
}
