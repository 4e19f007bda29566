/** Advertisements as they arrive at the other end of the cables, with the kernel's time stamps. */
import { sleep } from '../../lab/index.ts';
import type { Machine } from '../../lab/machine.ts';

export interface Advert {
  readonly atMs: number;
  /** Interface and VRID. */
  readonly router: string;
  readonly priority: number;
}

const FILTER = ['-i', 'any', '-n', '-tt', '-l', '-B', '32768', 'ip', 'proto', '112'];
const LINE = /^(\d+\.\d+) (\S+) .*vrid (\d+), prio (\d+)/;

/** Listens for so long, and does something meanwhile. */
export async function listen(watcher: Machine, seconds: number, meanwhile: () => Promise<void>): Promise<Advert[]> {
  const capture = await watcher.spawn('tcpdump', ['tcpdump', ...FILTER]);
  if ((await capture.waitForLine('listening on', 10_000)) === undefined) throw new Error('tcpdump does not start');
  const over = sleep(seconds * 1000);
  await meanwhile();
  await over;
  await capture.stop();
  return capture.lines.flatMap(({ text }) => {
    const match = LINE.exec(text);
    return match === null ? [] : [{ atMs: Number(match[1]) * 1000, router: `${match[2]} ${match[3]}`, priority: Number(match[4]) }];
  });
}

/** How late the latest advertisement was: the longest time between two of one router, less the interval. */
export function latenessMs(adverts: readonly Advert[], intervalMs: number): number {
  const last = new Map<string, number>();
  let longest = 0;
  for (const { atMs, router } of adverts) {
    longest = Math.max(longest, atMs - (last.get(router) ?? atMs));
    last.set(router, atMs);
  }
  return Math.max(0, longest - intervalMs);
}

/** Routers that said something else later than at first. */
export function changedRouters(adverts: readonly Advert[]): string[] {
  const first = new Map<string, number>();
  const changed = new Set<string>();
  for (const { router, priority } of adverts) {
    if ((first.get(router) ?? priority) !== priority) changed.add(router);
    if (!first.has(router)) first.set(router, priority);
  }
  return [...changed];
}
