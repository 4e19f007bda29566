/** TCP connections of checks, with TLS where SSL_GET asks for it. */
import { readFileSync } from 'node:fs';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type SecureContextOptions } from 'node:tls';
import type { OpenConnection } from '../../check/index.ts';
import type { CheckTls } from '../../model/index.ts';
import { type Carrier, type Emit, faultOf } from './carrier.ts';

export function openStream(request: OpenConnection, emit: Emit): Carrier {
  const { address, port, bindAddress, bindPort, tls } = request;
  // No delay: the request is one small write. The host is an address, so nothing is looked up.
  const options = {
    host: `${address}`,
    port,
    family: address.family,
    noDelay: true,
    autoSelectFamily: false,
    ...(bindAddress && { localAddress: `${bindAddress}` }),
    ...(bindPort !== undefined && { localPort: bindPort }),
  };
  const bound = bindAddress !== undefined || bindPort !== undefined;
  if (!tls) return watch(connect(options), 'connect', bound, emit);
  let material: SecureContextOptions;
  try {
    material = readMaterial(tls);
  } catch (error) {
    return failing(error as NodeJS.ErrnoException, emit);
  }
  const { serverName } = tls;
  // As keepalived does, a certificate is asked for and not looked at: the check is about the server, not about who it is.
  const socket = connectTls({
    ...options,
    ...material,
    rejectUnauthorized: false,
    ...(serverName !== undefined && isIP(serverName) === 0 && { servername: serverName }),
  });
  return watch(socket, 'secureConnect', bound, emit);
}

/** Read anew for each handshake: a certificate may be renewed at any time. */
function readMaterial({ certificateFile, keyFile, authorityFile, keyPassword }: CheckTls): SecureContextOptions {
  return {
    ...(certificateFile !== undefined && { cert: readFileSync(certificateFile) }),
    ...(keyFile !== undefined && { key: readFileSync(keyFile) }),
    ...(authorityFile !== undefined && { ca: readFileSync(authorityFile) }),
    ...(keyPassword !== undefined && { passphrase: keyPassword }),
  };
}

function watch(socket: Socket, ready: 'connect' | 'secureConnect', bound: boolean, emit: Emit): Carrier {
  socket.on(ready, () => emit({ type: 'connected' }));
  // The engine consumes every piece before the next one is read, so a fast server fills no memory of ours.
  socket.on('data', (bytes: Buffer) => emit({ type: 'data', bytes }));
  socket.on('end', () => emit({ type: 'ended' }));
  socket.on('error', (error: NodeJS.ErrnoException) => emit(faultOf(error, bound)));
  return {
    send: (bytes) => void socket.write(bytes),
    close: () => {
      socket.removeAllListeners();
      // A reset that comes after our close concerns nobody, but an 'error' without a listener would end the process.
      socket.on('error', () => {});
      socket.destroy();
    },
  };
}

/** A file of the SSL block cannot be read. */
function failing(error: NodeJS.ErrnoException, emit: Emit): Carrier {
  const timer = setImmediate(() => emit({ type: 'broken', error: `${error.path ?? 'the SSL block'}: ${error.code ?? error.message}` }));
  return { send: () => {}, close: () => clearImmediate(timer) };
}
