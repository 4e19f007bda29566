import { describe, expect, it } from 'vitest';
import { service } from './services.test-helper.ts';

const of = (protocol: string): string => `lvs_sched rr\nlvs_method NAT\nprotocol ${protocol}`;

describe('the time-outs of a service', () => {
  it.each([
    ['TCP', '', undefined, []],
    ['TCP', 'timeout_tcp 3600', { tcp: 3_600_000_000 }, []],
    ['TCP', 'timeout_tcp 3600\ntimeout_tcp_fin 5', { tcp: 3_600_000_000, tcpFin: 5_000_000 }, []],
    ['UDP', 'timeout_udp 2678400', { udp: 2_678_400_000_000 }, []],
    ['TCP', 'timeout_tcp 10\ntimeout_tcp 20', { tcp: 20_000_000 }, ['6 warning config/repeated-keyword']],
    ['TCP', 'timeout_tcp 0', undefined, ['5 error config/out-of-range']],
    ['UDP', 'timeout_udp 2678401', undefined, ['5 error config/out-of-range']],
    ['UDP', 'timeout_tcp_fin 5', undefined, ['5 warning config/no-effect']],
    ['TCP', 'timeout_udp 5', undefined, ['5 warning config/no-effect']],
    ['SCTP', 'timeout_tcp 5', undefined, ['5 warning config/no-effect']],
  ])('%s: %j', (protocol, lines, expected, said) => {
    const found = service(lines, undefined, undefined, of(protocol));
    expect(found.service?.timeouts).toEqual(expected);
    expect(found.codes).toEqual(said);
  });
});
