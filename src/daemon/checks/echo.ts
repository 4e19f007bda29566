/** ICMP echo sockets of checks. */
import type { OpenConnection } from '../../check/index.ts';
import type { AsyncPoller } from '../../os/reactor/index.ts';
import { PingSocket } from '../../os/sockets/index.ts';
import { type Carrier, type Emit, faultOf } from './carrier.ts';

export function openEcho({ address, bindAddress }: OpenConnection, poller: AsyncPoller, emit: Emit): Carrier {
  const bound = bindAddress !== undefined;
  let socket: PingSocket;
  try {
    socket = new PingSocket(address, bindAddress);
  } catch (error) {
    const timer = setImmediate(() => emit(faultOf(error as NodeJS.ErrnoException, bound)));
    return { send: () => {}, close: () => clearImmediate(timer) };
  }
  let open = true;
  const drain = (): void => {
    while (open) {
      const bytes = socket.receive();
      if (!bytes) return;
      emit({ type: 'data', bytes });
    }
  };
  poller.add(socket.fd, drain);
  const ready = setImmediate(() => emit({ type: 'connected' }));
  return {
    send: (bytes) => {
      const error = socket.send(bytes);
      if (error) setImmediate(() => open && emit(faultOf(error, bound)));
    },
    close: () => {
      open = false;
      clearImmediate(ready);
      poller.remove(socket.fd);
      socket.close();
    },
  };
}
