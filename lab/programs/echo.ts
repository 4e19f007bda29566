/**
 * Sends back whatever comes, over TCP and over UDP, at one place or several (`--listen A,B`). A datagram's answer leaves from the address that
 * it came to, for the socket is bound to it.
 */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { emit, hostAndPort, parsePairs, required } from './arguments.ts';

async function echoAt({ host, port }: ReturnType<typeof hostAndPort>): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  const datagrams = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  datagrams.on('message', (message, sender) => datagrams.send(message, sender.port, sender.address));
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  await new Promise<void>((resolve) => datagrams.bind(port, host, resolve));
}

await Promise.all(
  required(parsePairs(process.argv.slice(2)), 'listen')
    .split(',')
    .map(hostAndPort)
    .map(echoAt),
);
emit({ event: 'ready' });
