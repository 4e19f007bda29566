/**
 * V8 as a real-time thread needs it. What runs for the first time is compiled to machine code there and then, because interpreted code is
 * several times slower in the one moment that counts, and stays compiled. V8's helper threads run at ordinary priority: a real-time thread
 * that waits for one of them waits behind every ordinary process, so it clears its young generation by itself, and is not optimised:
 * while it waits for a takeover it looks at its sockets over and over, which V8 finds worth optimising, and the helper that does so holds
 * locks that the thread then needs. With room for minutes of its life, clearing the young generation does not fall into a takeover either.
 * These alone can be changed in a process that runs already: V8 ends it when it finds marking, which the main thread may be at, changed
 * under its feet.
 */
export const REAL_TIME_FLAGS = [
  '--always-sparkplug',
  '--no-flush-bytecode',
  '--no-parallel-scavenge',
  '--no-opt',
  '--min-semi-space-size=8',
];
