/**
 * What may leave the director, by the rules of IPVS: each forwarding method's change of a frame and no other, to a server that is in the
 * tables, of the service that the frame is for; replies under the virtual endpoint; and the director's own answers. Checksums are held to
 * stay as right, or as wrong, as they came.
 */

import type { ConnectionStatus } from '../../src/ports/index.ts';
import {
  checkHeaderKept,
  checkHop,
  checkOption,
  checkSegment,
  checkSums,
  checkTunnel,
  checkUntouched,
  hold,
  isBodyKept,
  isPayloadKept,
  TOA_LENGTH,
} from './random-rules.ts';
import { bodyError, headerError, sameBytes, type View, viewOf, word } from './random-view.ts';
import type { Behind, Virtual, World } from './random-world.ts';
import { LOCAL_PORTS, macNumber } from './random-world.ts';
import { DIRECTOR_MAC, PROTOCOL } from './xdp-frames.ts';
import { DIRECTOR, DIRECTOR6 } from './xdp-support.ts';

const TUNNEL_SOURCES = [DIRECTOR, DIRECTOR6];
const GRE = 47;
const IPIP = 4;
const IP6_IN_IP = 41;
const SYN = 0x02;
const ACK = 0x10;
const SYN_ACK = SYN | ACK;
/** IPVS follows the quotation in these of IPv4, and in all of IPv6 below 128. */
const ERRORS = new Set([3, 4, 11]);
const INFORMATION6 = 128;
/** Types and codes of errors that the director sends: no server, too big, TTL. */
const OWN_ERRORS = { 4: new Set([0x303, 0x304, 0xb00]), 6: new Set([0x104, 0x200, 0x300]) } as const;

/** What became of a frame, with the server's method and the family where there is one: `forwarded gre IPv4`. */
export type Fate = string;

function fateOf(what: 'forwarded' | 'replied' | 'error', { virtual, server }: Behind): Fate {
  return `${what} ${server.method === 'tun' ? server.tunnel?.type : server.method} IPv${virtual.family}`;
}

export class Oracle {
  private readonly world: World;
  private readonly routers: ReadonlySet<number>;
  /** Services with servers by full NAT. */
  private readonly given: readonly Virtual[];
  private readonly connections: () => Iterable<ConnectionStatus>;
  /** Which client a local endpoint of full NAT was given to, by the server's endpoint and that one. */
  private readonly ways = new Map<string, { readonly address: Uint8Array; readonly port: number }>();
  /** Clients whose last request to a service went no farther, by the ends of what answers it. */
  private readonly halted = new Set<string>();

  /** `connections` are those that the table shows at that moment. */
  constructor(world: World, routers: readonly Uint8Array[], connections: () => Iterable<ConnectionStatus>) {
    this.world = world;
    this.routers = new Set(routers.map((mac) => macNumber(mac, 0)));
    this.connections = connections;
    this.given = world.virtuals.filter((virtual) =>
      world.servers.some((one) => one.virtual === virtual && one.server.method === 'fullnat'),
    );
  }

  /** A frame that the director kept, or answered itself. It may have made a connection: IPVS, too, makes it before it looks at TTL and length. */
  noteHalted(came: Uint8Array): void {
    const view = viewOf(came);
    if (view && this.given.some((virtual) => isRequestTo(virtual, view)))
      this.halted.add(answerEnds(view, view.addresses + view.size, view.body + 2, view.addresses, view.body));
  }

  /** Throws an Error that names the broken rule. */
  check(came: Uint8Array, left: Uint8Array): Fate {
    hold(sameBytes(came, 0, DIRECTOR_MAC, 0, 6), 'it was not sent to the director');
    hold(sameBytes(left, 6, DIRECTOR_MAC, 0, 6), 'it does not come from the director');
    const [before, after] = [viewOf(came), viewOf(left)];
    hold(before !== undefined && after !== undefined, 'it is no IP packet');
    const isBack = sameBytes(left, 0, came, 6, 6);
    if (isBack && isOwnError(before, after)) {
      this.noteHalted(came);
      return this.checkOwnError(before, after);
    }
    const carried = isBack && isErrorOf(before) ? carriedIn(before) : undefined;
    if (carried) return checkTunnelError(carried, after);
    const to = macNumber(left, 0);
    const behind = left[0] === 2 && left[1] === 5 ? this.world.byMac.get(to) : undefined;
    if (behind) return this.checkForwarded(before, after, behind);
    hold(this.routers.has(to), 'it goes to nobody');
    // An error may come from any router on the way to a server, also from the clients'.
    if (isBack && !isErrorOf(before)) return this.checkProxyAnswer(before, after);
    return this.checkReply(before, after);
  }

