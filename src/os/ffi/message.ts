/** Datagrams with what the kernel knows of them besides their bytes: where from, where to, by which interface, how far (recvmsg(2), cmsg(3)). */
import { HOST_IS_LITTLE_ENDIAN, viewOf } from '../../wire/index.ts';
import { EAGAIN, EINTR, SystemError } from './errno.ts';
import { addressOf, lastErrno, libc } from './library.ts';

const native = { recvmsg: libc.func('recvmsg', 'long', ['int', 'void *', 'int']) };

/** `struct msghdr` and `struct iovec` on 64-bit machines, which are the ones that Node runs on. */
const HEADER_LENGTH = 56;
const VECTOR_LENGTH = 16;
const CONTROL_LENGTH = 256;
const CONTROL_HEADER_LENGTH = 16;
const ADDRESS_LENGTH = 128;

/** One piece of ancillary data. The bytes are the receiver's own: they change with the next datagram. */
export interface ControlMessage {
  readonly level: number;
  readonly type: number;
  readonly data: Uint8Array;
}

export interface ReceivedMessage {
  /** The datagram; the receiver's own memory, which changes with the next one. */
  readonly bytes: Uint8Array;
  /** The sender's sockaddr. */
  readonly address: Uint8Array;
  readonly control: readonly ControlMessage[];
}

/** The memory that one socket's datagrams are received into. */
export class MessageReceiver {
  private readonly buffer: Uint8Array;
  private readonly address = new Uint8Array(ADDRESS_LENGTH);
  private readonly control = new Uint8Array(CONTROL_LENGTH);
  private readonly vector = new Uint8Array(VECTOR_LENGTH);
  private readonly header = new Uint8Array(HEADER_LENGTH);
  private readonly headerView = viewOf(this.header);

  /** Datagrams longer than `length` are cut. */
  constructor(length: number) {
    this.buffer = new Uint8Array(length);
    const vector = viewOf(this.vector);
    vector.setBigUint64(0, addressOf(this.buffer), HOST_IS_LITTLE_ENDIAN);
    vector.setBigUint64(8, BigInt(length), HOST_IS_LITTLE_ENDIAN);
    this.headerView.setBigUint64(0, addressOf(this.address), HOST_IS_LITTLE_ENDIAN);
    this.headerView.setBigUint64(16, addressOf(this.vector), HOST_IS_LITTLE_ENDIAN);
    this.headerView.setBigUint64(24, 1n, HOST_IS_LITTLE_ENDIAN);
    this.headerView.setBigUint64(32, addressOf(this.control), HOST_IS_LITTLE_ENDIAN);
  }

  /** The next datagram of a non-blocking socket, or undefined when none is waiting. Throws SystemError for an error queued on the socket. */
  receive(fd: number): ReceivedMessage | undefined {
    this.headerView.setUint32(8, ADDRESS_LENGTH, HOST_IS_LITTLE_ENDIAN);
    this.headerView.setBigUint64(40, BigInt(CONTROL_LENGTH), HOST_IS_LITTLE_ENDIAN);
    const length = native.recvmsg(fd, this.header, 0) as number;
    if (length < 0) {
      const errno = lastErrno();
      if (errno === EAGAIN || errno === EINTR) return undefined;
      throw new SystemError('recvmsg', errno);
    }
    return {
      bytes: this.buffer.subarray(0, length),
      address: this.address.subarray(0, this.headerView.getUint32(8, HOST_IS_LITTLE_ENDIAN)),
      control: this.readControl(),
    };
  }

  private readControl(): ControlMessage[] {
    const end = Number(this.headerView.getBigUint64(40, HOST_IS_LITTLE_ENDIAN));
    const view = viewOf(this.control);
    const messages: ControlMessage[] = [];
    for (let at = 0; at + CONTROL_HEADER_LENGTH <= end; ) {
      const length = Number(view.getBigUint64(at, HOST_IS_LITTLE_ENDIAN));
      if (length < CONTROL_HEADER_LENGTH) break;
      messages.push({
        level: view.getInt32(at + 8, HOST_IS_LITTLE_ENDIAN),
        type: view.getInt32(at + 12, HOST_IS_LITTLE_ENDIAN),
        data: this.control.subarray(at + CONTROL_HEADER_LENGTH, at + length),
      });
      at += (length + 7) & ~7;
    }
    return messages;
  }
}
