/** How a virtual router speaks: source, group or peers, and the macvlan with its MAC address. */
import type { IpAddress, IpFamily } from '../../base/index.ts';
import type { Unicast, UnicastPeer, VirtualMac, VirtualRouter } from '../../model/index.ts';
import { type BoundBlock, type BoundStatement, isAddress, linePart, placeOf, wordsOf } from './bind.ts';
import type { Context } from './context.ts';
import { type Token, wordValue } from './lexer.ts';
import { readLine } from './lines.ts';
import { entriesOf } from './lower-static.ts';
import { tokenPlace } from './syntax.ts';
import { UNICAST_PEER_LINE } from './table-vrrp.ts';

const TTL = 255;
/** IFNAMSIZ without the final zero. */
const MAX_INTERFACE_NAME = 15;
const UNICAST_WORDS = ['unicast_src_ip', 'unicast_ttl', 'check_unicast_src', 'old_unicast_checksum', 'unicast_peer'];

type Transport = Pick<VirtualRouter, 'sourceAddress' | 'trackSourceAddress' | 'multicastGroup' | 'unicast'>;

export function readTransport(block: BoundBlock, family: IpFamily, context: Context): Transport {
  const unicast = readUnicast(block, family, context);
  const source = ['unicast_src_ip', 'mcast_src_ip'].flatMap((name) => ofFamily(block.last(name), family, context) ?? [])[0];
  const { multicastGroup, multicastGroup6 } = context.globals;
  return {
    ...(source && { sourceAddress: source }),
    trackSourceAddress: block.has('track_src_ip'),
    multicastGroup: ofFamily(block.last('mcast_dst_ip'), family, context) ?? (family === 4 ? multicastGroup : multicastGroup6),
    ...(unicast && { unicast }),
  };
}

function ofFamily(bound: BoundStatement | undefined, family: IpFamily, { reporter }: Context): IpAddress | undefined {
  const address = bound?.value;
  if (!bound || !address || typeof address !== 'object' || !isAddress(address as IpAddress)) return undefined;
  const value = address as IpAddress;
  if (value.family === family) return value;
  reporter.report(
    'config/mixed-families',
    tokenPlace(bound.source, bound.statement.words[1] as Token),
    `${value} is IPv${value.family}, and the virtual router speaks IPv${family}.`,
  );
  return undefined;
}

function readUnicast(block: BoundBlock, family: IpFamily, context: Context): Unicast | undefined {
  const peers = readPeers(block, family, context);
  const faultWithoutPeer = block.has('unicast_fault_no_peer');
  if (peers.length === 0 && !faultWithoutPeer) {
    const keyword = UNICAST_WORDS.map((name) => block.last(name)).find((bound) => bound !== undefined && isEmpty(bound));
    if (keyword)
      context.reporter.report(
        'config/unicast-without-peers',
        placeOf(keyword),
        `${keyword.keyword.name} is about unicast, and no peer is listed: advertisements are sent to the multicast group, as in keepalived.`,
        { help: 'Add unicast_peer { … }, or unicast_fault_no_peer, or remove the line.' },
      );
    return undefined;
  }
  const checked = block.has('check_unicast_src') || context.globals.checkUnicastSource;
  return {
    peers,
    ttl: block.number('unicast_ttl') ?? TTL,
    // Bounds on the TTL of a peer mean nothing while anybody may speak in its place.
    checkSource: checked || peers.some((peer) => peer.minTtl !== undefined || peer.maxTtl !== undefined),
    faultWithoutPeer,
  };
}

/** Not a list whose lines have been reported as wrong. */
function isEmpty(bound: BoundStatement): boolean {
  return bound.block ? bound.block.entries.length === 0 : !bound.keyword.block;
}

function readPeers(block: BoundBlock, family: IpFamily, { reporter }: Context): UnicastPeer[] {
  const own = block.address('unicast_src_ip') ?? block.address('mcast_src_ip');
  const peers = new Map<string, UnicastPeer>();
  for (const entry of entriesOf(block, 'unicast_peer')) {
    const line = readLine('a line of unicast_peer', UNICAST_PEER_LINE, entry, reporter);
    const address = linePart(line, 0, isAddress);
    if (!line || !address) continue;
    const place = tokenPlace(entry.source, entry.words[0] as Token);
    const minTtl = line.words.get('min_ttl')?.value as number | undefined;
    const maxTtl = line.words.get('max_ttl')?.value as number | undefined;
    if (address.family !== family)
      reporter.report(
        'config/mixed-families',
        place,
        `The peer ${address} is IPv${address.family}, and the virtual router speaks IPv${family}. It is ignored.`,
      );
    else if (peers.has(address.toString()))
      reporter.report('config/repeated-keyword', place, `The peer ${address} is listed already.`, { help: 'Remove one of them.' });
    else peers.set(address.toString(), { address, ...(minTtl !== undefined && { minTtl }), ...(maxTtl !== undefined && { maxTtl }) });
    if (own?.equals(address))
      reporter.report(
        'config/peer-is-self',
        place,
        `The peer ${address} is the own source address: this director would hear itself and nobody else.`,
        {
          help: 'List the addresses of the other directors.',
        },
      );
    if (minTtl !== undefined && maxTtl !== undefined && minTtl > maxTtl)
      reporter.report(
        'config/out-of-range',
        place,
        `min_ttl ${minTtl} is above max_ttl ${maxTtl}, so nothing from ${address} would be believed.`,
      );
  }
  return [...peers.values()];
}

