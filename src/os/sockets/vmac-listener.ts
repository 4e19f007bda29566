/**
 * Hears what other directors send with the MAC address of a virtual router that has a macvlan here. Linux hands a multicast frame whose
 * source is the MAC of a private macvlan to that macvlan alone, so that the interface below never sees it; and joining the group on
 * the macvlan would announce the shared MAC on our own port of the switch (IGMP, MLD). A packet socket hears it without joining.
 */
import type { IpFamily, Micros } from '../../base/index.ts';
import { concat, ETHERNET_HEADER_LENGTH, ETHERTYPE_IPV4, ETHERTYPE_IPV6, u16, u32, viewOf } from '../../wire/index.ts';
import {
  AF_PACKET,
  addressOf,
  bind,
  close,
  encodeLinkLayerAddress,
  receive,
  SOCK_RAW,
  SystemError,
  setSocketOption,
  sinceArrival,
  socket,
} from '../ffi/index.ts';
import { SOL_SOCKET } from './options.ts';

const SO_ATTACH_FILTER = 26;
const SOL_PACKET = 263;
const PACKET_IGNORE_OUTGOING = 23;
const BUFFER_LENGTH = 2048;

/** Instructions of the kernel's classic packet filter (linux/filter.h). */
const LOAD_WORD = 0x20;
const LOAD_HALF = 0x28;
const LOAD_BYTE = 0x30;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;

export interface VmacListenerOptions {
  /** The macvlan. */
  readonly interfaceIndex: number;
  readonly mac: Uint8Array;
  readonly family: IpFamily;
  /** IP protocol: 112, or 51. */
  readonly protocol: number;
}

export class VmacListener {
  /** Non-blocking; readable when `receive` has something. */
  readonly fd: number;
  private readonly buffer = new Uint8Array(BUFFER_LENGTH);

  /** Opens in the network namespace that the calling thread is in now. Throws SystemError. */
  constructor(options: VmacListenerOptions) {
    // Protocol 0 until the filter stands: nothing is queued that it would have refused.
    this.fd = socket(AF_PACKET, SOCK_RAW, 0);
    try {
      attachFilter(this.fd, filterFor(options));
      setSocketOption(this.fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
      bind(this.fd, encodeLinkLayerAddress(options.interfaceIndex, etherType(options.family), new Uint8Array(6)));
      this.waited();
    } catch (error) {
      close(this.fd);
      throw error;
    }
  }

  /** The next whole IP packet (a copy), or undefined when none is waiting. */
  receive(): Uint8Array | undefined {
    for (;;) {
      try {
        const length = receive(this.fd, this.buffer);
        return length === undefined ? undefined : this.buffer.slice(ETHERNET_HEADER_LENGTH, length);
      } catch (error) {
        // Reading the error that a link going down leaves takes it off the socket.
        if (!(error instanceof SystemError) || error.code !== 'ENETDOWN') throw error;
      }
    }
  }

  /** How long the packet that `receive` gave last had been here by then. See `sinceArrival`. */
  waited(): Micros {
    return sinceArrival(this.fd);
  }

  close(): void {
    close(this.fd);
  }
}

function etherType(family: IpFamily): number {
  return family === 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
}

type Instruction = readonly [code: number, value: number];

/** Source MAC, Ethernet type and IP protocol must be the wanted ones. */
function filterFor({ mac, family, protocol }: VmacListenerOptions): Uint8Array {
  const view = viewOf(mac);
  const checks: Instruction[] = [
    [LOAD_WORD, 6],
    [JUMP_IF_EQUAL, view.getUint32(0)],
    [LOAD_HALF, 10],
    [JUMP_IF_EQUAL, view.getUint16(4)],
    [LOAD_HALF, 12],
    [JUMP_IF_EQUAL, etherType(family)],
    [LOAD_BYTE, ETHERNET_HEADER_LENGTH + (family === 4 ? 9 : 6)],
    [JUMP_IF_EQUAL, protocol],
    [RETURN, 0xffff],
    [RETURN, 0],
  ];
  // A jump that fails goes to the last instruction, which refuses.
  const encode = ([code, value]: Instruction, at: number): Uint8Array =>
    concat([u16(code), Uint8Array.of(0, code === JUMP_IF_EQUAL ? checks.length - 2 - at : 0), u32(value)]);
  return concat(checks.map(encode));
}

/** `struct sock_fprog`: the number of instructions, and where they are. */
function attachFilter(fd: number, filter: Uint8Array): void {
  const program = new Uint8Array(16);
  program.set(u16(filter.length / 8), 0);
  program.set(new Uint8Array(BigUint64Array.of(addressOf(filter)).buffer), 8);
  setSocketOption(fd, SOL_SOCKET, SO_ATTACH_FILTER, program);
}
