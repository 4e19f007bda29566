/** What the kernel's process connector says (linux/connector.h, linux/cn_proc.h): processes that fork, run a program, change their name, end. */
import { accepted, type Decoded, refused } from './decoded.ts';
import { concat, HOST_IS_LITTLE_ENDIAN, u16, u32, viewOf } from './netlink.ts';

/** The multicast group and the subsystem number of the process connector. */
export const CN_IDX_PROC = 1;

const CN_VAL_PROC = 1;
const PROC_CN_MCAST_LISTEN = 1;
const CONNECTOR_HEADER_LENGTH = 20;
const EVENT_HEADER_LENGTH = 16;
const EVENT_FORK = 1;
const EVENT_EXEC = 2;
const EVENT_COMM = 0x200;
const EVENT_EXIT = 0x80000000;

/** `pid` is a whole process, never one of its further threads; `renamed` also tells of threads, with the process they belong to. */
export type ProcessEvent =
  | { readonly kind: 'forked'; readonly parent: number; readonly pid: number }
  | { readonly kind: 'executed' | 'renamed' | 'ended'; readonly pid: number };

/** Asks for the events; the payload of a netlink message of type NLMSG_DONE to the connector. */
export function encodeProcessSubscription(): Uint8Array {
  const operation = u32(PROC_CN_MCAST_LISTEN);
  return concat([u32(CN_IDX_PROC), u32(CN_VAL_PROC), u32(0), u32(0), u16(operation.length), u16(0), operation]);
}

/** Reads one event; undefined for those of threads and of kinds that nobody here asks about. */
export function decodeProcessEvent(payload: Uint8Array): Decoded<ProcessEvent | undefined> {
  if (payload.length < CONNECTOR_HEADER_LENGTH + EVENT_HEADER_LENGTH) return refused('truncated');
  const view = viewOf(payload);
  if (view.getUint32(0, HOST_IS_LITTLE_ENDIAN) !== CN_IDX_PROC) return refused('bad-protocol-type');
  const data = CONNECTOR_HEADER_LENGTH + EVENT_HEADER_LENGTH;
  const kind = view.getUint32(CONNECTOR_HEADER_LENGTH, HOST_IS_LITTLE_ENDIAN);
  if (payload.length < data + (kind === EVENT_FORK ? 16 : 8)) return kind === 0 ? accepted(undefined) : refused('truncated');
  const word = (index: number): number => view.getUint32(data + 4 * index, HOST_IS_LITTLE_ENDIAN);
  switch (kind) {
    case EVENT_FORK:
      // Parent's thread and process, child's thread and process: a new thread is no new process.
      return accepted(word(2) === word(3) ? { kind: 'forked', parent: word(1), pid: word(3) } : undefined);
    case EVENT_EXEC:
      return accepted({ kind: 'executed', pid: word(1) });
    case EVENT_COMM:
      return accepted(word(0) === word(1) ? { kind: 'renamed', pid: word(1) } : undefined);
    case EVENT_EXIT:
      return accepted(word(0) === word(1) ? { kind: 'ended', pid: word(1) } : undefined);
    default:
      return accepted(undefined);
  }
}
