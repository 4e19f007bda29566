/** All measurements, one after the other. */
import { Driver } from './driver.ts';
import { measureEstablished } from './established.ts';
import { measureMemory } from './memory.ts';
import { measureNew, measureScan } from './opening.ts';
import type { Samples, Settings } from './samples.ts';
import { measureWays } from './ways.ts';

const FLOWS = [1, 16_384, 1_048_576];

export function measureAll(settings: Settings): Samples[] {
  const driver = new Driver();
  try {
    const established = FLOWS.map((flows) => measureEstablished(driver, flows, settings));
    return [
      ...established.map(({ v4 }) => v4),
      ...established.map(({ v6 }) => v6),
      ...measureWays(driver, settings),
      ...measureNew(driver, settings),
      measureScan(driver, settings),
      measureMemory(driver),
    ];
  } finally {
    driver.close();
  }
}
