/** Our reading of the command line against ipvsadm's own: the same complaints, and the same bytes for the kernel. */
import { describe, expect, it } from 'vitest';
import type { Command } from '../../../src/cli/ipvsadm/command.ts';
import type { Names } from '../../../src/cli/ipvsadm/index.ts';
import { parseArguments } from '../../../src/cli/ipvsadm/parse.ts';
import { UsageError } from '../../../src/cli/ipvsadm/usage.ts';
import type { RealServerKey, ServiceKey } from '../../../src/model/index.ts';
import { type RecordedCommand, readRecording } from './recordings.ts';

const recorded = readRecording('ipvsadm-1.31-arguments.txt');

/** Where we are stricter on purpose: addresses that only inet_aton understands, and masks that are no networks. */
const STRICTER: ReadonlyMap<string, string> = new Map([
  ['-A -t 01.2.3.4:80', 'illegal virtual server address[:port] specified'],
  ['-A -t 1.2.3:80', 'illegal virtual server address[:port] specified'],
  ['-A -t "1.2.3.4 :80"', 'illegal virtual server address[:port] specified'],
  ['-A -t 16909060:80', 'illegal virtual server address[:port] specified'],
  ['-A -t [1.2.3.4]:80', 'illegal virtual server address[:port] specified'],
  ['-A -f 1 -p -M 64', 'illegal virtual server persistent mask specified'],
  ['-A -t 1.2.3.4:80 -M 24', 'illegal virtual server persistent mask specified'],
  ['-A -t 1.2.3.4:80 -M 255.0.255.0', 'illegal virtual server persistent mask specified'],
]);

/** The services of the recording machine that the recording names. */
const PORTS: Readonly<Record<string, number>> = { 'http tcp': 80, 'domain udp': 53, 'syslog tcp': 514, 'syslog udp': 514 };
const names: Names = {
  address: async () => undefined,
  host: async () => undefined,
  portNumber: async (service, protocol) => PORTS[`${service} ${protocol}`],
  portName: async () => undefined,
};

/** The complaint, or undefined where ipvsadm went on to the kernel or the listing. */
function complaint({ output, exitCode }: RecordedCommand): string | undefined {
  const reachedKernel = exitCode < 2 || output.startsWith('Operation not supported with specified address family');
  return reachedKernel ? undefined : output;
}

async function parse(command: RecordedCommand): Promise<Command | UsageError> {
  try {
    return await parseArguments(command.argv, names);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
}

describe('arguments of ipvsadm 1.31', () => {
  it('are many, and the exceptions are among them', () => {
    expect(recorded.length).toBeGreaterThan(490);
    for (const line of STRICTER.keys()) expect(recorded.map((command) => command.line)).toContain(line);
  });

  it.each(recorded.filter(({ line }) => !STRICTER.has(line)))('ipvsadm $line', async (command) => {
    const ours = await parse(command);
    const theirs = complaint(command);
    if (theirs !== undefined) {
      expect(ours).toBeInstanceOf(UsageError);
      expect([`${(ours as UsageError).message}\n`, (ours as UsageError).exitCode]).toEqual([theirs, command.exitCode]);
      return;
    }
    expect(ours).not.toBeInstanceOf(UsageError);
    const call = /^CALL (.*)$/m.exec(command.output)?.[1];
    if (call && !/^1[12] /.test(call)) expect(callOf(ours as Command)).toBe(withoutIdleMask(call));
  });

  it.each([...STRICTER])('ipvsadm %s is refused', async (line, message) => {
    const command = recorded.find((candidate) => candidate.line === line) as RecordedCommand;
    expect(await parse(command)).toMatchObject({ message, exitCode: 2 });
  });
});

/** Without persistence nobody looks at the mask, and our tables do not keep it. */
function withoutIdleMask(call: string): string {
  const words = call.split(' ');
  const persistent = Number.parseInt(words[9]?.slice(0, 2) ?? '0', 16) & 1;
  if (words.length >= 12 && !persistent) words[11] = 'ffffffff';
  return words.join(' ');
}

/** The system call for a command, as the recording writes it. */
function callOf(command: Command): string {
  switch (command.kind) {
    case 'flush':
      return '5';
    case 'set-timeouts':
      return `10 ${[command.tcp, command.tcpFin, command.udp].map(little).join(' ')}`;
    case 'zero':
      return `15 ${command.key ? serviceWords(command.key) : `${'00000000 '.repeat(10)}ffffffff`}`;
    case 'delete-service':
      return `4 ${serviceWords(command.key)}`;
    case 'delete-server':
      return `8 ${serviceWords(command.key)} ${serverWords(command.server, 3, [1, 0, 0])}`;
    case 'add-server':
    case 'edit-server': {
      const { method, weight, upperThreshold, lowerThreshold } = command.server;
      const number = command.kind === 'add-server' ? 7 : 9;
      const flags = { nat: 0, tun: 2, dr: 3, fullnat: -1 }[method];
      return `${number} ${serviceWords(command.key)} ${serverWords(command.server, flags, [weight, upperThreshold, lowerThreshold])}`;
    }
    case 'add-service':
    case 'edit-service': {
      const { key, scheduler, schedulerFlags, persistence, onePacket } = command.service;
      const bits = schedulerFlags.map((flag) => ({ fallback: 8, '1': 8, port: 16, '2': 16, '3': 32 })[flag.split('-')[1] ?? ''] ?? 0);
      const flags = bits.reduce((sum, bit) => sum + bit, (persistence ? 1 : 0) + (onePacket ? 4 : 0));
      const mask = persistence && persistence.prefixLength < 32 ? (-1 << (32 - persistence.prefixLength)) >>> 0 : 0xffff_ffff;
      const prefixed = persistence?.prefixLength === 0 ? 0 : mask;
      const number = command.kind === 'add-service' ? 2 : 3;
      return `${number} ${serviceWords(key, scheduler, flags, persistence?.timeoutSeconds ?? 0, prefixed)}`;
    }
    default:
      return command.kind;
  }
}

function serviceWords(key: ServiceKey, scheduler = '', flags = 0, timeout = 0, mask = 0xffff_ffff): string {
  const protocol = key.kind === 'fwmark' ? 6 : { tcp: 6, udp: 17, sctp: 132 }[key.protocol];
  const name = Buffer.alloc(16);
  name.write(scheduler);
  const address = key.kind === 'fwmark' ? '00000000 00000000' : `${big(key.address.toV4Number())} ${port(key.port)}`;
  const words = [little(protocol), address, little(key.kind === 'fwmark' ? key.mark : 0), name.toString('hex').replace(/.{8}(?!$)/g, '$& ')];
  return [...words, little(flags), little(timeout), big(mask)].join(' ');
}

function serverWords({ address, port: number }: RealServerKey, flags: number, figures: readonly number[]): string {
  return [big(address.toV4Number()), port(number), little(flags), ...figures.map(little)].join(' ');
}

function big(value: number): string {
  return value.toString(16).padStart(8, '0');
}

function port(value: number): string {
  return `${value.toString(16).padStart(4, '0')}0000`;
}

function little(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes.toString('hex');
}
