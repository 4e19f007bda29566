/** `--name value` pairs of a lab program. A program of the lab is started by the lab, so a mistake here is ours and throws. */
export function parsePairs(argv: readonly string[]): Map<string, string> {
  const pairs = new Map<string, string>();
  for (let index = 0; index < argv.length; index += 2) {
    const name = argv[index];
    const value = argv[index + 1];
    if (!name?.startsWith('--') || value === undefined) throw new Error(`expected --name value, got ${name} ${value}`);
    pairs.set(name.slice(2), value);
  }
  return pairs;
}

export function required(pairs: ReadonlyMap<string, string>, name: string): string {
  const value = pairs.get(name);
  if (value === undefined) throw new Error(`--${name} is missing`);
  return value;
}

export function integer(pairs: ReadonlyMap<string, string>, name: string, fallback: number): number {
  const value = Number(pairs.get(name) ?? fallback);
  if (!Number.isInteger(value) || value < 0) throw new Error(`--${name} takes a whole number, not ${pairs.get(name)}`);
  return value;
}

/** `192.168.18.200:80`, `[fd00::1]:80` */
export function hostAndPort(text: string): { readonly host: string; readonly port: number } {
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(text.slice(colon + 1)) };
}

/** One event, one line of JSON on standard output. */
export function emit(event: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}
