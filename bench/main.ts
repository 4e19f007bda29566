/** `npm run bench -- NAME [options]`: one benchmark, ours and its peers in one run. */
import { run as config } from './config/index.ts';
import { run as failover } from './failover/index.ts';
import { run as http } from './http/index.ts';
import { run as kernel } from './kernel/index.ts';
import { run as packetPath } from './packet-path/index.ts';
import { run as routers } from './routers/index.ts';

const BENCHES: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  'packet-path': packetPath,
  kernel,
  http,
  config,
  failover,
  routers,
};

const USAGE = `Usage: npm run bench -- packet-path|kernel|http|config|failover|routers [options] [--json]

  packet-path   ns per packet of the packet path beside a textbook balancer on an LRU map
  kernel        packets per second beside the kernel's IPVS, in a virtual machine
  http          requests per second in the lab beside a direct connection, haproxy and nginx
  config        reading a configuration of 10,000 real servers beside keepalived -t
  failover      how long a client has no answer when a director dies, beside keepalived
  routers       a thousand virtual routers in one daemon, and a reload of one of them, beside keepalived
`;

const [name = '', ...args] = process.argv.slice(2);
const bench = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
if (bench) {
  await bench(args);
} else {
  process.stderr.write(USAGE);
  process.exitCode = 2;
}
