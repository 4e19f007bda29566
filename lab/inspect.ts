/** Looking into machines: addresses, tables, captured packets. */
import { readFileSync } from 'node:fs';
import type { Machine } from './machine.ts';
import { runOrThrow, type Service, until } from './process.ts';

/** The IPv4 addresses on a machine's network cards (not those on lo). */
export async function addressesOf(machine: Machine): Promise<string[]> {
  // Only the network is entered: this is asked often, and a process in all the machine's namespaces costs more to start.
  const text = await runOrThrow(machine.enterNetwork(['ip', '-j', '-4', 'addr', 'show']));
  const links = JSON.parse(text) as readonly { readonly ifname?: string; readonly addr_info?: readonly { readonly local: string }[] }[];
  return links
    .filter((link) => link.ifname !== 'lo')
    .flatMap((link) => link.addr_info ?? [])
    .map((info) => info.local);
}

/** `ip monitor address`: each change of an address with the time at which it was seen. */
export async function watchAddresses(machine: Machine): Promise<Service> {
  const before = countListeners(machine);
  const service = await machine.spawn('ip-monitor', ['stdbuf', '-oL', 'ip', '-o', 'monitor', 'address']);
  await until(() => (countListeners(machine) > before ? true : undefined), 5000, 5);
  return service;
}

/**
 * A netlink monitor says nothing when it is ready; its subscription to a group (ip monitor asks for IPv4 addresses, 0x10) shows it. A
 * director's own monitors listen to the same group, so one more than before is what tells.
 */
function countListeners(machine: Machine): number {
  return readFileSync(`/proc/${machine.pid}/net/netlink`, 'latin1')
    .split('\n')
    .filter((line) => {
      const [, protocol, , groups] = line.trim().split(/\s+/);
      return protocol === '0' && groups !== undefined && (Number.parseInt(groups, 16) & 0x10) !== 0;
    }).length;
}

export interface TableRow {
  /** `192.168.18.201:80`, `[fd00::1]:80` */
  readonly server: string;
  readonly forward: string;
  readonly weight: number;
  readonly active: number;
  readonly inactive: number;
}

/** The real servers that `ipvsadm -L -n` (ours) lists on a machine; undefined if the command does not succeed. */
export async function tableOf(machine: Machine): Promise<TableRow[] | undefined> {
  const { code, stdout } = await machine.run(['ipvsadm', '-L', '-n']);
  if (code !== 0) return undefined;
  return [...stdout.matchAll(/^ {2}-> ([\d[]\S+) +(\w+) +(\d+) +(\d+) +(\d+) *$/gm)].map((match) => ({
    server: match[1] ?? '',
    forward: match[2] ?? '',
    weight: Number(match[3]),
    active: Number(match[4]),
    inactive: Number(match[5]),
  }));
}

/** Waits until the table looks as wanted; false if it does not within that time. */
export async function tableBecomes(machine: Machine, wanted: (rows: readonly TableRow[]) => boolean, withinMs: number): Promise<boolean> {
  const held = async (): Promise<true | undefined> => {
    const rows = await tableOf(machine);
    return rows !== undefined && wanted(rows) ? true : undefined;
  };
  return (await until(held, withinMs, 300)) === true;
}

export interface PacketVerdict {
  readonly count: number;
  /** tshark's lines for packets that are malformed or carry a wrong checksum. */
  readonly bad: readonly string[];
}

const CHECKSUMS = ['ip.check_checksum', 'tcp.check_checksum', 'udp.check_checksum'].flatMap((name) => ['-o', `${name}:TRUE`]);
/** A checksum status of 0 is "bad"; a wrong VRRP checksum is no more than a warning to tshark's experts, whose severity 8388608 is "error". */
const BAD = ['ip', 'tcp', 'udp', 'icmpv6']
  .map((layer) => `${layer}.checksum.status == 0`)
  // Version 2 over IPv6 has keepalived's checksum, which tshark does not know; the kernel of whoever listens does, and drops what is wrong.
  .concat('(vrrp.checksum.status == 0 && !(ipv6 && vrrp.version == 2))')
  .concat('_ws.malformed', '_ws.expert.severity >= 8388608');

/** What tshark thinks of the packets that `sender` sent, in a capture file of `holder`. */
export async function judgePackets(holder: Machine, file: string, sender: Machine): Promise<PacketVerdict> {
  const mac = sender.readFile('/sys/class/net/eth0/address').trim();
  const read = async (filter: string): Promise<string[]> => {
    const text = await holder.runOrThrow(['tshark', '-n', '-r', file, ...CHECKSUMS, '-Y', filter]);
    return text.split('\n').filter((line) => line !== '');
  };
  return { count: (await read(`eth.src == ${mac}`)).length, bad: await read(`eth.src == ${mac} && (${BAD.join(' || ')})`) };
}
