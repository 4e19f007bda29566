/**
 * The thread that holds the virtual routers: raw sockets, timers and addresses in one loop that blocks in the kernel. Nothing else
 * runs here, so that nothing else can delay an advertisement.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { assert } from '../../base/index.ts';
import { enterNetworkNamespace, setCpuAffinity, setNice, setRealtimePriority } from '../../os/process/index.ts';
import type { FromThread, ThreadData, ToThread } from './thread-messages.ts';
import { reviveAddresses } from './transfer.ts';
import { VirtualRouterShell } from './virtual-router-shell.ts';

assert(parentPort, 'this file is the entry of a worker thread');
const port = parentPort;
const post = (message: FromThread): void => port.postMessage(message);
const data = reviveAddresses(workerData as ThreadData);

/** Above ordinary processes, below the kernel's own threads; keepalived users run it at similar values. */
const REALTIME_PRIORITY = 50;

// Memory is not locked (mlockall): V8 gives pages back with madvise, which fails on locked pages and ends the process.
function claimProcessor(): void {
  const { realTimePriority, nice, cpus } = data.process;
  const problems = [
    nice === undefined ? undefined : setNice(nice),
    cpus.length === 0 ? undefined : setCpuAffinity(cpus),
    setRealtimePriority(realTimePriority ?? REALTIME_PRIORITY, realTimePriority === undefined ? 'fifo' : 'rr'),
  ];
  for (const problem of problems) {
    if (problem) post({ type: 'log', level: 'info', message: `Running without the wished-for priority: ${problem.message}` });
  }
}

if (data.namespacePath !== undefined) enterNetworkNamespace(data.namespacePath);
claimProcessor();
const shell = new VirtualRouterShell(data, {
  post,
  receive: () => reviveAddresses(receiveMessageOnPort(port)?.message as ToThread | undefined),
});
post({ type: 'started', wakeFd: shell.wakeFd });
shell.run();
port.close();