  private checkForwarded(before: View, after: View, behind: Behind): Fate {
    const { method } = behind.server;
    hold(behind.present, 'it goes to a server that was deleted');
    const isError = isErrorOf(before);
    const asked = isError ? quotedIn(before) : before;
    hold(asked !== undefined, 'it quotes nothing');
    // What an error quotes came from the virtual endpoint.
    hold(isFor(behind.virtual, asked, isError), 'it goes to a server of another service');
    if (isError)
      hold(sameBytes(asked.bytes, asked.addresses, before.bytes, before.addresses + before.size, before.size), 'no error of ours');
    if (method === 'dr') checkUntouched(before, after);
    else if (method === 'tun') checkTunnel(before, after, behind);
    else if (isError) checkTranslatedError(before, after, behind, this.world);
    else this.checkTranslated(before, after, behind);
    return fateOf(isError ? 'error' : 'forwarded', behind);
  }

  private checkTranslated(before: View, after: View, behind: Behind): void {
    const { virtual, server, address } = behind;
    const isFull = server.method === 'fullnat';
    hold(sameBytes(after.bytes, after.addresses + after.size, address, 0, after.size), 'the destination is not the server');
    const source = after.bytes.subarray(after.addresses, after.addresses + after.size);
    if (isFull)
      hold(
        this.world.locals[after.family].some((local) => Buffer.compare(local, source) === 0),
        'the source is not local',
      );
    else hold(sameBytes(before.bytes, before.addresses, source, 0, source.length), 'the source changed');
    const grown = after.end - after.at - (before.end - before.at);
    if (virtual.service.defence?.synProxy && flagsOf(after) === SYN && flagsOf(before) !== SYN)
      return this.checkHandshake(before, after, behind);
    hold(grown === 0 || (isFull && grown === TOA_LENGTH[after.family]), 'the length changed');
    checkHop(before, after);
    checkHeaderKept(before, after, grown);
    if (before.isLater) return hold(isBodyKept(before, after, before.body, 0), 'a later fragment changed');
    const [from, to] = [word(after.bytes, after.body), word(after.bytes, after.body + 2)];
    hold(to === (server.port || word(before.bytes, before.body + 2)), 'the port is not the server’s');
    if (!isFull) hold(from === word(before.bytes, before.body), 'the client’s port changed');
    else {
      if (grown) checkOption(before, after);
      this.noteWay(before, after, behind);
    }
    checkSums(before, after);
    if (before.protocol === PROTOCOL.tcp) checkSegment(before, after, behind, grown);
    else hold(isPayloadKept(before, after), 'the payload changed');
  }

  /** The SYN proxy's SYN to the server, in the frame of the client's acknowledgement. */
  private checkHandshake(before: View, after: View, behind: Behind): void {
    hold(before.protocol === PROTOCOL.tcp && after.protocol === PROTOCOL.tcp, 'a handshake out of nothing');
    hold(((flagsOf(before) as number) & SYN_ACK) === ACK, 'nobody finished the handshake with the client');
    if (behind.server.method === 'fullnat') this.noteWay(before, after, behind);
    else hold(word(before.bytes, before.body) === word(after.bytes, after.body), 'the client’s port changed');
    hold(word(after.bytes, after.body + 2) === behind.server.port, 'the port is not the server’s');
    hold(bodyError(after, true) === 0, 'the SYN’s checksum is wrong');
    if (after.family === 4) hold(headerError(after) === headerError(before), 'the header’s checksum is not as right as it was');
  }

  /** Whose local endpoint it is from now on. */
  private noteWay(before: View, after: View, { address }: Behind): void {
    const [from, to] = [word(after.bytes, after.body), word(after.bytes, after.body + 2)];
    hold(from >= LOCAL_PORTS.first && from <= LOCAL_PORTS.last, 'the port is not local');
    const client = before.bytes.slice(before.addresses, before.addresses + before.size);
    const local = after.bytes.subarray(after.addresses, after.addresses + after.size);
    this.ways.set(wayOf(after.protocol, address, to, local, from), { address: client, port: word(before.bytes, before.body) });
    this.halted.delete(answerEnds(before, before.addresses + before.size, before.body + 2, before.addresses, before.body));
  }

