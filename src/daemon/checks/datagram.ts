/** Connected UDP sockets of checks: only the server's datagrams come in, and ICMP errors come as errors. */
import { createSocket } from 'node:dgram';
import type { OpenConnection } from '../../check/index.ts';
import { type Carrier, type Emit, faultOf } from './carrier.ts';

export function openDatagrams({ address, port, bindAddress, bindPort }: OpenConnection, emit: Emit): Carrier {
  const socket = createSocket(address.family === 4 ? 'udp4' : 'udp6');
  const bound = bindAddress !== undefined || bindPort !== undefined;
  const refused = (error: NodeJS.ErrnoException): void => emit(faultOf(error, bound));
  let closed = false;
  socket.on('error', refused);
  socket.on('message', (bytes) => emit({ type: 'data', bytes }));
  socket.on('connect', () => emit({ type: 'connected' }));
  const connect = (): void => {
    if (!closed) socket.connect(port, `${address}`);
  };
  if (bound) socket.bind({ ...(bindAddress && { address: `${bindAddress}` }), ...(bindPort !== undefined && { port: bindPort }) }, connect);
  else connect();
  return {
    send: (bytes) =>
      socket.send(bytes, (error) => {
        if (error && !closed) refused(error);
      }),
    close: () => {
      closed = true;
      socket.removeAllListeners();
      socket.on('error', () => {});
      socket.close();
    },
  };
}
