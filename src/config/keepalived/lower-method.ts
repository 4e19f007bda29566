/** lvs_method and its options to the model. */
import type { ForwardingMethod, Tunnel } from '../../model/index.ts';
import { type BoundStatement, isText, linePart, placeOf } from './bind.ts';
import type { Context } from './context.ts';
import { refuseFeature } from './packet-path.ts';
import { tokenPlace } from './syntax.ts';
import type { LineValue, LineWord } from './value.ts';

/** A forwarding method with the wrapping that `tun` needs. */
export interface Method {
  readonly method: ForwardingMethod;
  readonly tunnel?: Tunnel;
}

const METHODS: Readonly<Record<string, ForwardingMethod>> = {
  NAT: 'nat',
  DR: 'dr',
  TUN: 'tun',
  FNAT: 'fullnat',
  FULLNAT: 'fullnat',
};

/** Undefined when there is none, or none that can be read (which has been reported). */
export function readMethod(bound: BoundStatement | undefined, context: Context): Method | undefined {
  const line = lineOf(bound);
  const method = METHODS[linePart(line, 0, isText) ?? ''];
  if (!bound || !line || !method) return undefined;
  if (method === 'tun') return { method, tunnel: readTunnel(line, bound, context) };
  const option = [...line.words.values()][0];
  if (option)
    reportNoEffect(option, `${option.keyword.name} concerns TUN only; ${line.parts[0]?.token.text} takes no options.`, bound, context);
  return { method };
}

function lineOf(bound: BoundStatement | undefined): LineValue | undefined {
  return bound && typeof bound.value === 'object' && 'parts' in bound.value ? bound.value : undefined;
}

function readTunnel(line: LineValue, bound: BoundStatement, context: Context): Tunnel {
  const type = (line.words.get('type')?.value ?? 'ipip') as Tunnel['type'];
  return { type, port: readPort(type, line, bound, context), checksum: readChecksum(type, line, bound, context) };
}

function readPort(type: Tunnel['type'], line: LineValue, bound: BoundStatement, context: Context): number {
  const port = line.words.get('port');
  if (type === 'gue') {
    if (typeof port?.value === 'number') return port.value;
    if (!port) context.reporter.report('config/missing-value', placeOf(bound), 'type gue needs port and the UDP port of the tunnel.');
  } else if (port) reportNoEffect(port, `port concerns type gue only, not ${type}.`, bound, context);
  return 0;
}

function readChecksum(type: Tunnel['type'], line: LineValue, bound: BoundStatement, context: Context): Tunnel['checksum'] {
  // Where several are given the last one counts.
  const option = [...line.words.values()].filter(({ keyword }) => keyword.name.endsWith('csum')).at(-1);
  const name = option?.keyword.name;
  if (!option || name === 'nocsum') return 'none';
  if (type === 'ipip' || (type === 'gre' && name === 'remcsum')) {
    reportNoEffect(option, `A tunnel of type ${type} has no ${name}.`, bound, context);
    return 'none';
  }
  refuseFeature('tunnelChecksums', tokenPlace(bound.source, option.token), context);
  return name === 'remcsum' ? 'remcsum' : 'csum';
}

function reportNoEffect({ token }: LineWord, message: string, bound: BoundStatement, { reporter }: Context): void {
  reporter.report('config/no-effect', tokenPlace(bound.source, token), `${message} It is ignored.`, { help: 'Remove it.' });
}
