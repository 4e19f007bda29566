/** Debian's kernel as the virtual machine boots it: the package unpacked in a cache, and an initial RAM file system around it. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { runOrThrow } from '../process.ts';
import { cpioArchive, type RamFile } from './cpio.ts';

/** The meta package whose newest kernel is taken. */
const META_PACKAGE = 'linux-image-amd64';
const PACKAGE_TIMEOUT_MS = 300_000;
/** What it takes to reach the root file system; the rest is loaded from there. */
const BOOT_MODULES = ['virtio_pci', '9pnet_virtio', '9p', 'overlay'];
const BUSYBOX = '/bin/busybox';

export interface KernelImage {
  /** As `uname -r` says it. */
  readonly release: string;
  /** As the package says it: `6.1.192-2`. */
  readonly version: string;
  readonly kernel: string;
  readonly initrd: string;
  /** The folder that is to become /lib/modules/RELEASE. */
  readonly modules: string;
}

/** Fetches and unpacks the kernel unless it is there, and builds the initial RAM file system. Needs apt and dpkg. */
export async function prepareImage(): Promise<KernelImage> {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'vipwright', 'kernel');
  mkdirSync(cache, { recursive: true });
  const packageName = await newestKernelPackage();
  const folder = join(cache, packageName);
  if (!existsSync(folder)) await unpackPackage(packageName, folder);
  const [release] = readdirSync(join(folder, 'lib/modules'));
  if (release === undefined) throw new Error(`${packageName} holds no kernel modules`);
  const initrd = join(folder, 'initrd.cpio');
  writeFileSync(initrd, cpioArchive(await ramFiles(folder, release)));
  return {
    release,
    version: readFileSync(join(folder, 'version'), 'utf8'),
    kernel: join(folder, 'boot', `vmlinuz-${release}`),
    initrd,
    modules: join(folder, 'lib/modules', release),
  };
}

async function newestKernelPackage(): Promise<string> {
  const text = await runOrThrow(['apt-cache', 'depends', META_PACKAGE]);
  const name = /Depends: (linux-image-\S+)/.exec(text)?.[1];
  if (name === undefined) throw new Error(`${META_PACKAGE} names no kernel; is the package list up to date (apt-get update)?`);
  return name;
}

async function unpackPackage(packageName: string, folder: string): Promise<void> {
  const work = mkdtempSync(`${folder}.`);
  try {
    // apt-get downloads into its working directory.
    await runOrThrow(['env', '-C', work, 'apt-get', '-q', '-o', 'APT::Sandbox::User=root', 'download', packageName], {
      timeoutMs: PACKAGE_TIMEOUT_MS,
    });
    const archive = readdirSync(work).find((name) => name.endsWith('.deb'));
    if (archive === undefined) throw new Error(`apt-get download brought no ${packageName}`);
    const unpacked = join(work, 'root');
    await runOrThrow(['dpkg-deb', '-x', join(work, archive), unpacked], { timeoutMs: PACKAGE_TIMEOUT_MS });
    const version = await runOrThrow(['dpkg-deb', '--field', join(work, archive), 'Version']);
    writeFileSync(join(unpacked, 'version'), version.trim());
    for (const release of readdirSync(join(unpacked, 'lib/modules'))) {
      await runOrThrow(['depmod', '-b', unpacked, release], { timeoutMs: PACKAGE_TIMEOUT_MS });
    }
    renameSync(unpacked, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function ramFiles(folder: string, release: string): Promise<RamFile[]> {
  const modules: string[] = [];
  for (const name of BOOT_MODULES) {
    const text = await runOrThrow(['modprobe', '-d', folder, '-S', release, '--show-depends', name]);
    for (const [, path] of text.matchAll(/^insmod (\S+)/gm)) if (path && !modules.includes(path)) modules.push(path);
  }
  const directories = ['bin', 'modules', 'proc', 'sys', 'dev', 'lower', 'upper', 'root'];
  return [
    ...directories.map((path) => ({ path, mode: 0o755 })),
    { path: 'bin/busybox', mode: 0o755, content: readFileSync(BUSYBOX) },
    { path: 'init', mode: 0o755, content: Buffer.from(initScript(modules.map((path) => basename(path)))) },
    ...modules.map((path) => ({ path: `modules/${basename(path)}`, mode: 0o644, content: readFileSync(path) })),
  ];
}

/**
 * The machine's first program. The host's root stands read-only below a file system in memory; the folder of the run is shared
 * for writing. `command` there is run as root, its status written to `status`, and the machine switched off.
 */
function initScript(modules: readonly string[]): string {
  return `#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
${modules.map((name) => `$b insmod /modules/${name}`).join('\n')}
for word in $($b cat /proc/cmdline); do
  case $word in run.*) key=\${word%%=*}; eval "\${key#run.}=\\\${word#*=}" ;; esac
done
options=trans=virtio,version=9p2000.L,msize=512000
$b mount -t 9p -o ro,cache=loose,$options root /lower || $b poweroff -f
$b mount -t tmpfs -o size=75% tmpfs /upper
$b mkdir /upper/files /upper/work
$b mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work overlay /root || $b poweroff -f
$b mount -t tmpfs tmpfs /root/run
$b mkdir -p /root/run/shared /root/lib/modules/$release
$b cp /bin/busybox /root/run/
$b mount -t 9p -o rw,cache=none,$options shared /root/run/shared
$b mount -o bind /root$modules /root/lib/modules/$release
for directory in proc sys dev; do $b mount --move /$directory /root/$directory; done
$b cat > /root/run/second <<'EOF'
b=/run/busybox
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
$b ip link set lo up
$b sh /run/shared/command > /run/shared/output 2>&1 < /dev/null
echo $? > /run/shared/status
$b sync
$b poweroff -f
EOF
exec $b switch_root /root /run/busybox sh /run/second
`;
}
