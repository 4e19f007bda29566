/** Equality of configuration values, without making text of them: a reload of a thousand routers compares megabytes. */

/** Whether two plain values (objects, arrays, typed arrays, primitives) have the same content. Addresses compare by their fields. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (Array.isArray(a) || ArrayBuffer.isView(a)) return sameList(a as unknown as readonly unknown[], b as unknown as readonly unknown[]);
  const x = a as Record<string, unknown>;
  const y = b as Record<string, unknown>;
  let present = 0;
  for (const key in x) {
    if (x[key] === undefined) continue;
    if (!sameValue(x[key], y[key])) return false;
    present++;
  }
  for (const key in y) if (y[key] !== undefined) present--;
  return present === 0;
}

function sameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!sameValue(a[i], b[i])) return false;
  return true;
}
