/** Histories made for one question each, which chance would hardly ask. */
import type { SchedulerName } from '../../src/model/index.ts';
import type { History, HistoryEvent } from './histories.ts';

/** `first` is the number of the first of them. */
export function craftedHistories(first: number): History[] {
  const histories: readonly (readonly [SchedulerName, readonly HistoryEvent[]])[] = [
    ['wlc', WEIGHS_WITH_WEIGHTS],
    ['lc', WEIGHS],
  ];
  return histories.map(([scheduler, events], index) => ({
    number: first + index,
    scheduler,
    flags: [],
    protocol: 'tcp',
    family: 4,
    marked: false,
    events,
  }));
}

/**
 * Does an active connection weigh 256 or 257 inactive ones? Server 1 has one active, server 2 one active and one inactive: per
 * weight 257/256 and 258/257, the latter a little less; or 1 and 1.
 */
const WEIGHS_WITH_WEIGHTS: readonly HistoryEvent[] = [
  add(2, 257),
  add(1, 256),
  open(0, 1),
  edit(1, 0),
  open(2, 2),
  { at: 0, kind: 'fin', target: 0, clients: [2] },
  edit(1, 256),
  open(3, 6),
];

/** The same question without weights: server 1 has one active, server 2, which stands first, 257 inactive ones. */
const WEIGHS: readonly HistoryEvent[] = [
  add(1, 1),
  add(2, 0),
  open(0, 0),
  edit(1, 0),
  edit(2, 1),
  open(1, 257),
  { at: 0, kind: 'fin', target: 0, clients: range(1, 257) },
  edit(1, 1),
  open(258, 262),
];

function add(server: number, weight: number): HistoryEvent {
  return { at: 0, kind: 'add', server, weight, upper: 0, lower: 0 };
}

function edit(server: number, weight: number): HistoryEvent {
  return { at: 0, kind: 'edit', server, weight, upper: 0, lower: 0 };
}

function open(from: number, to: number): HistoryEvent {
  return { at: 0, kind: 'new', target: 0, clients: range(from, to), chosen: [] };
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
