/**
 * A thread as the failover process has one: inside a network namespace, blocked in a reactor, served by commands that arrive as
 * messages announced through its event descriptor. Everything it sees it posts back.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { IpAddress } from '../../src/base/index.ts';
import { enterNetworkNamespace } from '../../src/os/ffi/index.ts';
import { Rtnetlink, RtnetlinkMonitor } from '../../src/os/netlink/index.ts';
import { monotonicNow, Reactor } from '../../src/os/reactor/index.ts';
import { AnnouncementSocket, VrrpSocket } from '../../src/os/sockets/index.ts';
import type { Link } from '../../src/wire/index.ts';

export interface WorkerOptions {
  readonly namespacePath: string;
  readonly interface: string;
  readonly group: string;
}

export type WorkerCommand =
  | { readonly kind: 'send'; readonly packet: Uint8Array; readonly destination: string }
  | { readonly kind: 'announce'; readonly address: string }
  | { readonly kind: 'arm'; readonly deadline: number }
  | { readonly kind: 'stop' };

export type WorkerReport =
  | { readonly kind: 'ready'; readonly wakeFd: number }
  | { readonly kind: 'packet'; readonly packet: Uint8Array }
  | { readonly kind: 'result'; readonly code: string }
  | { readonly kind: 'expired'; readonly deadline: number; readonly now: number }
  | { readonly kind: 'event'; readonly event: string }
  | { readonly kind: 'pause'; readonly duration: number };

const options = workerData as WorkerOptions;
const port = parentPort as NonNullable<typeof parentPort>;
const post = (report: WorkerReport): void => port.postMessage(report);
const parse = (text: string): IpAddress => IpAddress.parse(text) as IpAddress;

enterNetworkNamespace(options.namespacePath);
const rtnetlink = new Rtnetlink();
const link = rtnetlink.link(options.interface) as Link;
const monitor = new RtnetlinkMonitor();
const vrrp = new VrrpSocket({ interfaceIndex: link.index, groups: [parse(options.group)] });
const arp = new AnnouncementSocket();
const reactor = new Reactor({ onWake: obey, onPause: ({ duration }) => post({ kind: 'pause', duration }) });
let deadline = 0;
const timer = reactor.timer(() => post({ kind: 'expired', deadline, now: monotonicNow() }));

reactor.add(vrrp.fd, () => {
  for (let packet = vrrp.receive(); packet; packet = vrrp.receive()) post({ kind: 'packet', packet });
});
reactor.add(monitor.fd, () => {
  for (const event of monitor.read()) {
    const subject =
      'link' in event
        ? event.link.name
        : 'address' in event
          ? event.address.prefix.address
          : 'neighbour' in event
            ? event.neighbour.address
            : '';
    post({ kind: 'event', event: `${event.kind} ${subject}` });
  }
});
post({ kind: 'ready', wakeFd: reactor.wakeFd });
reactor.run();
timer.close();
reactor.close();
for (const closable of [vrrp, arp, monitor, rtnetlink]) closable.close();

function obey(): void {
  for (let received = receiveMessageOnPort(port); received; received = receiveMessageOnPort(port)) {
    const command = received.message as WorkerCommand;
    if (command.kind === 'stop') reactor.stop();
    if (command.kind === 'send') post({ kind: 'result', code: vrrp.send(command.packet, parse(command.destination))?.code ?? 'sent' });
    if (command.kind === 'announce') {
      const announcement = { interfaceIndex: link.index, mac: link.mac as Uint8Array, address: parse(command.address) };
      post({ kind: 'result', code: arp.announce(announcement)?.code ?? 'sent' });
    }
    if (command.kind === 'arm') {
      deadline = command.deadline;
      timer.arm(deadline);
    }
  }
}
