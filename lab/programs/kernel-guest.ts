/** Runs inside the virtual machine: carries out the recorder's plan step by step and writes down what the kernel answered. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AF_PACKET, encodeLinkLayerAddress, SOCK_RAW, sendTo, setSocketOption, socket } from '../../src/os/ffi/index.ts';
import { SHARED_FOLDER } from '../kernel/index.ts';
import { ANSWERS_FILE, type Answer, INJECTION, PLAN_FILE, type Step } from '../kernel/plan.ts';
import { nowMs, sleep } from '../process.ts';

const SOL_SOCKET = 1;
const SO_MARK = 36;
const IPVSADM = '/usr/sbin/ipvsadm';

let packets: { readonly fd: number; readonly address: Uint8Array } | undefined;

/** The socket that frames are put in with; made when the interface is there. */
function packetSocket(): { readonly fd: number; readonly address: Uint8Array } {
  if (!packets) {
    const index = Number(readFileSync(`/sys/class/net/${INJECTION}/ifindex`, 'utf8'));
    const fd = socket(AF_PACKET, SOCK_RAW, 0, { blocking: true });
    packets = { fd, address: encodeLinkLayerAddress(index, 0x0800, new Uint8Array(6)) };
  }
  return packets;
}

/**
 * Files of the host come over a wire, and while the machine waits for one its clock jumps. What is run again and again is
 * therefore copied into its memory first.
 */
function bringIntoMemory(command: string): void {
  const { stdout } = spawnSync('ldd', [command], { encoding: 'utf8' });
  const libraries = [...stdout.matchAll(/(\/\S+) \(/g)].map(([, path = '']) => path);
  for (const path of [command, '/etc/ld.so.cache', ...libraries]) {
    copyFileSync(path, `${path}.copy`);
    renameSync(`${path}.copy`, path);
  }
}

function runOrStop(argv: readonly string[], input = ''): void {
  const [command = '', ...rest] = argv;
  const { status, stdout, stderr, error } = spawnSync(command, rest, { input, encoding: 'utf8' });
  if (status === 0) return;
  throw new Error(`${argv.join(' ')} ended with ${status}: ${error?.message ?? ''}${stdout}${stderr}\n${input}`);
}

/** The kernel gives the table in pieces, between which connections may end and others move up past the reader: who is missing is looked for again. */
const READINGS = 3;

/** `PROTOCOL CLIENT PORT VIRTUAL PORT` of every connection that was asked for, as /proc/net/ip_vs_conn writes them. */
function lookUp(wanted: readonly string[]): string[] {
  const found = new Map<string, string>();
  for (let reading = 0; reading < READINGS && wanted.some((key) => !found.has(key)); reading++) {
    for (const line of readFileSync('/proc/net/ip_vs_conn', 'utf8').split('\n').slice(1)) {
      const fields = line.trim().split(/ +/);
      found.set(fields.slice(0, 5).join(' '), `${fields[5]} ${fields[7]} ${fields[8]}`);
    }
  }
  return wanted.map((key) => found.get(key) ?? '');
}

async function perform(step: Step): Promise<readonly string[] | undefined> {
  switch (step.kind) {
    case 'run':
      runOrStop(step.argv);
      return undefined;
    case 'change':
      runOrStop([IPVSADM, '--restore'], `${step.lines.join('\n')}\n`);
      return undefined;
    case 'wait':
      await sleep(step.seconds * 1000);
      return undefined;
    case 'send': {
      const { fd, address } = packetSocket();
      setSocketOption(fd, SOL_SOCKET, SO_MARK, step.mark);
      for (const frame of step.frames) {
        const failure = sendTo(fd, Buffer.from(frame, 'hex'), address);
        if (failure) throw failure;
      }
      return lookUp(step.lookUp);
    }
  }
}

bringIntoMemory(IPVSADM);
const steps = JSON.parse(readFileSync(join(SHARED_FOLDER, PLAN_FILE), 'utf8')) as Step[];
const answers: Answer[] = [];
for (const step of steps) {
  const found = await perform(step);
  answers.push({ atMs: Math.round(nowMs()), ...(found && { found }) });
}
writeFileSync(join(SHARED_FOLDER, ANSWERS_FILE), JSON.stringify(answers));
