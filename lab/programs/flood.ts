/**
 * Sends a number of SYNs from random sources, as fast as this machine's kernel does, and ends: `summary` with the time that it took. The other
 * end of the card must be ready for frames that no stack has sent (`Lab.openForFloods`).
 */
import { IpAddress } from '../../src/base/index.ts';
import { BpfObject } from '../../src/os/bpf/index.ts';
import { Rtnetlink } from '../../src/os/netlink/index.ts';
import { ETHERTYPE_IPV4, encodeEthernet, encodeIpv4, internetChecksum, ipv4PseudoHeader, parseMac } from '../../src/wire/index.ts';
import { compiled } from '../paths.ts';
import { emit, hostAndPort, integer, parsePairs, required } from './arguments.ts';

const TCP = 6;
/** struct xdp_md: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex. */
const CONTEXT_SIZE = 24;
/** To the least length of a frame. */
const PADDING = new Uint8Array(6);
/** Of any source: the program puts in others. */
const SOURCE = IpAddress.parse('11.0.0.1') as IpAddress;
/** Sent in one call of the kernel: other work on this processor has to wait no longer than that takes. */
const AT_ONCE = 20_000;

const pairs = parsePairs(process.argv.slice(2));
const { host, port } = hostAndPort(required(pairs, 'target'));
const target = IpAddress.parse(host) as IpAddress;
const destination = parseMac(required(pairs, 'mac')) as Uint8Array;
const count = integer(pairs, 'count', 1_000_000);

function syn(): Uint8Array {
  const segment = Buffer.alloc(20);
  segment.writeUInt16BE(1024, 0);
  segment.writeUInt16BE(port, 2);
  segment.set([0x50, 0x02, 0xff, 0xff], 12);
  const pseudo = ipv4PseudoHeader(SOURCE, target, TCP, segment.length);
  segment.writeUInt16BE(internetChecksum(Uint8Array.of(...pseudo, ...segment)), 16);
  const fixed = { typeOfService: 0, identification: 0, dontFragment: true, moreFragments: false, fragmentOffset: 0, ttl: 64 };
  return encodeIpv4({ ...fixed, protocol: TCP, source: SOURCE, destination: target, options: new Uint8Array() }, segment);
}

const card = new Rtnetlink().link('eth0');
if (!card?.mac) throw new Error('there is no eth0');
const data = Uint8Array.of(...encodeEthernet({ destination, source: card.mac, etherType: ETHERTYPE_IPV4 }, syn()), ...PADDING);
const context = new Uint8Array(CONTEXT_SIZE);
new DataView(context.buffer).setUint32(4, data.length, true);
new DataView(context.buffer).setUint32(12, card.index, true);
const object = BpfObject.load(compiled('bpf/flood.bpf.o'), new Set());
const template = object.map('.data.syn').mapped().bytes;
template.set(data.subarray(0, template.length));
const program = object.program('flood');
const started = performance.now();
for (let sent = 0; sent < count; sent += AT_ONCE)
  program.testRun({ data, context, repeat: Math.min(AT_ONCE, count - sent), liveFrames: true });
emit({ event: 'summary', sent: count, seconds: (performance.now() - started) / 1000 });
process.exit(0);
