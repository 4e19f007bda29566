/** A throw-away virtual machine that runs one command on Debian's kernel, with this machine's files, and is gone afterwards. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../process.ts';
import type { KernelImage } from './image.ts';

export interface MachineRun {
  /** The command and its arguments. Files are at the same paths as here; the root file system forgets what is written. */
  readonly argv: readonly string[];
  /** Files for the command, found in SHARED_FOLDER. */
  readonly files: Readonly<Record<string, string>>;
  /** Names of the files in SHARED_FOLDER that the command leaves behind. */
  readonly results: readonly string[];
  /** Kernel modules to load before. */
  readonly modules: readonly string[];
  readonly timeoutMs: number;
}

/** Where the machine finds `files` and leaves `results`. */
export const SHARED_FOLDER = '/run/shared';

const MEMORY_MIB = 1024;
const FOLDER_PREFIX = 'vipwright-kernel-';

/** Runs the command and gives the results by name. Throws with what the machine printed when the command fails or time is over. */
export async function runInMachine(
  image: KernelImage,
  { argv, files, results, modules, timeoutMs }: MachineRun,
): Promise<Map<string, string>> {
  removeLeftovers();
  const shared = mkdtempSync(join(tmpdir(), `${FOLDER_PREFIX}${process.pid}-`));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(shared, name), content);
    const commands = [`modprobe -a ${modules.map(quoted).join(' ')} || exit 1`, `exec ${argv.map(quoted).join(' ')}`];
    writeFileSync(join(shared, 'command'), `${commands.join('\n')}\n`);
    const outcome = await run(emulator(image, shared), { timeoutMs });
    const read = (name: string): string => {
      try {
        return readFileSync(join(shared, name), 'utf8');
      } catch {
        return '';
      }
    };
    if (read('status').trim() !== '0') {
      const state = outcome.signal ? `was stopped after ${timeoutMs / 1000} s` : `ended with ${outcome.code}`;
      throw new Error(`the virtual machine ${state}\n${outcome.stderr}\n${read('console')}\n${read('output')}`);
    }
    return new Map(results.map((name) => [name, read(name)]));
  } finally {
    rmSync(shared, { recursive: true, force: true });
  }
}

/** The folders of runs that were killed: their names say of which process they are. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    const owner = new RegExp(`^${FOLDER_PREFIX}(\\d+)-`).exec(name)?.[1];
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

/**
 * One processor, emulated, whose clock counts instructions (one nanosecond each) and jumps while it sleeps: runs repeat
 * exactly, and a wait of a minute costs nothing.
 */
function emulator(image: KernelImage, shared: string): string[] {
  const kernelWords = ['console=ttyS0', 'quiet', 'panic=-1', 'mitigations=off', 'tsc=reliable', 'random.trust_cpu=on'];
  return [
    // It must not outlive us, however we end.
    ['setpriv', '--pdeathsig', 'KILL', '--', 'qemu-system-x86_64'],
    ['-machine', 'q35,usb=off,smbus=off,sata=off', '-accel', 'tcg,thread=single,tb-size=512', '-cpu', 'max', '-smp', '1'],
    ['-icount', 'shift=0,sleep=off', '-m', String(MEMORY_MIB)],
    ['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-serial', `file:${join(shared, 'console')}`],
    share('root', '/', ',readonly=on'),
    share('shared', shared, ''),
    ['-kernel', image.kernel, '-initrd', image.initrd],
    ['-append', [...kernelWords, `run.release=${image.release}`, `run.modules=${image.modules}`].join(' ')],
  ].flat();
}

function share(tag: string, path: string, more: string): string[] {
  const files = `local,id=${tag},path=${path},security_model=passthrough,multidevs=remap${more}`;
  return ['-fsdev', files, '-device', `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`];
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
