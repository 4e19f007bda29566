import { describe, expect, it } from 'vitest';
import { DEFAULT_FORWARDING_SETTINGS, DEFAULT_TABLE_SIZES, type ForwardingSettings } from '../../model/index.ts';
import { codes, read } from './lowering.test-helper.ts';

const lowered = (lines: string) => read(`packet_path {\n${lines}\n}\n`).configuration;

describe('packet_path', () => {
  it('is as IPVS where it says nothing, and without it', () => {
    const defaults = { forwarding: DEFAULT_FORWARDING_SETTINGS, tableSizes: DEFAULT_TABLE_SIZES };
    expect([lowered(''), read('').configuration]).toEqual([expect.objectContaining(defaults), expect.objectContaining(defaults)]);
  });

  it.each<readonly [string, Partial<ForwardingSettings>]>([
    ['conn_reuse_mode 0', { connectionReuse: 0 }],
    ['conn_reuse_mode 3', { connectionReuse: 3 }],
    ['expire_nodest_conn', { expireConnectionsOfDeleted: true }],
    ['expire_quiescent_template on', { expireTemplatesOfQuiescent: true }],
    ['sloppy_tcp yes', { sloppyTcp: true }],
    ['sloppy_sctp', { sloppySctp: true }],
    ['cache_bypass', { cacheBypass: true }],
    ['secure_tcp', { secureTcp: 3 }],
    ['secure_tcp\nsecure_tcp off', { secureTcp: 0 }],
    ['secure_tcp automatic', { secureTcp: 1 }],
    ['drop_entry 2', { dropEntry: 2 }],
    ['drop_packet on', { dropPacket: 3 }],
    ['amemthresh 4096', { memoryThreshold: 4096 }],
    ['am_droprate 2', { dropRate: 2 }],
    ['table_threshold 25', { tableThreshold: 25 }],
    ['local_out off', { localOut: false }],
    ['lblc_expiration 60', { lblcExpiration: 60_000_000 }],
    ['lblcr_expiration 2147483', { lblcrExpiration: 2_147_483_000_000 }],
  ])('%s', (line, changes) => {
    expect(lowered(line).forwarding).toEqual({ ...DEFAULT_FORWARDING_SETTINGS, ...changes });
  });

  it('sizes the tables of connections', () => {
    expect(lowered('connections 10000000\nconnections6 1024').tableSizes).toEqual({ connections: 10_000_000, connections6: 1024 });
  });

  it('may stand several times, and the last of repeated keywords counts', () => {
    const { forwarding } = read('packet_path {\nsecure_tcp\nconn_reuse_mode 2\n}\npacket_path {\nconn_reuse_mode 0\n}\n').configuration;
    expect([forwarding.secureTcp, forwarding.connectionReuse]).toEqual([3, 0]);
  });

  it.each([
    ['connections 1023', '2 error config/out-of-range'],
    ['connections 67108865', '2 error config/out-of-range'],
    ['connections6 33554433', '2 error config/out-of-range'],
    ['conn_reuse_mode 4', '2 error config/out-of-range'],
    ['am_droprate 0', '2 error config/out-of-range'],
    ['table_threshold 101', '2 error config/out-of-range'],
    ['drop_entry 4', '2 error config/bad-value'],
    ['lblc_expiration 0', '2 error config/out-of-range'],
    ['expire_nodest_conn 1', '2 error config/bad-value'],
    ['drop_everything', '2 warning config/unknown-keyword'],
  ])('%s is diagnosed', (line, diagnostic) => {
    expect(codes(`packet_path {\n${line}\n}\n`)).toEqual([diagnostic]);
  });
});
