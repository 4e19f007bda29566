/** What can be followed, to the model: vrrp_script, track_file, vrrp_track_process and bfd_instance. */
import { IpAddress, millis, seconds } from '../../base/index.ts';
import type { BfdSession, TrackerWeight, TrackFile, TrackProcess, VrrpScript } from '../../model/index.ts';
import { type BoundBlock, type BoundStatement, isNumber, isText, linePart, nameOf, placeOf } from './bind.ts';
import { type Context, commandOf } from './context.ts';
import { wordValue } from './lexer.ts';
import { identity } from './lower-global.ts';

/** TTL or hop limit of BFD packets over one hop (RFC 5881 section 5), and of IPv6 packets in keepalived. */
const TTL = 255;
const HOP_LIMIT = 64;
const LONG_INTERVAL = 10_000;
const LARGE_MULTIPLIER = 10;

/** Everything of one kind by name; a name given twice is reported, and the first one counts. */
function readNamed<T>(
  root: BoundBlock,
  keyword: string,
  context: Context,
  read: (name: string, block: BoundBlock, bound: BoundStatement) => T | undefined,
): T[] {
  const found = new Map<string, T>();
  for (const bound of root.all(keyword)) {
    const name = nameOf(bound);
    if (!bound.block || name === '') continue;
    if (found.has(name)) {
      context.reporter.report(
        'config/duplicate-name',
        placeOf(bound),
        `There is a ${keyword} ${name} already. keepalived would take the first and ignore this one.`,
        { help: 'Give one of them another name.' },
      );
      continue;
    }
    const one = read(name, bound.block, bound);
    if (one) found.set(name, one);
    else context.reporter.lostNames.add(name);
  }
  return [...found.values()];
}

/** `WEIGHT [reverse]`. */
function readWeight(block: BoundBlock, fallback: number): TrackerWeight {
  const line = block.line('weight');
  return { weight: linePart(line, 0, isNumber) ?? fallback, reverse: linePart(line, 1, isText) === 'reverse' };
}

export function readScripts(root: BoundBlock, context: Context): VrrpScript[] {
  return readNamed(root, 'vrrp_script', context, (name, block) => {
    const command = commandOf(block, 'script', context);
    if (!command) return undefined;
    const interval = block.number('interval') ?? seconds(1);
    return {
      name,
      command: { ...command, ...identity(block, 'user') },
      interval,
      timeout: block.number('timeout') ?? interval,
      weight: readWeight(block, 0),
      rise: block.number('rise') ?? 1,
      fall: block.number('fall') ?? 1,
      initFail: block.has('init_fail'),
    };
  });
}

export function readTrackFiles(root: BoundBlock, context: Context): TrackFile[] {
  return readNamed(root, 'track_file', context, (name, block) => {
    const path = block.text('file');
    if (path === undefined) return undefined;
    const init = block.line('init_file');
    return {
      name,
      path,
      weight: readWeight(block, 1),
      ...(init && { initial: { value: linePart(init, 0, isNumber) ?? 0, overwrite: linePart(init, 1, isText) !== undefined } }),
    };
  });
}

export function readTrackProcesses(root: BoundBlock, context: Context): TrackProcess[] {
  return readNamed(root, 'vrrp_track_process', context, (name, block, bound) => {
    const [command, ...parameters] = block.words('process')?.map(wordValue) ?? [];
    if (command === undefined) return undefined;
    const both = block.number('delay') ?? 0;
    const quorum = block.number('quorum') ?? 1;
    const quorumMax = block.number('quorum_max');
    if (quorumMax !== undefined && quorumMax !== 0 && quorumMax < quorum)
      context.reporter.report(
        'config/out-of-range',
        placeOf(block.last('quorum_max') ?? bound),
        `quorum_max ${quorumMax} is below quorum ${quorum}, so ${name} could never be up.`,
      );
    return {
      name,
      command,
      parameters,
      parameterMatch: parameterMatch(block, parameters),
      fullCommand: block.has('full_command'),
      weight: readWeight(block, 0),
      // keepalived takes quorum_max 0 as "there must be none", whatever the quorum says.
      quorum: quorumMax === 0 ? 0 : quorum,
      ...(quorumMax !== undefined && { quorumMax }),
      terminateDelay: block.number('terminate_delay') ?? both,
      forkDelay: block.number('fork_delay') ?? both,
    };
  });
}

