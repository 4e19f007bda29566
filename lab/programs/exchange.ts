/**
 * Sends bytes to an echo, or to several (`--target A,B`) at once, and compares what comes back with them, byte by byte: one `summary` for each,
 * in their order. TCP sends them once and trusts the stack; a datagram is sent again when nothing came for a second, as programs that use
 * datagrams do: the first may be the one by which a path's MTU is found out.
 */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { emit, hostAndPort, integer, parsePairs, required } from './arguments.ts';

const ATTEMPTS = 5;
const DATAGRAM_PATIENCE_MS = 1000;
const CONNECTION_PATIENCE_MS = 20_000;

const pairs = parsePairs(process.argv.slice(2));
const targets = required(pairs, 'target').split(',').map(hostAndPort);
const length = integer(pairs, 'bytes', 1);
/** No two places within 64 KiB of each other look alike: what is cut, doubled or out of order shows. */
const sent = Buffer.from(Uint16Array.from({ length: Math.ceil(length / 2) }, (_, index) => index * 40_503).buffer).subarray(0, length);

type Endpoint = ReturnType<typeof hostAndPort>;

/** The answer, or the reason why there is none. */
function overTcp({ host, port }: Endpoint): Promise<Buffer | string> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    const socket = connect({ host, port }, () => socket.end(sent));
    socket.setTimeout(CONNECTION_PATIENCE_MS, () => socket.destroy(new Error('silence')));
    socket.on('data', (part: Buffer) => parts.push(part));
    socket.on('end', () => resolve(Buffer.concat(parts)));
    socket.on('error', (error) => resolve(error.message));
  });
}

function overUdp({ host, port }: Endpoint): Promise<Buffer | string> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const finish = (result: Buffer | string): void => {
      clearTimeout(timer);
      socket.close();
      resolve(result);
    };
    const timer = setTimeout(() => finish('silence'), DATAGRAM_PATIENCE_MS);
    socket.on('message', finish);
    // One connected socket a try: an answer from another address would not be taken for one.
    socket.on('error', (error) => finish(error.message));
    socket.connect(port, host, () => socket.send(sent));
  });
}

const isTcp = required(pairs, 'protocol') === 'tcp';

async function outcomeOf(target: Endpoint): Promise<{ readonly matched: boolean } & Readonly<Record<string, unknown>>> {
  let result: Buffer | string = 'nothing was tried';
  let attempts = 0;
  while (attempts < (isTcp ? 1 : ATTEMPTS) && typeof result === 'string') {
    attempts += 1;
    result = await (isTcp ? overTcp(target) : overUdp(target));
  }
  const matched = typeof result !== 'string' && sent.equals(result);
  return { event: 'summary', matched, attempts, ...(typeof result === 'string' ? { reason: result } : { received: result.length }) };
}

const outcomes = await Promise.all(targets.map(outcomeOf));
for (const outcome of outcomes) emit(outcome);
process.exit(outcomes.every(({ matched }) => matched) ? 0 : 1);