interface VmacCircumstances {
  readonly vrid: number;
  readonly family: IpFamily;
  readonly strict: boolean;
  readonly unicast: boolean;
  /** Names that other virtual routers have. */
  readonly taken: readonly string[];
}

export function readVmac(block: BoundBlock, circumstances: VmacCircumstances, context: Context): VirtualMac | undefined {
  const { reporter } = context;
  const bound = block.last('use_vmac');
  const base = block.last('vmac_xmit_base');
  if (!bound) {
    if (base)
      reporter.report('config/no-effect', placeOf(base), 'vmac_xmit_base has no effect without use_vmac.', {
        help: 'Add use_vmac, or remove the line.',
      });
    return undefined;
  }
  const words = readVmacWords(bound, circumstances, context);
  if (circumstances.strict && base)
    reporter.report(
      'config/strict-ignores',
      placeOf(base),
      'In strict mode advertisements come from the macvlan: vmac_xmit_base is ignored, as in keepalived.',
    );
  if (circumstances.unicast && !base)
    reporter.report(
      'config/vmac-base-forced',
      placeOf(bound),
      'Unicast goes through the interface below the macvlan, as if vmac_xmit_base stood here.',
      {
        help: 'Write vmac_xmit_base.',
      },
    );
  return {
    name: words.name ?? generatedName(circumstances, context),
    address: words.address ?? defaultMac(circumstances),
    transmitOnBase: circumstances.unicast || (base !== undefined && !circumstances.strict),
  };
}

/** `[[NAME] INTERFACE] [MAC] [netlink_notify_msg] [group N]` in any order; the name comes before the interface. */
function readVmacWords(
  bound: BoundStatement,
  circumstances: VmacCircumstances,
  { reporter }: Context,
): { readonly name?: string; readonly address?: Uint8Array } {
  let name: string | undefined;
  let address: Uint8Array | undefined;
  const words = wordsOf(bound);
  for (let i = 0; i < words.length; i++) {
    const token = words[i] as Token;
    const text = wordValue(token);
    const mac = parseMac(text, circumstances.vrid);
    if (mac && isReserved(mac))
      reporter.report(
        'config/bad-value',
        tokenPlace(bound.source, token),
        `${text} is of the block that RFC 9568 gives out by VRID, so it is not for choosing.`,
        { help: 'Leave it out: the macvlan gets the address of its VRID.' },
      );
    else if (mac) address = mac;
    else if (text === 'group') i++;
    else if (text === 'netlink_notify_msg' || name !== undefined) continue;
    else if (text.length > MAX_INTERFACE_NAME || text.includes('/'))
      reporter.report(
        'config/bad-value',
        tokenPlace(bound.source, token),
        `${text} cannot be the name of a macvlan: the kernel takes at most ${MAX_INTERFACE_NAME} characters and no slash.`,
      );
    else if (circumstances.taken.includes(text))
      reporter.report('config/duplicate-name', tokenPlace(bound.source, token), `Another vrrp_instance has a macvlan ${text} already.`);
    else name = text;
  }
  return { ...(name !== undefined && { name }), ...(address && { address }) };
}

/** Six bytes, or five to which the VRID is added. */
function parseMac(text: string, vrid: number): Uint8Array | undefined {
  if (!/^([0-9a-fA-F]{1,2}:){4,5}[0-9a-fA-F]{1,2}$/.test(text)) return undefined;
  const bytes = text.split(':').map((byte) => Number.parseInt(byte, 16));
  return Uint8Array.from(bytes.length === 5 ? [...bytes, vrid] : bytes);
}

/** 00:00:5e:00:01 and 02: the virtual router MAC addresses of RFC 9568 section 7.3. */
function isReserved(mac: Uint8Array): boolean {
  return [0, 0, 0x5e, 0].every((byte, index) => mac[index] === byte) && (mac[4] === 1 || mac[4] === 2);
}

/** RFC 9568 section 7.3. */
function defaultMac({ family, vrid }: VmacCircumstances): Uint8Array {
  return Uint8Array.of(0, 0, 0x5e, 0, family === 4 ? 1 : 2, vrid);
}

/** `vrrp.51`, `vrrp6.51`; where another one has that name `vrrp1.51`, as keepalived counts. */
function generatedName({ family, vrid, taken }: VmacCircumstances, { globals }: Context): string {
  const start = `${globals.vmacPrefix}${family === 6 ? '6' : ''}`;
  for (let count = 0; ; count++) {
    const name = `${start}${count === 0 ? '' : count}.${vrid}`;
    if (!taken.includes(name)) return name;
  }
}