  private checkReply(before: View, after: View): Fate {
    const isError = isErrorOf(before);
    const asked = isError ? quotedIn(before) : before;
    hold(asked !== undefined, 'it quotes nothing');
    const end = isError ? asked.addresses + asked.size : asked.addresses;
    const address = asked.bytes.subarray(end, end + asked.size);
    const behind = this.world.servers.find(
      (one) => sameBytes(one.address, 0, address, 0, address.length) && one.address.length === address.length,
    );
    hold(behind !== undefined && behind.virtual.family === before.family, 'it is sent back and no reply');
    hold(behind.server.method === 'nat' || behind.server.method === 'fullnat', 'it replies for a server that does so itself');
    checkHop(before, after);
    if (isError) return checkRepliedError(before, after, asked, behind);
    const { virtual, server } = behind;
    hold(isWithin(virtual, after.bytes, after.addresses), 'the reply is not from the virtual address');
    hold(
      isNamedByAddresses(before) || virtual.protocols.some((name) => PROTOCOL[name] === after.protocol),
      'the reply is of another protocol',
    );
    if (server.method === 'nat') {
      hold(
        sameBytes(before.bytes, before.addresses + before.size, after.bytes, after.addresses + after.size, after.size),
        'its addressee changed',
      );
    }
    if (before.isLater) {
      hold(isBodyKept(before, after, before.body, 0), 'a later fragment changed');
      return fateOf('replied', behind);
    }
    const from = word(after.bytes, after.body);
    hold(virtual.port ? from === virtual.port : from > 0 || !server.port, 'the reply is not from the virtual port');
    if (server.port) hold(word(before.bytes, before.body) === server.port, 'another port of the server replies');
    if (server.method === 'fullnat') this.checkClient(before, after, behind);
    else hold(word(before.bytes, before.body + 2) === word(after.bytes, after.body + 2), 'the client’s port changed');
    if (virtual.service.defence?.synProxy && (flagsOf(before) ?? 0) & SYN) {
      hold(after.family === 6 || headerError(after) === headerError(before), 'the header’s checksum is not as right as it was');
      hold(bodyError(after, true) === 0, 'the segment’s checksum is wrong');
      return `handed over IPv${after.family}`;
    }
    hold(after.end - after.at === before.end - before.at, 'the length changed');
    checkHeaderKept(before, after, 0);
    checkSums(before, after);
    hold(isPayloadKept(before, after), 'the payload changed');
    return fateOf('replied', behind);
  }

  private checkClient(before: View, after: View, { address }: Behind): void {
    const local = before.bytes.subarray(before.addresses + before.size, before.addresses + 2 * before.size);
    const ends = [word(before.bytes, before.body), word(before.bytes, before.body + 2)] as const;
    const client = this.ways.get(wayOf(before.protocol, address, ends[0], local, ends[1]));
    const port = word(after.bytes, after.body + 2);
    const to = after.addresses + after.size;
    if (client?.port === port && sameBytes(client.address, 0, after.bytes, to, after.size)) return;
    const answer = answerEnds(after, after.addresses, after.body, to, after.body + 2);
    hold(this.halted.has(answer), client ? 'the reply is for another client' : 'nobody has that local endpoint');
    // The table alone knows the local endpoint of a connection of which nothing has been sent on.
    const owners = [...this.connections()].filter(
      (one) =>
        one.local?.port === ends[1] &&
        one.serverPort === ends[0] &&
        one.server.bytes.length === address.length &&
        sameBytes(one.local.address.bytes, 0, local, 0, local.length) &&
        sameBytes(one.server.bytes, 0, address, 0, address.length) &&
        one.protocol !== 'ip' &&
        PROTOCOL[one.protocol] === before.protocol,
    );
    hold(owners.length === 1, `${owners.length} connections have that local endpoint`);
    const [{ client: owner, clientPort }] = owners as [ConnectionStatus];
    hold(
      clientPort === port && sameBytes(owner.bytes, 0, after.bytes, to, after.size),
      'the reply is for another client than the table has',
    );
  }

