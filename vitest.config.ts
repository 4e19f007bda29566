import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'src/**/*.test.ts',
            'lab/**/*.test.ts',
            'sim/**/*.test.ts',
            'bench/**/*.test.ts',
            'test/{tidy,golden,fuzz,compliance}/**/*.test.ts',
          ],
          testTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // These make network namespaces, load BPF programs and measure time: they wait for the unit tests to end, then run one at
        // a time, or they would disturb each other's clocks.
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts', 'test/interop/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
