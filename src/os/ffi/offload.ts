/** What a network card does for the stack (ethtool(8)'s features), by the ioctl that every kernel has. */
import { AF_INET } from '../../wire/index.ts';
import { checked } from './errno.ts';
import { addressOf, libc } from './library.ts';
import { close, SOCK_DGRAM, socket } from './socket.ts';

const SIOCETHTOOL = 0x8946;
/** What can be switched, by ethtool's words. Segments are cut by the card only where it sums them up too, so `tx` stands for both. */
const COMMANDS = { tx: 0x17, gro: 0x2c } as const;
const GET_FLAGS = 0x25;
const SET_FLAGS = 0x26;
/** ETH_FLAG_RXVLAN: the card takes the tags of VLANs off the frames. */
const TAKES_TAGS = 1 << 8;
/** struct ifreq (netdevice(7)): the name, then a pointer to struct ethtool_value. */
const REQUEST_SIZE = 40;
const POINTER = 16;

const native = { ioctl: libc.func('ioctl', 'int', ['int', 'ulong', 'void *']) };

/** As `ethtool -K NAME tx|gro on|off`. Throws SystemError. */
export function setOffload(interfaceName: string, what: keyof typeof COMMANDS, on: boolean): void {
  ethtool(interfaceName, COMMANDS[what], on ? 1 : 0);
}

/** As `ethtool -K NAME rxvlan off`: frames keep the tags of their VLANs. False where the card does not let go of it. Throws SystemError. */
export function keepTags(interfaceName: string): boolean {
  const flags = ethtool(interfaceName, GET_FLAGS, 0);
  if (!(flags & TAKES_TAGS)) return true;
  ethtool(interfaceName, SET_FLAGS, flags & ~TAKES_TAGS);
  return !(ethtool(interfaceName, GET_FLAGS, 0) & TAKES_TAGS);
}

/** The value of struct ethtool_value after the call. */
function ethtool(interfaceName: string, command: number, given: number): number {
  const value = new Uint8Array(Uint32Array.of(command, given).buffer);
  const request = new Uint8Array(REQUEST_SIZE);
  request.set(new TextEncoder().encode(interfaceName));
  new BigUint64Array(request.buffer).set([addressOf(value)], POINTER / 8);
  const fd = socket(AF_INET, SOCK_DGRAM, 0);
  try {
    checked('SIOCETHTOOL', native.ioctl(fd, SIOCETHTOOL, request), interfaceName);
  } finally {
    close(fd);
  }
  return new DataView(value.buffer).getUint32(4, true);
}
