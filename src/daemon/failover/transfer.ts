/**
 * Settings travel to the reactor's thread by structured clone, which keeps data and loses classes. This gives addresses their class back.
 */
import { IpAddress } from '../../base/index.ts';

/** A deep copy in which every cloned IpAddress is an IpAddress again. For plain data only: objects, arrays, bytes, primitives. */
export function reviveAddresses<T>(value: T): T {
  return revive(value) as T;
}

function revive(value: unknown): unknown {
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(revive);
  const { family, text } = value as { family?: unknown; text?: unknown };
  if ((family === 4 || family === 6) && typeof text === 'string') return IpAddress.parse(text);
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, revive(entry)]));
}
