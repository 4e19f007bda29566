/** `npm run bench -- NAME [arguments]`: one benchmark, with its peers in the same run. */
interface Benchmark {
  readonly summary: string;
  readonly load: () => Promise<{ run(args: readonly string[]): Promise<void> }>;
}

const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  'packet-path': {
    summary: 'nanoseconds per packet in the kernel, beside a textbook balancer',
    load: () => import('./packet-path/index.ts'),
  },
  http: {
    summary: 'HTTP requests per second in the lab, beside a direct connection, haproxy and nginx',
    load: () => import('./http/index.ts'),
  },
};

async function main([name, ...rest]: readonly string[]): Promise<void> {
  const benchmark = name === undefined || !Object.hasOwn(BENCHMARKS, name) ? undefined : BENCHMARKS[name];
  if (!benchmark) {
    const lines = Object.entries(BENCHMARKS).map(([known, { summary }]) => `  ${known.padEnd(14)}${summary}`);
    process.stderr.write(`Usage: npm run bench -- NAME [--json] [--help]\n\n${lines.join('\n')}\n`);
    process.exitCode = 2;
    return;
  }
  await (await benchmark.load()).run(rest);
}

await main(process.argv.slice(2));
