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

/** Waits until a service has said `text`: its log comes through a pipe, and may come after what the kernel already shows. */
export async function says(service: Service, text: string): Promise<void> {
  const said = await until(() => logOf(service).includes(text) || undefined, 20_000);
  if (!said) throw new Error(`not a word of "${text}" in:\n${logOf(service)}`);
}

/** Ends the capture and lets tshark judge what that machine sent. */
export async function packetsOf({ seed, capture }: Interop, sender: Machine): Promise<PacketVerdict> {
  await capture.stop();
  return judgePackets(seed.client, CAPTURE, sender);
}

/**
 * keepalived's own count of what it did not like in our advertisements: the numbers of the error sections of its statistics, over all of
 * its `instances`. (Where there are many, each has a section, and the file is complete with the last one.)
 */
export async function errorsCountedBy(keepalived: Service, machine: Machine, instances = 1): Promise<Record<string, number>> {
  await machine.runOrThrow(['rm', '-f', '/tmp/keepalived.stats']);
  keepalived.signal('SIGUSR2');
  const sections = await until(() => {
    try {
      const found = [...machine.readFile('/tmp/keepalived.stats').matchAll(/Packet Errors:([\s\S]*?)Priority Zero/g)];
      return found.length === instances ? found.map((match) => match[1] ?? '') : undefined;
    } catch {
      return undefined; // It has not been written yet.
    }
  }, 10_000);
  const counts: Record<string, number> = {};
  for (const section of sections ?? []) {
    for (const [, name = '', count] of section.matchAll(/^ +([^:\n]+): (\d+)$/gm)) counts[name] = (counts[name] ?? 0) + Number(count);
  }
  return counts;
}
