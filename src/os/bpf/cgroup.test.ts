import { expect, it } from 'vitest';
import { cgroup2Mounts } from './cgroup.ts';

it('finds where the second version of control groups is mounted', () => {
  const mounts = [
    'tmpfs /sys/fs/cgroup tmpfs rw,relatime,mode=755 0 0',
    'cgroup /sys/fs/cgroup/cpu cgroup rw,relatime,cpu 0 0',
    'cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0',
    'none /mnt/two\\040words cgroup2 rw 0 0',
    '',
  ].join('\n');
  expect(cgroup2Mounts(mounts)).toEqual(['/sys/fs/cgroup/unified', '/mnt/two words']);
  expect(cgroup2Mounts('')).toEqual([]);
});
