/** Real keepalived 2.2.7 beside us on the seed's segment, and a capture of what both say. */
import { bootSeedLab, judgePackets, type PacketVerdict, type SeedLab, type Service, startCapture, until } from '../../lab/index.ts';
import type { Machine } from '../../lab/machine.ts';

export const CAPTURE = '/run/vrrp.pcap';

export interface Interop {
  readonly seed: SeedLab;
  readonly capture: Service;
}

export async function bootInterop(): Promise<Interop> {
  const seed = await bootSeedLab();
  return { seed, capture: await startCapture(seed.client, CAPTURE, 'vrrp or arp') };
}

export function logOf(service: Service | undefined): string {
  return (service?.lines ?? []).map((line) => line.text).join('\n');
}

/** Ends the capture and lets tshark judge what that machine sent. */
export async function packetsOf({ seed, capture }: Interop, sender: Machine): Promise<PacketVerdict> {
  await capture.stop();
  return judgePackets(seed.client, CAPTURE, sender);
}

/** keepalived's own count of what it did not like in our advertisements: the numbers of the error sections of its statistics. */
export async function errorsCountedBy(keepalived: Service, machine: Machine): Promise<Record<string, number>> {
  keepalived.signal('SIGUSR2');
  const text = await until(() => {
    try {
      const content = machine.readFile('/tmp/keepalived.stats');
      return content.includes('Priority Zero') ? content : undefined;
    } catch {
      return undefined; // It has not been written yet.
    }
  }, 10_000);
  const errors = /Packet Errors:([\s\S]*)Priority Zero/.exec(text ?? '')?.[1] ?? '';
  return Object.fromEntries([...errors.matchAll(/^ +([^:\n]+): (\d+)$/gm)].map((match) => [match[1] ?? '', Number(match[2])]));
}
