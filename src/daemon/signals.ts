/** The signals that the daemon obeys, under keepalived's words for them (`--signum`). */

/** Real-time signals are counted as glibc does: 34 is SIGRTMIN, 64 SIGRTMAX. */
export const SIGNALS = {
  STOP: 15,
  RELOAD: 1,
  DATA: 10,
  STATS: 12,
  /** SIGRTMAX - 1. */
  STATS_CLEAR: 63,
  /** SIGRTMIN + 2. */
  JSON: 36,
} as const;

export type SignalWord = keyof typeof SIGNALS;

/** The number for a word of `--signum`; undefined for an unknown one. */
export function signalNumber(word: string): number | undefined {
  return Object.hasOwn(SIGNALS, word) ? SIGNALS[word as SignalWord] : undefined;
}
