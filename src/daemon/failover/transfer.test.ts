import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../base/index.ts';
import { reviveAddresses } from './transfer.ts';

describe('reviveAddresses', () => {
  it('gives back what a structured clone took', () => {
    const address = IpAddress.parse('192.168.18.200') as IpAddress;
    const settings = { list: [{ address, length: 32 }], password: Uint8Array.of(1, 2), nothing: undefined, name: 'VI_1' };
    const revived = reviveAddresses(structuredClone(settings));
    expect(revived).toEqual(settings);
    expect(revived.list[0]?.address).toBeInstanceOf(IpAddress);
    expect(revived.list[0]?.address.equals(address)).toBe(true);
  });
});
