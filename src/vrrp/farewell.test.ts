import { describe, expect, it } from 'vitest';
import { IpAddress, MICROS_PER_SECOND } from '../base/index.ts';
import type { VirtualRouter } from '../model/index.ts';
import { encodeVrrp, encodeVrrpPacket } from '../wire/index.ts';
import type { TransmitEffect, VrrpEffect } from './effect.ts';
import { Farewell } from './farewell.ts';

const OURS = IpAddress.parse('10.0.0.1') as IpAddress;
const THEIRS = IpAddress.parse('10.0.0.2') as IpAddress;
const GROUP = IpAddress.parse('224.0.0.18') as IpAddress;

const router = (version: 2 | 3, seconds: number): VirtualRouter =>
  ({ version, advertInterval: seconds * MICROS_PER_SECOND }) as VirtualRouter;

function advert(vrid: number, priority: number, source = THEIRS) {
  const content = { version: 3 as const, vrid, priority, interval: 10_000, authType: 0, authData: new Uint8Array(8), addresses: [] };
  const message = encodeVrrp(content, source, GROUP);
  return { message, packet: encodeVrrpPacket(message, source, GROUP, 0, 255) };
}

function goodbye(vrid: number): TransmitEffect {
  return {
    kind: 'transmit',
    router: `VI_${vrid}`,
    interface: 'eth0',
    source: OURS,
    destination: GROUP,
    ttl: 255,
    ...advert(vrid, 0, OURS),
  };
}

const removal = (name: string): VrrpEffect => ({ kind: 'remove-vips', router: name, vips: [] });

describe('a farewell', () => {
  it('lets advertisements out and keeps everything else, in order', () => {
    const farewell = new Farewell([router(3, 1)], 0);
    const effects = [goodbye(1), removal('VI_1'), goodbye(2), removal('VI_2')];
    expect(effects.map((effect) => farewell.keep(effect))).toEqual([false, true, false, true]);
    expect(farewell.finish()).toEqual([removal('VI_1'), removal('VI_2')]);
    expect(farewell.finish()).toEqual([]);
  });

  it('is over when the successor of each router has been heard on its link', () => {
    const farewell = new Farewell([router(3, 1)], 0);
    farewell.keep(goodbye(1));
    farewell.keep(goodbye(2));
    farewell.hear('eth0', advert(1, 100).packet);
    expect(farewell.over).toBe(false);
    farewell.hear('eth1', advert(2, 100).packet);
    farewell.hear('eth0', advert(3, 100).packet);
    farewell.hear('eth0', advert(2, 0).packet);
    farewell.hear('eth0', new Uint8Array(3));
    expect(farewell.over).toBe(false);
    farewell.hear('eth0', advert(2, 1).packet);
    expect(farewell.over).toBe(true);
  });

  it('lets go of each router as soon as its own successor has been heard, and of what belongs to none in the end', () => {
    const farewell = new Farewell([router(3, 1)], 0);
    const ended = (name: string): VrrpEffect => ({ kind: 'transition', subject: 'instance', name }) as VrrpEffect;
    for (const effect of [ended('backup'), goodbye(1), removal('VI_1'), ended('VI_1'), ended('group')]) farewell.keep(effect);
    for (const effect of [goodbye(2), removal('VI_2'), ended('VI_2')]) farewell.keep(effect);
    expect(farewell.hear('eth0', advert(2, 100).packet)).toEqual([removal('VI_2'), ended('VI_2')]);
    expect(farewell.hear('eth0', advert(2, 100).packet)).toEqual([]);
    expect(farewell.over).toBe(false);
    expect(farewell.hear('eth0', advert(1, 100).packet)).toEqual([removal('VI_1'), ended('VI_1')]);
    expect(farewell.over).toBe(true);
    expect(farewell.finish()).toEqual([ended('backup'), ended('group')]);
  });

  it('is over at once where no router was active', () => {
    const farewell = new Farewell([router(3, 1)], 0);
    farewell.keep(removal('VI_1'));
    expect(farewell.over).toBe(true);
  });

  it('lasts no longer than the most patient backup waits, and a second at most', () => {
    expect(new Farewell([router(3, 0.1), router(3, 0.2)], 1000).deadline).toBe(1000 + 200_000 + 20_000);
    expect(new Farewell([router(2, 0.1)], 0).deadline).toBe(1_020_000);
    expect(new Farewell([router(3, 40)], 0).deadline).toBe(1_020_000);
  });
});
