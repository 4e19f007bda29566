/** track_interface, track_script, track_file, track_process and track_bfd of a virtual router or a sync group. */
import type { BfdSession, Trackers, TrackerWeight, TrackFile, TrackProcess, VrrpScript } from '../../model/index.ts';
import { type BoundBlock, type BoundEntry, isText, linePart } from './bind.ts';
import type { Context } from './context.ts';
import type { LineForm } from './keyword.ts';
import type { Token } from './lexer.ts';
import { readLine } from './lines.ts';
import { tokenPlace } from './syntax.ts';
import { BFD_TRACKER, FILE_TRACKER, INTERFACE_TRACKER, PROCESS_TRACKER, SCRIPT_TRACKER } from './table-track.ts';

/** What the file defines for virtual routers to follow. */
export interface Tracked {
  readonly scripts: readonly VrrpScript[];
  readonly files: readonly TrackFile[];
  readonly processes: readonly TrackProcess[];
  readonly sessions: readonly BfdSession[];
}

interface Named {
  readonly name: string;
  readonly weight: TrackerWeight;
}

const NEUTRAL: TrackerWeight = { weight: 0, reverse: false };

export function readTrackers(block: BoundBlock, tracked: Tracked, context: Context): Trackers {
  const { scripts, files, processes, sessions } = tracked;
  const followed = sessions.filter((session) => session.forVrrp);
  return {
    trackInterfaces: readLines(block, 'track_interface', INTERFACE_TRACKER, undefined, context).map(({ name, weight }) => ({
      interface: name,
      ...weight,
    })),
    trackScripts: readLines(block, 'track_script', SCRIPT_TRACKER, { what: 'vrrp_script', all: scripts }, context).map(
      ({ name, weight }) => ({ script: name, ...weight }),
    ),
    trackFiles: readLines(block, 'track_file', FILE_TRACKER, { what: 'track_file', all: files }, context).map(({ name, weight }) => ({
      file: name,
      ...weight,
    })),
    trackProcesses: readLines(block, 'track_process', PROCESS_TRACKER, { what: 'vrrp_track_process', all: processes }, context).map(
      ({ name, weight }) => ({
        process: name,
        ...weight,
      }),
    ),
    trackBfds: readLines(block, 'track_bfd', BFD_TRACKER, { what: 'bfd_instance', all: followed }, context).map(({ name, weight }) => ({
      bfd: name,
      ...weight,
    })),
  };
}

/** The entries of one block. Names must be defined, unless they are interfaces; a name given twice counts once. */
function readLines(
  block: BoundBlock,
  keyword: string,
  form: LineForm,
  defined: { readonly what: string; readonly all: readonly Named[] } | undefined,
  context: Context,
): Named[] {
  const found = new Map<string, Named>();
  for (const entry of block.all(keyword).flatMap((bound) => bound.block?.entries ?? [])) {
    const line = readLine(`a line of ${keyword}`, form, entry, context.reporter);
    const name = linePart(line, 0, isText);
    if (!line || name === undefined) continue;
    const token = entry.words[0] as Token;
    const place = tokenPlace(entry.source, token);
    if (!defined) context.interfaces.push({ interface: name, place });
    const known = defined?.all.find((candidate) => candidate.name === name);
    if (defined && !known) reportUnknown(name, defined.what, entry, token, context);
    else if (found.has(name))
      context.reporter.report('config/no-effect', place, `${name} is in ${keyword} already. This line is ignored, as keepalived does.`);
    else found.set(name, { name, weight: weightOf(line.words, known?.weight ?? NEUTRAL) });
  }
  return [...found.values()];
}

function weightOf(words: ReadonlyMap<string, { readonly value: unknown }>, fallback: TrackerWeight): TrackerWeight {
  const weight = words.get('weight')?.value;
  const reverse = words.has('reverse') || (fallback.reverse && !words.has('noreverse'));
  return { weight: typeof weight === 'number' ? weight : fallback.weight, reverse };
}

function reportUnknown(name: string, what: string, entry: BoundEntry, token: Token, { reporter }: Context): void {
  if (reporter.lostNames.has(name)) return;
  const example = { vrrp_script: 'script "…"', track_file: 'file /…', vrrp_track_process: 'process …', bfd_instance: 'neighbor_ip …' }[
    what
  ];
  reporter.report('config/unknown-reference', tokenPlace(entry.source, token), `There is no ${what} ${name}.`, {
    help: `Define it: ${what} ${name} { ${example} }`,
  });
}