  private checkOwnError(before: View, after: View): Fate {
    hold(OWN_ERRORS[after.family].has(word(after.bytes, after.body)), 'the director sends no such error');
    hold(!isErrorOf(before), 'it is an error about an error');
    hold(!before.isLater, 'it is an error about a later fragment');
    hold(headerError(after) === 0 || after.family === 6, 'the error’s header has a wrong checksum');
    hold(bodyError(after, after.family === 6) === 0, 'the error’s checksum is wrong');
    const { size } = before;
    hold(sameBytes(after.bytes, after.addresses + size, before.bytes, before.addresses, size), 'the error is not for the sender');
    const fromDestination = sameBytes(after.bytes, after.addresses, before.bytes, before.addresses + size, size);
    hold(fromDestination || this.world.virtuals.some((one) => isWithin(one, after.bytes, after.addresses)), 'the error is from nobody');
    // Of the TCP header the SYN proxy may have changed numbers.
    hold(sameBytes(before.bytes, before.at, after.bytes, after.body + 8, before.body - before.at + 4), 'the error quotes something else');
    return `rejected IPv${after.family}`;
  }

  /** The SYN proxy answers a SYN for its server. */
  private checkProxyAnswer(before: View, after: View): Fate {
    const service = this.world.virtuals.find((virtual) => virtual.service.defence?.synProxy && isFor(virtual, before, false));
    hold(service !== undefined, 'it is reflected');
    hold(((flagsOf(before) as number) & SYN_ACK) === SYN && flagsOf(after) === SYN_ACK, 'nobody asked for this answer');
    const { size } = before;
    hold(sameBytes(after.bytes, after.addresses, before.bytes, before.addresses + size, size), 'the answer is from another address');
    hold(sameBytes(after.bytes, after.addresses + size, before.bytes, before.addresses, size), 'the answer is for another address');
    hold(word(after.bytes, after.body) === word(before.bytes, before.body + 2), 'the answer is from another port');
    hold(word(after.bytes, after.body + 2) === word(before.bytes, before.body), 'the answer is for another port');
    hold(bodyError(after, true) === 0, 'the answer’s checksum is wrong');
    return `${service.port === 443 ? 'cookie' : 'challenge'} IPv${after.family}`;
  }
}

const wayOf = (protocol: number, server: Uint8Array, serverPort: number, local: Uint8Array, port: number): string =>
  `${protocol} ${server} ${serverPort} ${local} ${port}`;

/** The ends of an answer, from the virtual endpoint to the client's, by where the two lie in a frame. */
const answerEnds = ({ bytes, protocol, size }: View, virtual: number, virtualPort: number, client: number, port: number): string =>
  `${protocol} ${bytes.subarray(virtual, virtual + size)} ${word(bytes, virtualPort)} ${bytes.subarray(client, client + size)} ${word(bytes, port)}`;

const icmpOf = (view: View): number => (view.family === 4 ? PROTOCOL.icmp : PROTOCOL.icmp6);

function isErrorOf(view: View): boolean {
  if (view.isLater || view.protocol !== icmpOf(view) || view.end < view.body + 8) return false;
  const type = view.bytes[view.body] as number;
  return view.family === 4 ? ERRORS.has(type) : type < INFORMATION6;
}

/** Whether the director says this itself: the packet that came in is what it quotes. */
function isOwnError(before: View, after: View): boolean {
  if (before.family !== after.family || !isErrorOf(after)) return false;
  const length = before.body - before.at;
  return after.end >= after.body + 8 + length && sameBytes(after.bytes, after.body + 8, before.bytes, before.at, length);
}

/** With its ports, before the packet ends. */
function quotedIn(view: View): View | undefined {
  const quoted = view.body + 28 > view.end ? undefined : viewOf(view.bytes, view.body + 8);
  return quoted && quoted.body + 4 <= view.end ? quoted : undefined;
}

/** What an error to the director quotes of a packet that one of its tunnels carried. */
function carriedIn(error: View): View | undefined {
  const quoted = quotedIn(error);
  if (!quoted || !TUNNEL_SOURCES.some(({ bytes }) => sameBytes(bytes, 0, error.bytes, error.addresses + error.size, error.size)))
    return undefined;
  const { bytes, body, protocol } = quoted;
  const between = { [IPIP]: 0, [IP6_IN_IP]: 0, [GRE]: (bytes[body] as number) & 0x80 ? 8 : 4, [PROTOCOL.udp]: 12 }[protocol];
  return between === undefined || body + between + 20 > error.end ? undefined : viewOf(bytes, body + between);
}

