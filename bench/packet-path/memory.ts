/** What the kernel says that connections cost in memory. */
import { readdirSync, readFileSync } from 'node:fs';
import { Ours, Textbook } from './contenders.ts';
import { type Driver, SYN } from './driver.ts';
import { emptySamples, requireConnections, type Samples } from './samples.ts';

const CONNECTIONS = 1_000_000;
const FEW = 2;
const BYTES_PER_MB = 1e6;

/** All maps made for a million IPv4 connections, every one of which finds its place; less what they are when made for two. */
export function measureMemory(driver: Driver): Samples {
  const ours = (connections: number): Ours => new Ours({ connections });
  const textbook = (connections: number): Textbook => new Textbook(connections);
  return {
    ...emptySamples(`memory of ${CONNECTIONS} connections`),
    unit: 'MB',
    ours: [bytesOf(driver, ours)],
    peer: [bytesOf(driver, textbook)],
    floor: [0],
  };
}

function bytesOf(driver: Driver, make: (connections: number) => Ours | Textbook): number {
  const [few, many] = [FEW, CONNECTIONS].map((connections) => {
    const before = mapBytes();
    const contender = make(connections);
    try {
      const traffic = {
        flows: 2 ** Math.ceil(Math.log2(connections)),
        firstFlow: 0,
        packets: connections,
        tcpFlags: SYN,
        order: 'rising',
      } as const;
      driver.run(contender.program, traffic);
      requireConnections(contender, connections, `memory of ${connections} connections`);
      return mapBytes() - before;
    } finally {
      contender.close();
    }
  }) as [number, number];
  return (many - few) / BYTES_PER_MB;
}

/** Of all BPF maps that this process has open, as the kernel accounts for them. */
function mapBytes(): number {
  const maps = new Map<string, number>();
  for (const descriptor of readdirSync('/proc/self/fdinfo')) {
    const text = infoOf(descriptor);
    const id = /^map_id:\s*(\d+)$/m.exec(text)?.[1];
    if (id !== undefined) maps.set(id, Number(/^memlock:\s*(\d+)$/m.exec(text)?.[1]));
  }
  return [...maps.values()].reduce((sum, bytes) => sum + bytes, 0);
}

/** The descriptor that the folder itself was read by is gone. */
function infoOf(descriptor: string): string {
  try {
    return readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8');
  } catch {
    return '';
  }
}
