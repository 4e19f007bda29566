import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'sim/**/*.test.ts', 'test/{tidy,golden,fuzz,compliance}/**/*.test.ts'],
          testTimeout: 60_000,
        },
      },
      {
        // These make network namespaces and load BPF programs; one at a time, on a quiet machine, or they disturb each other's clocks.
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts', 'test/interop/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