/** The client whose packet it was is told, from the virtual address, and as much of his packet as came is quoted. */
function checkTunnelError(carried: View, after: View): Fate {
  hold(isErrorOf(after) && after.family === carried.family, 'the client is told nothing');
  hold(
    sameBytes(after.bytes, after.addresses, carried.bytes, carried.addresses + carried.size, carried.size),
    'not from the virtual address',
  );
  hold(sameBytes(after.bytes, after.addresses + after.size, carried.bytes, carried.addresses, carried.size), 'somebody else is told');
  hold(sameBytes(after.bytes, after.body + 8, carried.bytes, carried.at, after.end - after.body - 8), 'the quotation was changed');
  return `told IPv${after.family}`;
}

const flagsOf = (view: View): number | undefined =>
  view.protocol === PROTOCOL.tcp && !view.isLater ? (view.bytes[view.body + 13] as number) & 0x3f : undefined;

function isWithin(virtual: Virtual, bytes: Uint8Array, at: number): boolean {
  return sameBytes(virtual.address, 0, bytes, at, virtual.prefixBytes);
}

/** IPv6 puts fragments together by addresses and number alone (RFC 8200, 4.5). */
const isNamedByAddresses = (view: View): boolean => view.isLater && view.family === 6;

/** Whether the packet is for the service; what an error quotes is from it. */
function isFor(virtual: Virtual, view: View, isQuoted: boolean): boolean {
  if (view.family !== virtual.family || !isWithin(virtual, view.bytes, isQuoted ? view.addresses : view.addresses + view.size))
    return false;
  if (isNamedByAddresses(view)) return true;
  if (!virtual.protocols.some((name) => PROTOCOL[name] === view.protocol)) return false;
  return !virtual.port || view.isLater || word(view.bytes, isQuoted ? view.body : view.body + 2) === virtual.port;
}

/** And whether an answer would show from whom it is. */
const isRequestTo = (virtual: Virtual, view: View): boolean => !view.isLater && view.end >= view.body + 4 && isFor(virtual, view, false);

/** An error about a reply, for a server that knows the reply under its own endpoint. */
function checkTranslatedError(before: View, after: View, { server, address }: Behind, world: World): void {
  checkHop(before, after);
  const [was, is] = [quotedIn(before), quotedIn(after)];
  hold(was !== undefined && is !== undefined, 'nothing is quoted');
  hold(sameBytes(after.bytes, after.addresses + after.size, address, 0, after.size), 'the destination is not the server');
  hold(sameBytes(is.bytes, is.addresses, address, 0, is.size), 'the quoted source is not the server');
  hold(word(is.bytes, is.body) === (server.port || word(was.bytes, was.body)), 'the quoted port is not the server’s');
  const quotedEnd = is.addresses + is.size;
  if (server.method === 'nat')
    hold(sameBytes(was.bytes, was.addresses + was.size, is.bytes, quotedEnd, is.size), 'the quoted client changed');
  else
    hold(
      world.locals[is.family].some((local) => sameBytes(local, 0, is.bytes, quotedEnd, is.size)),
      'the quoted client is not local',
    );
  checkErrorSums(before, after, was, is);
}

function checkErrorSums(before: View, after: View, was: View, is: View): void {
  hold(before.end - before.at === after.end - after.at, 'the length changed');
  if (was.family === 4) {
    hold(headerError(before) === headerError(after), 'the header’s checksum is not as right as it was');
    hold(headerError(was) === headerError(is), 'the quoted header’s checksum is not as right as it was');
  }
  const isPseudo = before.family === 6;
  hold(bodyError(before, isPseudo) === bodyError(after, isPseudo), 'the error’s checksum is not as right as it was');
}

/** An error about what a server was sent, for the client, who knows it under the virtual endpoint. */
function checkRepliedError(before: View, after: View, was: View, behind: Behind): Fate {
  const { virtual, server } = behind;
  const is = quotedIn(after);
  hold(is !== undefined, 'nothing is quoted');
  hold(isWithin(virtual, after.bytes, after.addresses), 'the error is not from the virtual address');
  hold(isWithin(virtual, is.bytes, is.addresses + is.size), 'the quoted destination is not virtual');
  hold(sameBytes(is.bytes, is.addresses, after.bytes, after.addresses + after.size, is.size), 'the error is not for the quoted client');
  if (server.port) hold(word(was.bytes, was.body + 2) === server.port, 'the error is about another port of the server');
  if (virtual.port) hold(word(is.bytes, is.body + 2) === virtual.port, 'the quoted port is not virtual');
  checkErrorSums(before, after, was, is);
  return fateOf('error', behind);
}
