import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { networkFilesystem } from './filesystem.ts';
import type { FilesystemProbe } from './filesystem.ts';

const onLinux = { skip: process.platform === 'linux' ? false : 'filesystems are told apart on Linux alone' };

function probe(type: bigint, mount = 'fuse.sshfs me@there:/x rw'): FilesystemProbe {
  return {
    type: () => type,
    device: () => 0x2an,
    mounts: () =>
      [
        '22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw',
        `90 22 0:42 / /mnt/x rw,nosuid shared:7 - ${mount}`,
        '91 22 0:43 / /mnt/y rw - fuse.s3fs s3fs rw',
        '',
      ].join('\n'),
  };
}

test('filesystems of a network are told by name', onLinux, () => {
  const types: readonly [bigint, string][] = [
    [0x6969n, 'NFS'],
    [0xff534d42n, 'CIFS'],
    [0xfe534d42n, 'SMB'],
    [0x00c36400n, 'CephFS'],
    [0x01021997n, '9P'],
    // As a 32-bit system tells it: with a sign.
    [-0xacb2ben, 'CIFS'],
  ];
  for (const [type, name] of types) assert.equal(networkFilesystem('/data', probe(type)), name);
});

test('disks of this machine are none: ext4, XFS, Btrfs, ZFS, overlay, tmpfs', onLinux, () => {
  for (const type of [0xef53n, 0x58465342n, 0x9123683en, 0x2fc12fc1n, 0x794c7630n, 0x01021994n]) {
    assert.equal(networkFilesystem('/data', probe(type)), null, type.toString(16));
  }
  assert.equal(networkFilesystem(tmpdir()), null);
});

test('of FUSE, what the mount calls itself decides', onLinux, () => {
  const fuse = 0x65735546n;
  assert.equal(networkFilesystem('/mnt/x', probe(fuse)), 'fuse.sshfs');
  for (const local of ['fuse.gocryptfs x rw', 'fuseblk /dev/sdb1 rw', 'fuse.fuse-overlayfs x rw']) {
    assert.equal(networkFilesystem('/mnt/x', probe(fuse, local)), null, local);
  }
});

test('a folder that is not there yet is judged by where it would be', onLinux, () => {
  const asked: string[] = [];
  const nfs: FilesystemProbe = {
    ...probe(0x6969n),
    type: (path) => {
      asked.push(path);
      if (path !== '/mnt/x') throw Object.assign(new Error('missing'), { code: 'ENOENT' });
      return 0x6969n;
    },
  };
  assert.equal(networkFilesystem('/mnt/x/a/b', nfs), 'NFS');
  assert.deepEqual(asked, ['/mnt/x/a/b', '/mnt/x/a', '/mnt/x']);
  assert.equal(networkFilesystem(join(tmpdir(), 'not', 'there')), null);
});

test('where the system does not tell, nobody is kept out', onLinux, () => {
  const silent: FilesystemProbe = {
    ...probe(0n),
    type: () => {
      throw new Error('ENOSYS');
    },
  };
  assert.equal(networkFilesystem('/data', silent), null);
});