/** Arguments that process names must agree; without any, param_match says that there must be none. */
function parameterMatch(block: BoundBlock, parameters: readonly string[]): TrackProcess['parameterMatch'] {
  const given = block.textOrBare('param_match');
  if (given === 'initial' || given === 'partial') return given;
  return given === true || parameters.length > 0 ? 'exact' : 'any';
}

export function readBfdSessions(root: BoundBlock, context: Context): BfdSession[] {
  const neighbors = new Map<string, string>();
  return readNamed(root, 'bfd_instance', context, (name, block, bound) => {
    const neighbor = block.address('neighbor_ip');
    if (!(neighbor instanceof IpAddress)) return undefined;
    const source = block.address('source_ip');
    reportBfd(name, block, bound, neighbors, context);
    const maxHops = block.number('max_hops') ?? 0;
    const both = block.has('vrrp') === block.has('checker');
    return {
      name,
      neighbor,
      ...(source && { source }),
      requiredMinRx: block.number('min_rx') ?? millis(10),
      desiredMinTx: block.number('min_tx') ?? millis(10),
      idleTx: block.number('idle_tx') ?? millis(1000),
      multiplier: block.number('multiplier') ?? 5,
      passive: block.has('passive'),
      ttl: neighbor.family === 4 ? (block.number('ttl') ?? TTL) : (block.number('hoplimit') ?? HOP_LIMIT),
      maxHops: maxHops < 0 ? 255 : maxHops,
      multihop: block.flag('multihop') ?? false,
      weight: readWeight(block, 0),
      forVrrp: both || block.has('vrrp'),
      forChecks: both || block.has('checker'),
    };
  });
}

function reportBfd(name: string, block: BoundBlock, bound: BoundStatement, neighbors: Map<string, string>, { reporter }: Context): void {
  const neighbor = block.address('neighbor_ip') as IpAddress;
  const source = block.last('source_ip');
  if (source && source.value instanceof IpAddress && source.value.family !== neighbor.family)
    reporter.report(
      'config/mixed-families',
      placeOf(source),
      `source_ip ${source.value} and neighbor_ip ${neighbor} are not of one family.`,
    );
  const other = neighbors.get(neighbor.toString());
  if (other !== undefined)
    reporter.report(
      'config/duplicate-name',
      placeOf(block.last('neighbor_ip') ?? bound),
      `bfd_instance ${other} has the neighbour ${neighbor} already.`,
      {
        help: 'One session between two addresses is enough: name it wherever it is to be followed.',
      },
    );
  neighbors.set(neighbor.toString(), name);
  for (const key of ['min_rx', 'min_tx']) {
    const slow = block.last(key);
    if (slow && (block.number(key) ?? 0) > millis(LONG_INTERVAL))
      reporter.report('config/slow-detection', placeOf(slow), `${key} is in milliseconds, and this is more than ten seconds.`);
  }
  const patient = block.last('multiplier');
  if (patient && (block.number('multiplier') ?? 0) > LARGE_MULTIPLIER)
    reporter.report('config/slow-detection', placeOf(patient), 'With a multiplier above 10 a failure is noticed late.');
}

/** Words of a block that holds names, with their places. */
export function namesIn(block: BoundBlock, keyword: string) {
  return block
    .all(keyword)
    .flatMap((bound) => bound.block?.entries.flatMap((entry) => entry.words.map((token) => ({ token, source: entry.source }))) ?? []);
}
