/** Processes of the whole host as they come and go, from the kernel's process connector: nothing is polled. */
import {
  CN_IDX_PROC,
  decodeNetlinkMessages,
  decodeProcessEvent,
  encodeNetlinkMessage,
  encodeProcessSubscription,
  NLMSG_DONE,
  type ProcessEvent,
} from '../../wire/index.ts';
import {
  AF_NETLINK,
  bind,
  close,
  ENOBUFS,
  encodeNetlinkAddress,
  receive,
  SOCK_DGRAM,
  SystemError,
  sendTo,
  setSocketOption,
  socket,
} from '../ffi/index.ts';

const NETLINK_CONNECTOR = 11;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
/** A build that forks thousands of processes must not make us miss one. */
const RECEIVE_BUFFER = 4 * 1024 * 1024;
const BUFFER_LENGTH = 8192;

export class ProcessMonitor {
  /** Non-blocking; readable when `read` has something. */
  readonly fd: number;
  private readonly buffer = new Uint8Array(BUFFER_LENGTH);

  /** Throws SystemError: ECONNREFUSED in a network namespace other than the host's, EPERM without CAP_NET_ADMIN. */
  constructor() {
    this.fd = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_CONNECTOR);
    try {
      setSocketOption(this.fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER);
      bind(this.fd, encodeNetlinkAddress(0, CN_IDX_PROC));
      const payload = encodeProcessSubscription();
      const request = encodeNetlinkMessage({ type: NLMSG_DONE, flags: 0, sequence: 0, portId: 0, payload });
      const failure = sendTo(this.fd, request, encodeNetlinkAddress());
      if (failure) throw failure;
    } catch (error) {
      close(this.fd);
      throw error;
    }
  }

  /** Everything that has arrived, in order; never blocks. `overrun`: events were lost, look at /proc again. */
  read(): { readonly events: readonly ProcessEvent[]; readonly overrun: boolean } {
    const events: ProcessEvent[] = [];
    let overrun = false;
    for (;;) {
      try {
        const length = receive(this.fd, this.buffer);
        if (length === undefined) return { events, overrun };
        const decoded = decodeNetlinkMessages(this.buffer.subarray(0, length));
        for (const message of decoded.ok ? decoded.value : []) {
          const event = decodeProcessEvent(message.payload);
          if (event.ok && event.value) events.push(event.value);
        }
      } catch (error) {
        if (!(error instanceof SystemError) || error.errno !== ENOBUFS) throw error;
        overrun = true;
      }
    }
  }

  close(): void {
    close(this.fd);
  }
}
