/** Request and answer over one netlink socket, synchronously. Used by rtnetlink here and by any other netlink family. */
import {
  decodeAck,
  decodeNetlinkMessages,
  encodeNetlinkMessage,
  HOST_IS_LITTLE_ENDIAN,
  isNetlinkSuccess,
  NETLINK_HEADER_LENGTH,
  type NetlinkMessage,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  numberNetlinkMessage,
  viewOf,
} from '../../wire/index.ts';
import {
  AF_NETLINK,
  bind,
  close,
  encodeNetlinkAddress,
  MSG_TRUNC,
  receive,
  SOCK_RAW,
  SystemError,
  sendTo,
  setSocketOption,
  socket,
  socketName,
} from '../ffi/index.ts';

const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
const EBADMSG = 74;
const ETIMEDOUT = 110;

/** The kernel fills at most 32 KiB per datagram of a dump, and answers of a request are smaller. */
const BUFFER_LENGTH = 64 * 1024;
/** The kernel answers within the call that sends the request: waiting longer means that something is broken. */
const ANSWER_TIMEOUT_SECONDS = 2;
/** A dump that a concurrent change disturbed is asked for again so many times. */
const DUMP_ATTEMPTS = 8;

/** What `request` would send, for `perform`. */
export function encodeRequest(type: number, flags: number, payload: Uint8Array): Uint8Array {
  return encodeNetlinkMessage({ type, flags: flags | NLM_F_REQUEST | NLM_F_ACK, sequence: 0, portId: 0, payload });
}

export class NetlinkSocket {
  private readonly fd: number;
  private readonly portId: number;
  private readonly buffer = new Uint8Array(BUFFER_LENGTH);
  /** The beginning of the buffer, where the answer to a request is. */
  private readonly answer = new DataView(this.buffer.buffer, 0, NETLINK_HEADER_LENGTH + 4);
  private readonly kernel = encodeNetlinkAddress();
  private sequence = 0;

  /** `protocol` is NETLINK_ROUTE (0), NETLINK_GENERIC (16) … The socket belongs to the calling thread's network namespace for good. */
  constructor(protocol: number) {
    this.fd = socket(AF_NETLINK, SOCK_RAW, protocol, { blocking: true });
    setSocketOption(this.fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
    setSocketOption(this.fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
    setSocketOption(this.fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
    setSocketOption(this.fd, SOL_SOCKET, SO_RCVTIMEO, new Uint8Array(BigInt64Array.of(BigInt(ANSWER_TIMEOUT_SECONDS), 0n).buffer));
    bind(this.fd, encodeNetlinkAddress());
    this.portId = viewOf(socketName(this.fd)).getUint32(4, HOST_IS_LITTLE_ENDIAN);
  }

  /** Sends a request that the kernel acknowledges, and returns what it answered besides. Throws SystemError with the kernel's own words. */
  request(name: string, type: number, flags: number, payload: Uint8Array): readonly NetlinkMessage[] {
    return this.perform(name, encodeRequest(type, flags, payload));
  }

  /** The same with what `encodeRequest` has made beforehand, for who is in a hurry. It may be performed again. */
  perform(name: string, request: Uint8Array): readonly NetlinkMessage[] {
    return this.exchange(name, request).messages;
  }

  /** Reads a whole table, again when it changed meanwhile. Throws SystemError (EBADMSG when it never held still). */
  dump(name: string, type: number, payload: Uint8Array): readonly NetlinkMessage[] {
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      const request = encodeNetlinkMessage({ type, flags: NLM_F_REQUEST | NLM_F_DUMP, sequence: 0, portId: 0, payload });
      const answer = this.exchange(name, request);
      if (!answer.interrupted) return answer.messages;
    }
    throw new SystemError(name, EBADMSG, 'the table kept changing while it was read');
  }

  close(): void {
    close(this.fd);
  }

  private exchange(name: string, request: Uint8Array): { messages: NetlinkMessage[]; interrupted: boolean } {
    this.sequence = (this.sequence + 1) >>> 0;
    numberNetlinkMessage(request, this.sequence);
    const failure = sendTo(this.fd, request, this.kernel);
    if (failure) throw failure;
    const messages: NetlinkMessage[] = [];
    let interrupted = false;
    for (;;) {
      const length = this.receive(name);
      if (length >= this.answer.byteLength && isNetlinkSuccess(this.answer, this.sequence, this.portId)) return { messages, interrupted };
      for (const message of this.decode(name, length)) {
        // Answers to an earlier request that timed out are still in the queue, and are none of ours.
        if (message.sequence !== this.sequence || message.portId !== this.portId) continue;
        interrupted ||= (message.flags & NLM_F_DUMP_INTR) !== 0;
        if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
          checkAck(name, message);
          return { messages, interrupted };
        }
        messages.push(message);
      }
    }
  }

  /** The length of the next datagram, which is in the buffer then. */
  private receive(name: string): number {
    const length = receive(this.fd, this.buffer, MSG_TRUNC);
    if (length === undefined) throw new SystemError(name, ETIMEDOUT, 'the kernel did not answer');
    if (length > this.buffer.length) throw new SystemError(name, EBADMSG, `answer of ${length} bytes is too long`);
    return length;
  }

  private decode(name: string, length: number): readonly NetlinkMessage[] {
    const decoded = decodeNetlinkMessages(this.buffer.slice(0, length));
    if (!decoded.ok) throw new SystemError(name, EBADMSG, decoded.reason);
    return decoded.value;
  }
}

function checkAck(name: string, message: NetlinkMessage): void {
  const ack = decodeAck(message);
  if (!ack.ok) throw new SystemError(name, EBADMSG, ack.reason);
  if (ack.value.errno !== 0) throw new SystemError(name, ack.value.errno, ack.value.message);
}
