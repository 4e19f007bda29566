/** `vipwright trace`: where a packet would go, answered by the packet path itself. */
import { ApiClient } from '../../api/index.ts';
import { DataPlaneError } from '../../ports/index.ts';
import { FlowError, parseFlow, type TraceOptions } from './flow.ts';
import { formatTrace } from './format.ts';

export type { TraceOptions } from './flow.ts';

/** Also for a packet that there cannot be. */
const EXIT_USAGE = 2;

/** Prints the answer, as text or as the API's JSON. Returns 0 for a packet that is forwarded, 1 for another, 2 for wrong usage. */
export async function runTrace(
  words: readonly [protocol: string, source: string, destination: string],
  options: TraceOptions & { readonly json?: true; readonly socket: string },
  io: { readonly out: (text: string) => void; readonly err: (text: string) => void },
): Promise<number> {
  let request: ReturnType<typeof parseFlow>;
  try {
    request = parseFlow(...words, options);
  } catch (error) {
    if (!(error instanceof FlowError)) throw error;
    io.err(`vipwright: ${error.message}\n`);
    return EXIT_USAGE;
  }
  const report = await new ApiClient(options.socket).trace(request).catch((error: unknown) => {
    if (!(error instanceof DataPlaneError)) throw error;
    io.err(`vipwright: ${error.code}: ${error.message}\n`);
    return undefined;
  });
  if (!report) return EXIT_USAGE;
  io.out(options.json ? `${JSON.stringify(report, undefined, 2)}\n` : formatTrace(report));
  return report.fate === 'forwarded' ? 0 : 1;
}
